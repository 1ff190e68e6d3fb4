// Those who sleep in schedule_timeout(), and in which order one tick wakes them.
//
// MODELS:   kernel/time/timer.c from 4.8 on: enqueue_timer() puts a timer at the head of its bucket
//           and expire_timers() takes from there, so whoever began to sleep last wakes first.
//           kernel/timer.c before: the first one first.
// DEVIATES: timers of different levels that end with one tick are ordered like those of one level.
#pragma once

#include <boost/intrusive/set.hpp>
#include <coroutine>

#include "models/sched/timer_wheel.hpp"
#include "sim/simulator.hpp"

namespace wbsim {

class WheelSleepers {
 public:
  WheelSleepers(Simulator& sim, const TimerWheel& wheel) : sim_(sim), wheel_(wheel) {}
  WheelSleepers(const WheelSleepers&) = delete;

  struct Sleep : boost::intrusive::set_base_hook<
                     boost::intrusive::link_mode<boost::intrusive::normal_link>> {
    Sleep(WheelSleepers& s, TimePoint u, WaitSite w) : sleepers(s), until(u), site(w) {}
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> self) {
      process = self.promise().process;
      process->going_to_sleep();
      process->suspend(self, site);
      sleepers.add(*this);
    }
    void await_resume() const noexcept {}
    bool operator<(const Sleep& other) const { return until < other.until; }

    WheelSleepers& sleepers;
    TimePoint until;
    WaitSite site;
    Process* process = nullptr;
  };
  Sleep schedule_timeout(Jiffies timeout, const char* what, const char* file = __builtin_FILE(),
                         int line = __builtin_LINE()) {
    return {*this, wheel_.sleep_expiry(sim_.now(), timeout), {what, file, line, true}};
  }

 private:
  void add(Sleep& sleep) {
    const bool first = sleeping_.find(sleep) == sleeping_.end();
    const bool at_the_head = wheel_.rule() == TimerRule::kWheel;
    sleeping_.insert_before(
        at_the_head ? sleeping_.lower_bound(sleep) : sleeping_.upper_bound(sleep), sleep);
    if (first)
      sim_.at(sleep.until,
              {[](void* self, std::uint64_t) { static_cast<WheelSleepers*>(self)->expire(); }, this,
               0});
  }
  void expire() {
    while (!sleeping_.empty() && sleeping_.begin()->until <= sim_.now()) {
      Process& process = *sleeping_.begin()->process;
      sleeping_.erase(sleeping_.begin());
      sim_.make_ready(process);
    }
  }

  Simulator& sim_;
  const TimerWheel& wheel_;
  boost::intrusive::multiset<Sleep> sleeping_;
};

}  // namespace wbsim
