// Floating proportions with a period of time: the share of a device in the page completions of the
// last seconds, older ones counting half for each period that passed.
//
// MODELS:   lib/flex_proportions.c, and the period timer of mm/page-writeback.c, 3.10 - 6.1.
// DEVIATES: all events are counted on one processor; the timer is not an event: what it would have
//           done is made up for when somebody looks.
#pragma once

#include <cstdint>

#include "models/mm/percpu_counter.hpp"
#include "models/mm/proportions.hpp"
#include "models/sched/timer_wheel.hpp"
#include "sim/units.hpp"

namespace wbsim {

struct FlexLocal {
  PercpuCounter events;
  std::int64_t period = 0;  // the global period it is aged to
};

// Of a kernel built for so many processors; without CONFIG_SMP both are 1.
struct FlexBatches {
  std::int64_t local = 1;   // PROP_BATCH
  std::int64_t global = 1;  // percpu_counter_batch
  std::int64_t summed = 1;  // nr_cpu_ids * PROP_BATCH: a local below it is aged by its exact sum

  static FlexBatches smp(int cpus);
};

class FlexProportions {
 public:
  FlexProportions(Jiffies period_length, TimerWheel wheel, FlexBatches batches = {})
      : length_(period_length), wheel_(wheel), batches_(batches) {}

  Jiffies jiffies_at(TimePoint t) const { return wheel_.ticks().jiffies_at(t); }

  // `count` events of one local. With max_ratio below 100 those are dropped that find the local
  // above that many percent.
  void add(FlexLocal& local, std::int64_t count, int max_ratio, Jiffies now);
  PropFraction fraction(FlexLocal& local, Jiffies now);

 private:
  void catch_up(Jiffies now);
  void start_timer(Jiffies now);
  void age(FlexLocal& local) const;
  PropFraction fraction_now(const FlexLocal& local) const;

  Jiffies length_;
  TimerWheel wheel_;
  FlexBatches batches_;
  PercpuCounter events_{1};
  std::int64_t period_ = 0;
  Jiffies period_time_{0};  // when the period ends; 0: the timer does not run
  Jiffies fires_{0};        // when the timer then fires, no earlier
};

}  // namespace wbsim
