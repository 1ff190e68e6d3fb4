// Completely fair queueing: the queues of task_queues.hpp are served in turn by slices of time;
// after a task's last request the disk waits for its next.
// MODELS:   2.6.18 to 4.x block/cfq-iosched.c: cfq_dispatch_requests(), cfq_select_queue(),
//           cfq_arm_slice_timer().
// DEVIATES: queues of a class take turns in the order in which they became busy, where the kernel
//           keeps a tree by time; a higher class does not cut a slice short, and the idle one has
//           no grace; no think times.
#pragma once

#include <array>

#include "models/block/task_queues.hpp"

namespace wbsim {

// The slice of a queue of this priority, 0 to 7, where 4 has `base`.
constexpr Jiffies cfq_prio_slice(Jiffies base, int ioprio) {
  return base + base / 5 * (4 - ioprio);
}
// Most requests of an asynchronous queue in a slice.
constexpr int cfq_prio_to_maxrq(int ioprio) {
  return 2 * (2 + 2 * (7 - ioprio));
}

struct CfqQueue : TaskQueue {
  int slice_dispatch = 0;  // of this slice
  Jiffies slice_end{};     // 0: the slice begins with its first completion
  bool busy = false;       // it has its turn, or waits for it
  boost::intrusive::list_member_hook<> turn_hook;
};

class CfqElevator final : public TaskQueueElevator<CfqQueue> {
 public:
  static constexpr int kQuantum = 4;

  CfqElevator(const CfqRules& rules, TickClock clock);

  void add(Request& rq, Jiffies now) override;
  Request* next(Jiffies now) override;
  void completed(const Request& rq, Jiffies now) override;

 private:
  using Turns = boost::intrusive::list<
      CfqQueue, boost::intrusive::member_hook<CfqQueue, boost::intrusive::list_member_hook<>,
                                              &CfqQueue::turn_hook>>;

  Turns& turns_of(const CfqQueue& q) { return turns_[static_cast<std::size_t>(q.ioprio.cls())]; }
  bool alone() const { return turns_[0].empty() && turns_[1].empty() && turns_[2].empty(); }
  bool slice_used(const CfqQueue& q, Jiffies now) const;
  bool keep_waiting(const CfqQueue& q, Jiffies now) const;
  void take_turn();
  void expire_slice();
  bool may_dispatch(const CfqQueue& q) const;
  Request& take(CfqQueue& q, Request& rq) override;

  CfqRules rules_;
  Jiffies slice_sync_, slice_async_;  // of priority 4
  Jiffies slice_idle_, fifo_sync_, fifo_async_;
  std::array<Turns, 3> turns_;  // by class; without the active one
  CfqQueue* active_ = nullptr;
  int sync_in_flight_ = 0;
};

}  // namespace wbsim
