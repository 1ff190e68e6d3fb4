// Floating proportions with a period of time: the share of a device in the page completions of the
// last seconds, older ones counting half for each period that passed.
//
// MODELS:   lib/flex_proportions.c, and the period timer of mm/page-writeback.c, 3.10 - 6.1.
// DEVIATES: exact counters instead of per-cpu ones; the timer is not an event: what it would have
//           done is made up for when somebody looks.
#pragma once

#include <cstdint>

#include "models/mm/proportions.hpp"
#include "sim/units.hpp"

namespace wbsim {

struct FlexLocal {
  std::int64_t events = 0;
  std::int64_t period = 0;  // the global period it is aged to
};

class FlexProportions {
 public:
  explicit FlexProportions(Jiffies period_length) : length_(period_length) {}

  // `count` events of one local. With max_ratio below 100 those are dropped that find the local
  // above that many percent.
  void add(FlexLocal& local, std::int64_t count, int max_ratio, Jiffies now);
  PropFraction fraction(FlexLocal& local, Jiffies now);

 private:
  void catch_up(Jiffies now);
  void age(FlexLocal& local) const;
  PropFraction fraction_now(const FlexLocal& local) const;

  Jiffies length_;
  std::int64_t events_ = 1;
  std::int64_t period_ = 0;
  Jiffies period_time_{0};  // when the period ends; 0: the timer does not run
};

}  // namespace wbsim
