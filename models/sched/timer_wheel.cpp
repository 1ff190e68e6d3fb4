#include "models/sched/timer_wheel.hpp"

#include <algorithm>
#include <bit>

namespace wbsim {

namespace {
constexpr int kLevelBits = 6;       // 64 buckets a level
constexpr int kLevelClockBits = 3;  // each level 8 times coarser
constexpr std::int64_t kSlackDivisor = 256;
}  // namespace

// jiffies start 300 s before they wrap.
Jiffies TimerWheel::counted(Jiffies since_boot) const {
  const std::int64_t initial = (std::int64_t{1} << 32) - 300 * std::int64_t{ticks_.hz()};
  return Jiffies(initial) + since_boot - Jiffies(first_tick_ / ticks_.tick());
}

TimePoint TimerWheel::wheel_expiry(TimePoint now, Jiffies timeout) const {
  const Jiffies base = ticks_.jiffies_at(now);
  int shift = 0;
  // A level reaches 63 of its buckets far.
  while (timeout.count() >= ((std::int64_t{1} << kLevelBits) - 1) << shift)
    shift += kLevelClockBits;
  const std::int64_t expires = counted(base + timeout).count();
  const std::int64_t bucket = ((expires >> shift) + 1) << shift;
  return ticks_.start_of(base + timeout + Jiffies(bucket - expires));
}

TimePoint TimerWheel::expiry(TimePoint now, Jiffies timeout) const {
  if (rule_ == TimerRule::kWheel)
    return wheel_expiry(now, timeout);
  // One that expires now runs at the next tick.
  const Jiffies expires = ticks_.jiffies_at(now) + std::max(timeout, Jiffies(1));
  const std::int64_t slack = timeout.count() / kSlackDivisor;
  if (rule_ == TimerRule::kExact || slack == 0)
    return ticks_.start_of(expires);
  // The roundest number within the slack.
  const auto first = static_cast<std::uint64_t>(counted(expires).count());
  const std::uint64_t last = first + static_cast<std::uint64_t>(slack);
  const int highest_change = static_cast<int>(std::bit_width(first ^ last)) - 1;
  const std::uint64_t round = last >> highest_change << highest_change;
  return ticks_.start_of(expires + Jiffies(static_cast<std::int64_t>(round - first)));
}

TimePoint TimerWheel::sleep_expiry(TimePoint now, Jiffies timeout) const {
  return rule_ == TimerRule::kWheel ? wheel_expiry(now, timeout) : ticks_.expiry(now, timeout);
}

TimePoint TimerWheel::next_second(TimePoint now) const {
  const std::int64_t hz = ticks_.hz();
  const std::int64_t counted_now = counted(ticks_.jiffies_at(now)).count();
  const std::int64_t beyond = (counted_now + hz) % hz;
  const std::int64_t second = counted_now + hz - beyond + (beyond < hz / 4 ? 0 : hz);
  return expiry(now, Jiffies(second - counted_now));
}

}  // namespace wbsim
