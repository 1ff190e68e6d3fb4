// What runs beside the sampler because a recorder does: the process that began everything. It does
// nothing to speak of, but it takes the processor when it wakes, and who goes on after it is the
// one who has run least.
//
// MODELS: the runner of the recordings of 6.1, which looks every 100 ms whether all is done: E0, E8
//         and E18 show samples that waited for a busy processor until then (6.003305, 2.501415 and
//         4.002246 s, 60, 25 and 40 periods of 100.055 ms).
#pragma once

#include "models/sched/processors.hpp"
#include "sim/simulator.hpp"
#include "sim/task.hpp"

namespace wbsim {

class RecorderRunner {
 public:
  RecorderRunner(Simulator& sim, Processors& cpu, Duration context_switch)
      : sim_(sim), cpu_(cpu), context_switch_(context_switch) {}

  void start(TimePoint begin);

 private:
  Task<> look_whether_all_is_done(TimePoint begin);

  Simulator& sim_;
  Processors& cpu_;
  Duration context_switch_;
  Thread thread_{"runner"};
};

}  // namespace wbsim
