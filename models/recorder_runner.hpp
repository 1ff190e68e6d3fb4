// What runs beside the sampler because a recorder does: the process that began everything, and the
// kernel's RCU thread. Neither does anything to speak of, but each takes the processor when it
// wakes, and who goes on after it is the one who has run least.
//
// MODELS:   the runner of the recordings of 6.1, which looks every 100 ms whether all is done: E0,
//           E8 and E18 show samples that waited for a busy processor until then (6.003305, 2.501415
//           and 4.002246 s, 60, 25 and 40 periods of 100.055 ms). rcu_gp_kthread(), woken by the
//           first tick after files were closed: at 0.152 s E4 and E8b go on with who had run least,
//           1.8 ms into a slice of 2 to 3 ms.
// DEVIATES: a grace period wakes the thread once.
#pragma once

#include "models/sched/processors.hpp"
#include "sim/simulator.hpp"
#include "sim/task.hpp"
#include "sim/wait_queue.hpp"

namespace wbsim {

class RecorderThreads {
 public:
  RecorderThreads(Simulator& sim, TickClock ticks, Processors& cpu, Duration context_switch)
      : sim_(sim), ticks_(ticks), cpu_(cpu), context_switch_(context_switch) {}

  void start(TimePoint begin);
  void files_closed() { closed_.wake_all(); }

 private:
  Task<> look_whether_all_is_done(TimePoint begin);
  Task<> rcu_gp_kthread();

  Simulator& sim_;
  TickClock ticks_;
  Processors& cpu_;
  Duration context_switch_;
  Thread runner_{"runner"};
  Thread rcu_{"rcu_sched"};
  WaitQueue closed_;
};

}  // namespace wbsim
