// Those who sleep in schedule_timeout(), and in which order one tick wakes them.
//
// MODELS:   kernel/time/timer.c from 4.8 on: enqueue_timer() puts a timer at the head of its bucket
//           and expire_timers() takes from there, so whoever began to sleep last wakes first.
//           kernel/timer.c before: the first one first.
// DEVIATES: timers of different levels that end with one tick are ordered like those of one level.
#pragma once

#include <algorithm>
#include <coroutine>
#include <map>
#include <vector>

#include "models/sched/timer_wheel.hpp"
#include "sim/simulator.hpp"

namespace wbsim {

class WheelSleepers {
 public:
  WheelSleepers(Simulator& sim, const TimerWheel& wheel) : sim_(sim), wheel_(wheel) {}
  WheelSleepers(const WheelSleepers&) = delete;

  struct Sleep {
    WheelSleepers& sleepers;
    TimePoint until;
    WaitSite site;
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> self) {
      Process& process = *self.promise().process;
      process.going_to_sleep();
      process.suspend(self, site);
      sleepers.add(until, process);
    }
    void await_resume() const noexcept {}
  };
  Sleep schedule_timeout(Jiffies timeout, const char* what, const char* file = __builtin_FILE(),
                         int line = __builtin_LINE()) {
    return {*this, wheel_.sleep_expiry(sim_.now(), timeout), {what, file, line, true}};
  }

 private:
  void add(TimePoint until, Process& process) {
    std::vector<Process*>& bucket = buckets_[until];
    bucket.push_back(&process);
    if (bucket.size() == 1)
      sim_.at(until,
              {[](void* self, std::uint64_t) { static_cast<WheelSleepers*>(self)->expire(); }, this,
               0});
  }
  void expire() {
    auto bucket = buckets_.extract(buckets_.begin());
    std::vector<Process*>& processes = bucket.mapped();
    if (wheel_.rule() == TimerRule::kWheel)
      std::reverse(processes.begin(), processes.end());
    for (Process* process : processes)
      sim_.make_ready(*process);
  }

  Simulator& sim_;
  const TimerWheel& wheel_;
  std::map<TimePoint, std::vector<Process*>> buckets_;
};

}  // namespace wbsim
