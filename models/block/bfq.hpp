// Budget fair queueing: the queues of task_queues.hpp are served in turn by budgets of sectors, in
// the order of B-WF2Q+; after a task's last request the disk waits for its next.
// MODELS:   4.12 to 6.1 block/bfq-iosched.c bfq_select_queue(), bfq_bfqq_expire(),
//           bfq_arm_slice_timer(), bfq_limit_depth(); block/bfq-wf2q.c bfq_calc_finish(),
//           bfq_lookup_next_entity().
// DEVIATES: every budget is the largest one, for there is no feedback; no raising of weights, no
//           injection of service, no extra charge of writes; it idles on every device; the idle
//           class has no guarantee.
#pragma once

#include <array>
#include <tuple>

#include "models/block/task_queues.hpp"

namespace wbsim {

constexpr std::int64_t bfq_ioprio_to_weight(int level) {
  return (8 - level) * 10;
}

// Of the scheduler's tags, what asynchronous and synchronous writes may have: bfq_update_depths().
constexpr int bfq_async_depth(int nr_requests) {
  return std::max(nr_requests / 2, 1);
}
constexpr int bfq_sync_write_depth(int nr_requests) {
  return std::max(nr_requests * 3 / 4, 1);
}

struct BfqQueue : TaskQueue {
  using TreeHook =
      boost::intrusive::set_member_hook<boost::intrusive::link_mode<boost::intrusive::normal_link>>;

  std::int64_t weight() const { return bfq_ioprio_to_weight(ioprio.level()); }
  std::int64_t start = 0, finish = 0;  // in virtual time: entity.start, entity.finish
  Sectors served;                      // of the budget
  Jiffies budget_end{};                // bfqd->budget_timeout
  bool busy = false;                   // in service, or waiting for it
  TreeHook tree_hook;
};

class BfqElevator final : public TaskQueueElevator<BfqQueue> {
 public:
  static constexpr Sectors kMaxBudget{16384};

  explicit BfqElevator(TickClock clock);

  void add(Request& rq, Jiffies now) override;
  Request* next(Jiffies now) override;
  void completed(const Request& rq, Jiffies now) override;

 private:
  struct StartOf {
    using type = std::int64_t;
    std::int64_t operator()(const BfqQueue& q) const { return q.start; }
  };
  struct FinishOf {  // of equals the older queue
    using type = std::tuple<std::int64_t, std::size_t>;
    type operator()(const BfqQueue& q) const { return {q.finish, q.number}; }
  };
  template <class Key>
  using Queues = boost::intrusive::multiset<
      BfqQueue, boost::intrusive::member_hook<BfqQueue, BfqQueue::TreeHook, &BfqQueue::tree_hook>,
      boost::intrusive::key_of_value<Key>>;

  // A class of priority: bfq_service_tree.
  struct Tree {
    std::int64_t vtime = 0;
    std::int64_t wsum = 0;  // weights of the busy queues
    // The busy queues but for the one in service. As the virtual time never goes back, those whose
    // service is due stay so.
    Queues<StartOf> early;
    Queues<FinishOf> due;
  };
  Tree& tree_of(const BfqQueue& q) { return trees_[static_cast<std::size_t>(q.ioprio.cls())]; }
  void activate(BfqQueue& q, std::int64_t start);
  bool must_expire(const BfqQueue& q, Jiffies now) const;
  void expire();
  static BfqQueue* next_entity(Tree& tree);
  void select(Jiffies now);
  Request& take(BfqQueue& q, Request& rq) override;

  Jiffies slice_idle_, timeout_, fifo_sync_, fifo_async_;
  std::array<Tree, 3> trees_;  // realtime, best effort, idle
  BfqQueue* in_service_ = nullptr;
};

}  // namespace wbsim
