// Floating proportions with a period counted in events: the share of a device in all page
// completions, the share of a task in all page dirtyings.
//
// MODELS:   lib/proportions.c and mm/page-writeback.c calc_period_shift(), 2.6.24 - 2.6.39.
// DEVIATES: exact counters instead of per-cpu ones.
#pragma once

#include <cstdint>

#include "sim/units.hpp"

namespace wbsim {

struct PropLocal {
  std::int64_t events = 0;
  std::int64_t period = 0;  // the global event count, rounded to half periods, events is aged to
};

struct PropFraction {
  std::int64_t numerator;
  std::int64_t denominator;
};

class Proportions {
 public:
  // shift = 2 + floor(log2(dirty_total - 1)); the period is 2^shift events.
  static int period_shift(Pages dirty_total);
  explicit Proportions(int shift) : half_(std::int64_t{1} << (shift - 1)) {}

  // `count` events of one local, in one go.
  void add(PropLocal& local, std::int64_t count) {
    const std::int64_t into_half = events_ & (half_ - 1);
    if (local.period != events_ - into_half || count > half_ - into_half)
      return add_and_age(local, count);
    local.events += count;
    events_ += count;
  }
  // One event, unless the local already has more than max_ratio percent: __prop_inc_percpu_max().
  void add_limited(PropLocal& local, int max_ratio);
  PropFraction fraction(PropLocal& local) const;

 private:
  void age(PropLocal& local) const;
  void add_and_age(PropLocal& local, std::int64_t count);

  std::int64_t half_;
  std::int64_t events_ = 0;
};

}  // namespace wbsim
