// Units that do not mix by accident: simulated time in nanoseconds, and counts of pages, bytes,
// sectors and jiffies.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>

namespace wbsim {

using Duration = std::chrono::nanoseconds;

// Simulated time. It has no now(): only a Simulator knows the time. Time 0 is the machine's boot.
struct SimClock {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<SimClock, Duration>;
  static constexpr bool is_steady = true;
};
using TimePoint = SimClock::time_point;

constexpr double to_seconds(Duration d) {
  return static_cast<double>(d.count()) * 1e-9;
}

constexpr std::int64_t in_millis(Duration d) {
  return d / std::chrono::milliseconds(1);
}

// What `amount` in `time` comes to in a second; in no time 0.
constexpr double per_second(std::int64_t amount, Duration time) {
  return time > Duration::zero()
             ? static_cast<double>(amount) * 1e9 / static_cast<double>(time.count())
             : 0;
}

template <class Tag>
class Quantity {
 public:
  constexpr Quantity() = default;
  constexpr explicit Quantity(std::int64_t count) : count_(count) {}
  constexpr std::int64_t count() const { return count_; }

  constexpr auto operator<=>(const Quantity&) const = default;
  constexpr Quantity operator-() const { return Quantity(-count_); }
  constexpr Quantity& operator+=(Quantity other) { return count_ += other.count_, *this; }
  constexpr Quantity& operator-=(Quantity other) { return count_ -= other.count_, *this; }
  friend constexpr Quantity operator+(Quantity a, Quantity b) { return a += b; }
  friend constexpr Quantity operator-(Quantity a, Quantity b) { return a -= b; }
  friend constexpr Quantity operator*(Quantity a, std::int64_t n) { return Quantity(a.count_ * n); }
  friend constexpr Quantity operator/(Quantity a, std::int64_t n) { return Quantity(a.count_ / n); }

 private:
  std::int64_t count_ = 0;
};

using Pages = Quantity<struct PagesTag>;
using Bytes = Quantity<struct BytesTag>;
using Sectors = Quantity<struct SectorsTag>;  // of 512 bytes
using Jiffies = Quantity<struct JiffiesTag>;

inline constexpr std::int64_t kPageShift = 12;
inline constexpr std::int64_t kPageSize = std::int64_t{1} << kPageShift;
inline constexpr std::int64_t kSectorShift = 9;
inline constexpr std::int64_t kSectorSize = std::int64_t{1} << kSectorShift;
inline constexpr std::int64_t kSectorsPerPage = kPageSize / kSectorSize;

constexpr Bytes to_bytes(Pages p) {
  return Bytes(p.count() * kPageSize);
}
constexpr Bytes to_bytes(Sectors s) {
  return Bytes(s.count() * kSectorSize);
}
constexpr Pages whole_pages(Bytes b) {
  return Pages(b.count() / kPageSize);
}
constexpr Pages round_up_pages(Bytes b) {
  return Pages(b.count() / kPageSize + (b.count() % kPageSize > 0 ? 1 : 0));
}

// The timer tick. Kernel timeouts are whole jiffies and end on a tick.
class TickClock {
 public:
  constexpr explicit TickClock(int hz) : hz_(hz) {}
  constexpr int hz() const { return hz_; }
  constexpr Duration tick() const { return Duration(1'000'000'000 / hz_); }
  constexpr Jiffies jiffies_at(TimePoint t) const {
    return Jiffies(t.time_since_epoch().count() / tick().count());
  }
  constexpr TimePoint start_of(Jiffies j) const { return TimePoint(tick() * j.count()); }
  // When a timer armed at `now` for `timeout` jiffies fires: schedule_timeout(), mod_timer().
  constexpr TimePoint expiry(TimePoint now, Jiffies timeout) const {
    return start_of(jiffies_at(now) + timeout);
  }
  // msecs_to_jiffies(): rounded up.
  constexpr Jiffies from_duration(Duration d) const {
    return Jiffies(d / tick() + (d % tick() > Duration::zero() ? 1 : 0));
  }

 private:
  int hz_;
};

}  // namespace wbsim
