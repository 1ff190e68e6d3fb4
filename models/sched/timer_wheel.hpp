// When a timer of the kernel really fires.
//
// MODELS:   kernel/timer.c of 2.6 - 4.7: on the tick asked for, mod_timer() up to 1/256 later on a
//           round number; kernel/time/timer.c from 4.8 on: never early, so one tick more, and far
//           timers on multiples of 8, 64, 512 ... ticks.
#pragma once

#include <cstdint>

#include "sim/units.hpp"

namespace wbsim {

enum class TimerRule : std::uint8_t {
  kExact,  // up to 2.6.34
  kSlack,  // 2.6.35: add_timer() and mod_timer() have slack, schedule_timeout() has none
  kWheel,  // 4.8: coarser levels, no cascading
};

class TimerWheel {
 public:
  TimerWheel(TimerRule rule, TickClock ticks, Duration first_tick)
      : rule_(rule), ticks_(ticks), first_tick_(first_tick) {}

  // add_timer(), mod_timer(), queue_delayed_work().
  TimePoint expiry(TimePoint now, Jiffies timeout) const;
  // schedule_timeout().
  TimePoint sleep_expiry(TimePoint now, Jiffies timeout) const;
  // round_jiffies_relative() of a second: when a timer expires that was set so.
  TimePoint next_second(TimePoint now) const;
  TickClock ticks() const { return ticks_; }
  TimerRule rule() const { return rule_; }

 private:
  Jiffies counted(Jiffies since_boot) const;  // the kernel's jiffies, low 32 bits
  TimePoint wheel_expiry(TimePoint now, Jiffies timeout) const;

  TimerRule rule_;
  TickClock ticks_;
  Duration first_tick_;  // after boot; decides on the phase of the coarse levels
};

}  // namespace wbsim
