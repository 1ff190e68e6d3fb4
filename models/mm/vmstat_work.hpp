// When what a processor keeps of the counts of pages comes to those of the node.
//
// MODELS:   mm/vmstat.c vmstat_shepherd(), vmstat_update() and quiet_vmstat() of 6.1: on each round
//           second of jiffies, and, while that finds something, each time the tick stops.
// DEVIATES: one processor; the work takes no time and waits for nobody.
#pragma once

#include "models/mm/node_stats.hpp"
#include "models/sched/processors.hpp"
#include "models/sched/timer_wheel.hpp"
#include "sim/task.hpp"

namespace wbsim {

class VmstatWork {
 public:
  VmstatWork(NodeStats& stats, Processors& cpu) : stats_(stats), cpu_(cpu) {}

  // Until `begin` somebody sets the machine up, and each second is looked at in time.
  Task<> run(Simulator& sim, TimerWheel wheel, TimePoint begin = TimePoint{});
  void quiet_vmstat() {
    if (pending_)
      stats_.fold();
  }

 private:
  NodeStats& stats_;
  Processors& cpu_;
  bool pending_ = false;
};

}  // namespace wbsim
