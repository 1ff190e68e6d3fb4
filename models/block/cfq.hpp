// Completely fair queueing: a queue for the synchronous requests of each task, one for all others,
// served in turn by slices of time; after a task's last request the disk waits for its next.
// MODELS:   2.6.18 to 4.x block/cfq-iosched.c: cfq_dispatch_requests(), cfq_select_queue(),
//           cfq_arm_slice_timer(), cfq_choose_req(), at priority 4 of the best-effort class.
// DEVIATES: queues take turns in the order in which they became busy, where the kernel keeps a tree
//           by time; no think times, no seek detection, no cooperating queues, no groups.
#pragma once

#include <boost/intrusive/list.hpp>
#include <boost/intrusive/set.hpp>
#include <deque>

#include "models/block/elevator.hpp"

namespace wbsim {

// The slice of a queue of this priority, 0 to 7, where 4 has `base`.
constexpr Jiffies cfq_prio_slice(Jiffies base, int ioprio) {
  return base + base / 5 * (4 - ioprio);
}
// Most requests of an asynchronous queue in a slice.
constexpr int cfq_prio_to_maxrq(int ioprio) {
  return 2 * (2 + 2 * (7 - ioprio));
}

class CfqElevator final : public Elevator {
 public:
  static constexpr int kQuantum = 4;
  static constexpr Sectors kBackMax{2 * 16 * 1024};
  static constexpr int kBackPenalty = 2;

  CfqElevator(const CfqRules& rules, TickClock clock);

  void add(Request& rq, Jiffies now) override;
  Request* next(Jiffies now) override;
  Request* force(Jiffies now) override;  // cfq_forced_dispatch()
  bool empty() const override { return size_ == 0; }
  std::size_t size() const override { return size_; }
  Request* find_start(const Bio& bio, const IoContext& ioc) override;
  void front_merged(Request& rq) override;
  Request* former(Request& rq) override;
  Request* latter(Request& rq) override;
  void joined(Request& into, Request& gone) override;
  bool allow_merge(const Request& rq, const Bio& bio, const IoContext& ioc) const override;
  bool allow_join(const Request& rq, const Request& next) const override;
  void completed(const Request& rq, Jiffies now) override;
  Jiffies idles_until() const override { return idle_until_; }

 private:
  struct SectorOf {
    using type = Sectors;
    Sectors operator()(const Request& rq) const { return rq.sector; }
  };
  struct Queue {                       // struct cfq_queue
    const IoContext* owner = nullptr;  // null: the asynchronous one
    boost::intrusive::multiset<
        Request, boost::intrusive::member_hook<Request, Request::TreeHook, &Request::sort_hook>,
        boost::intrusive::key_of_value<SectorOf>, boost::intrusive::constant_time_size<false>>
        sorted;
    QueueList fifo;
    int dispatched = 0;      // with the driver
    int slice_dispatch = 0;  // of this slice
    Jiffies slice_end{};     // 0: the slice begins with its first completion
    bool fifo_checked = false;
    bool busy = false;  // it has its turn, or waits for it
    boost::intrusive::list_member_hook<> turn_hook;

    bool sync() const { return owner != nullptr; }
  };

  Queue& queue_of(const IoContext* owner);
  Queue* find_queue(const IoContext* owner);
  static const IoContext* owner_of(const Request& rq) { return rq.sync ? rq.ioc : nullptr; }
  static const IoContext* owner_of(const Bio& bio, const IoContext& ioc) {
    return bio.sync || bio.op == BioOp::kRead ? &ioc : nullptr;
  }

  bool slice_used(const Queue& q, Jiffies now) const;
  bool keep_waiting(const Queue& q, Jiffies now);
  void take_turn();
  void expire_slice();
  bool may_dispatch(const Queue& q) const;
  Request& choose(Queue& q, Jiffies now);
  Request& dispatch(Queue& q, Request& rq);
  void remove(Queue& q, Request& rq);

  CfqRules rules_;
  Jiffies slice_sync_, slice_async_, slice_idle_, fifo_sync_, fifo_async_;
  std::deque<Queue> queues_;  // the asynchronous one first
  boost::intrusive::list<Queue, boost::intrusive::member_hook<
                                    Queue, boost::intrusive::list_member_hook<>, &Queue::turn_hook>>
      turns_;
  Queue* active_ = nullptr;
  int sync_in_flight_ = 0;
  std::size_t size_ = 0;
  Sectors last_position_;
  Jiffies idle_until_{};  // 0: it does not idle
};

}  // namespace wbsim
