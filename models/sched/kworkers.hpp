// The kworkers of one unbound workqueue pool, as far as it matters which of them runs a work.
//
// MODELS:   kernel/workqueue.c of 3.10 and 6.1: first_idle_worker() is the last that became idle; a
//           work finds no idle worker only while others run, and then gets a new one.
// DEVIATES: the thread that runs the work is the caller's; it has the kworker's vruntime. Idle
//           workers live for ever.
#pragma once

#include <vector>

#include "models/sched/processors.hpp"

namespace wbsim {

class Kworkers {
 public:
  // The thread becomes the idle worker, or a new one that has had nothing of the processors.
  void take(Thread& thread) {
    thread.set_vruntime(idle_.empty() ? Duration(0) : idle_.back());
    if (!idle_.empty())
      idle_.pop_back();
  }
  void put(const Thread& thread) { idle_.push_back(thread.vruntime()); }

 private:
  std::vector<Duration> idle_;  // vruntimes, the one that became idle last at the end
};

}  // namespace wbsim
