// What cfq and bfq share: a queue for the synchronous requests of each task and one of each
// priority for all others; the order within a queue; and merging, which stays within one.
// MODELS:   cfq_get_queue(), cfq_choose_req(), bfq_get_queue(), bfq_choose_req(), and the FIFO that
//           both look at once a turn.
// DEVIATES: no seek detection, no cooperating queues, no groups.
#pragma once

#include <algorithm>
#include <array>
#include <boost/intrusive/list.hpp>
#include <boost/intrusive/set.hpp>
#include <deque>
#include <iterator>

#include "models/block/elevator.hpp"
#include "models/block/task_table.hpp"
#include "sim/assert.hpp"

namespace wbsim {

struct TaskQueue {
  struct SectorOf {
    using type = Sectors;
    Sectors operator()(const Request& rq) const { return rq.sector; }
  };
  const IoContext* owner = nullptr;  // null: the asynchronous one of this priority
  IoPriority ioprio;
  std::size_t number = 0;  // in the order in which they were made
  boost::intrusive::multiset<
      Request, boost::intrusive::member_hook<Request, Request::TreeHook, &Request::sort_hook>,
      boost::intrusive::key_of_value<SectorOf>, boost::intrusive::constant_time_size<false>>
      sorted;
  QueueList fifo;
  int dispatched = 0;  // with the driver
  bool fifo_checked = false;

  bool sync() const { return owner != nullptr; }
  bool empty() const { return sorted.empty(); }
  // The oldest request if it is late, which is looked at once a turn; else the nearest to the head,
  // where behind costs more, and far behind is not near at all.
  Request& choose(Sectors head, Jiffies now);
  void insert(Request& rq, Jiffies deadline);
  void erase(Request& rq);
};

template <class Queue>
class TaskQueueElevator : public Elevator {
 public:
  bool empty() const override { return size_ == 0; }
  std::size_t size() const override { return size_; }
  Request* find_start(const Bio& bio, const IoContext& ioc) override {
    Queue* q = find_queue(owner_of(bio, ioc), bio.ioprio);
    if (!q)
      return nullptr;
    const auto it = q->sorted.find(bio.sector + bio.length);
    return it == q->sorted.end() ? nullptr : &*it;
  }
  void front_merged(Request& rq) override {
    Queue& q = queue_of(rq);
    q.sorted.erase(q.sorted.iterator_to(rq));
    q.sorted.insert(rq);
  }
  Request* former(Request& rq) override {
    Queue& q = queue_of(rq);
    const auto it = q.sorted.iterator_to(rq);
    return it == q.sorted.begin() ? nullptr : &*std::prev(it);
  }
  Request* latter(Request& rq) override {
    Queue& q = queue_of(rq);
    const auto it = std::next(q.sorted.iterator_to(rq));
    return it == q.sorted.end() ? nullptr : &*it;
  }
  // The joined request keeps the earlier deadline and its place.
  void joined(Request& into, Request& gone) override {
    Queue& q = queue_of(into);
    if (gone.deadline < into.deadline) {
      q.fifo.splice(std::next(q.fifo.iterator_to(gone)), q.fifo, q.fifo.iterator_to(into));
      into.deadline = gone.deadline;
    }
    remove(q, gone);
  }
  bool allow_merge(const Request& rq, const Bio& bio, const IoContext& ioc) const override {
    return owner_of(rq) == owner_of(bio, ioc);  // the same priority anyway
  }
  bool allow_join(const Request& rq, const Request& next) const override {
    return owner_of(rq) == owner_of(next);
  }
  // Without holding anything back.
  Request* force(Jiffies) override {
    for (Queue& q : queues_)
      if (!q.empty())
        return &take(q, *q.sorted.begin());
    return nullptr;
  }
  Jiffies idles_until() const override { return idle_until_; }

 protected:
  Queue& queue_of(const Request& rq) {  // of a request that was added
    WB_ASSERT(rq.task_queue);
    return static_cast<Queue&>(*rq.task_queue);
  }
  Queue& insert(Request& rq, Jiffies now, Jiffies expire_sync, Jiffies expire_async) {
    Queue* q = find_queue(owner_of(rq), rq.ioprio);
    if (!q)
      q = &new_queue(owner_of(rq), rq.ioprio);
    q->insert(rq, now + (q->sync() ? expire_sync : expire_async));
    rq.task_queue = q;
    ++size_;
    return *q;
  }
  // The driver's from here on.
  virtual Request& take(Queue& q, Request& rq) {
    remove(q, rq);
    ++q.dispatched;
    last_position_ = rq.end();
    return rq;
  }

  std::deque<Queue> queues_;
  Sectors last_position_;
  Jiffies idle_until_{};  // 0: it does not idle

 private:
  static const IoContext* owner_of(const Request& rq) { return rq.sync ? rq.ioc : nullptr; }
  static const IoContext* owner_of(const Bio& bio, const IoContext& ioc) {
    return bio.sync || bio.op == BioOp::kRead ? &ioc : nullptr;
  }
  Queue* find_queue(const IoContext* owner, IoPriority ioprio) {
    return owner ? tasks_.find(owner) : asynchronous_[ioprio.index()];
  }
  Queue& new_queue(const IoContext* owner, IoPriority ioprio) {
    Queue& q = queues_.emplace_back();
    q.owner = owner;
    q.ioprio = ioprio;
    q.number = queues_.size();
    if (owner)
      tasks_.insert(q);
    else
      asynchronous_[ioprio.index()] = &q;
    return q;
  }
  void remove(Queue& q, Request& rq) {
    q.erase(rq);
    --size_;
  }

  TaskTable<Queue> tasks_;
  std::array<Queue*, IoPriority::kCount> asynchronous_{};
  std::size_t size_ = 0;
};

}  // namespace wbsim
