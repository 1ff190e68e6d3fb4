// Completely fair queueing: the queues of task_queues.hpp are served in turn by slices of time;
// after a task's last request the disk waits for its next.
// MODELS:   2.6.18 to 4.x block/cfq-iosched.c: cfq_dispatch_requests(), cfq_select_queue(),
//           cfq_arm_slice_timer(), cfq_should_preempt(), cfq_update_io_thinktime(),
//           cfq_update_idle_window().
// DEVIATES: queues of a class take turns in the order in which they became busy, where the kernel
//           keeps a tree by time, in which what is left of a slice that was cut short counts; a
//           near request of another task does not end the wait; that a disk queues commands is
//           known from its depth, not observed; no low_latency (2.6.32).
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

// How long a task takes from the end of a request to its next one: a mean in which the last eighth
// is the newest.
class ThinkTime {
 public:
  // It sends a request; no sample counts for more than `most`.
  void sent(Jiffies now, Jiffies most);
  void completed(Jiffies now) { last_end_ = now; }
  bool valid() const { return samples_ > 80; }
  Jiffies mean() const { return Jiffies((total_ + 128) / samples_); }

 private:
  std::int64_t samples_ = 0, total_ = 0;  // in 256ths
  Jiffies last_end_{};
};

struct CfqQueue : TaskQueue {
  int slice_dispatch = 0;    // of this slice
  Jiffies slice_end{};       // 0: the slice begins with its first completion
  bool busy = false;         // it has its turn, or waits for it
  bool idle_window = false;  // its task is waited for
  ThinkTime think_time;
  boost::intrusive::list_member_hook<> turn_hook;
};

class CfqElevator final : public TaskQueueElevator<CfqQueue> {
 public:
  static constexpr int kQuantum = 4;

  CfqElevator(const CfqRules& rules, TickClock clock, bool may_wait = true);

  void add(Request& rq, Jiffies now) override;
  Request* next(Jiffies now) override;
  void completed(const Request& rq, Jiffies now) override;

 private:
  using Turns = boost::intrusive::list<
      CfqQueue, boost::intrusive::member_hook<CfqQueue, boost::intrusive::list_member_hook<>,
                                              &CfqQueue::turn_hook>>;

  Turns& turns_of(const CfqQueue& q) { return turns_[static_cast<std::size_t>(q.ioprio.cls())]; }
  bool alone() const { return turns_[0].empty() && turns_[1].empty() && turns_[2].empty(); }
  void update_idle_window(CfqQueue& q, Jiffies now);
  bool slice_used(const CfqQueue& q, Jiffies now) const;
  bool keep_waiting(const CfqQueue& q, Jiffies now) const;
  bool should_preempt(const CfqQueue& q, Jiffies now) const;
  void preempt(CfqQueue& q);
  void take_turn();
  void expire_slice();
  bool may_dispatch(const CfqQueue& q) const;
  void arm_slice_timer(const CfqQueue& q, Jiffies now);
  Request& take(CfqQueue& q, Request& rq) override;

  CfqRules rules_;
  bool may_wait_;                     // QueueRules::may_wait()
  Jiffies slice_sync_, slice_async_;  // of priority 4
  Jiffies slice_idle_, fifo_sync_, fifo_async_;
  std::array<Turns, 3> turns_;  // by class; without the active one
  CfqQueue* active_ = nullptr;
  int sync_in_flight_ = 0;
};

}  // namespace wbsim
