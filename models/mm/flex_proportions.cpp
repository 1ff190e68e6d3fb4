#include "models/mm/flex_proportions.hpp"

#include <algorithm>
#include <bit>

namespace wbsim {

FlexBatches FlexBatches::smp(int cpus) {
  const int log2 = static_cast<int>(std::bit_width(static_cast<unsigned>(cpus))) - 1;
  const std::int64_t batch = 8 * (1 + log2);
  return {batch, std::max(32, 2 * cpus), cpus * batch};
}

void FlexProportions::start_timer(Jiffies now) {
  const TickClock ticks = wheel_.ticks();
  fires_ = ticks.jiffies_at(wheel_.expiry(ticks.start_of(now), period_time_ - now));
}

// writeout_period() and fprop_new_period(), as often as the timer would have fired. It stops at the
// first period that begins with no more than one event.
void FlexProportions::catch_up(Jiffies now) {
  while (period_time_ != Jiffies(0) && now >= fires_) {
    const std::int64_t events = events_.sum();
    if (events <= 1) {
      period_time_ = Jiffies(0);
      return;
    }
    events_.add(-(events - events / 2), batches_.global);
    ++period_;
    period_time_ += length_;
    start_timer(fires_);
  }
}

// fprop_reflect_period_percpu(): of a local that reads small the exact sum is halved.
void FlexProportions::age(FlexLocal& local) const {
  const std::int64_t missed = period_ - local.period;
  if (missed == 0)
    return;
  local.period = period_;
  if (missed >= 64) {
    local.events.set(0);
    return;
  }
  const std::int64_t read = local.events.read();
  const std::int64_t events = read < batches_.summed ? local.events.sum() : read;
  local.events.add((events >> missed) - events, batches_.local);
}

PropFraction FlexProportions::fraction_now(const FlexLocal& local) const {
  const std::int64_t own = local.events.read_positive(), all = events_.read_positive();
  if (all > own)
    return {own, all};
  return {own, own > 0 ? own : 1};
}

void FlexProportions::add(FlexLocal& local, std::int64_t count, int max_ratio, Jiffies now) {
  catch_up(now);
  age(local);
  if (period_time_ == Jiffies(0)) {
    period_time_ = now + length_;
    start_timer(now);
  }
  if (max_ratio >= 100) {
    local.events.increment(count, batches_.local);
    events_.increment(count, batches_.global);
    return;
  }
  for (; count > 0; --count) {
    const PropFraction share = fraction_now(local);
    if (share.numerator > share.denominator * max_ratio / 100)
      return;  // nothing changes it before the next event of another device
    local.events.increment(1, batches_.local);
    events_.increment(1, batches_.global);
  }
}

PropFraction FlexProportions::fraction(FlexLocal& local, Jiffies now) {
  catch_up(now);
  age(local);
  return fraction_now(local);
}

}  // namespace wbsim
