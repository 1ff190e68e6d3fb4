#include "models/block/cfq.hpp"

#include <algorithm>
#include <iterator>

#include "sim/assert.hpp"

namespace wbsim {

namespace {

constexpr int kPriority = 4;  // IOPRIO_NORM, of every task

}  // namespace

CfqElevator::CfqElevator(const CfqRules& rules, TickClock clock)
    : rules_(rules),
      slice_sync_(cfq_prio_slice(Jiffies(clock.hz() / 10), kPriority)),
      slice_async_(cfq_prio_slice(Jiffies(clock.hz() / 25), kPriority)),
      slice_idle_(std::max(clock.hz() / 125, 1)),
      fifo_sync_(clock.hz() / 8),
      fifo_async_(clock.hz() / 4) {
  queues_.emplace_back();
}

CfqElevator::Queue* CfqElevator::find_queue(const IoContext* owner) {
  for (Queue& q : queues_)
    if (q.owner == owner)
      return &q;
  return nullptr;
}

CfqElevator::Queue& CfqElevator::queue_of(const IoContext* owner) {
  if (Queue* q = find_queue(owner))
    return *q;
  Queue& q = queues_.emplace_back();
  q.owner = owner;
  return q;
}

void CfqElevator::add(Request& rq, Jiffies now) {
  Queue& q = queue_of(owner_of(rq));
  q.sorted.insert(rq);
  rq.deadline = now + (q.sync() ? fifo_sync_ : fifo_async_);
  q.fifo.push_back(rq);
  ++size_;
  if (&q == active_)
    idle_until_ = Jiffies(0);
  if (q.busy)
    return;
  q.busy = true;
  turns_.push_back(q);
}

// cfq_slice_used(); an asynchronous queue has a number of requests as well.
bool CfqElevator::slice_used(const Queue& q, Jiffies now) const {
  if (!q.sync() && q.slice_dispatch >= cfq_prio_to_maxrq(kPriority))
    return true;
  return q.slice_end != Jiffies(0) && now >= q.slice_end;
}

// An empty queue keeps its turn while requests of it are under way, and some time after.
bool CfqElevator::keep_waiting(const Queue& q, Jiffies now) {
  if (!q.sync() || slice_used(q, now))
    return false;
  return q.dispatched > 0 || now < idle_until_;
}

// cfq_select_queue(), cfq_dispatch_requests()
Request* CfqElevator::next(Jiffies now) {
  if (active_ &&
      (active_->sorted.empty() ? !keep_waiting(*active_, now) : slice_used(*active_, now)))
    expire_slice();
  if (!active_)
    take_turn();
  if (!active_ || active_->sorted.empty() || !may_dispatch(*active_))
    return nullptr;
  return &dispatch(*active_, choose(*active_, now));
}

Request* CfqElevator::force(Jiffies) {
  for (Queue& q : queues_)
    if (!q.sorted.empty())
      return &dispatch(q, *q.sorted.begin());
  return nullptr;
}

Request& CfqElevator::dispatch(Queue& q, Request& rq) {
  remove(q, rq);
  last_position_ = rq.end();
  ++q.dispatched;
  ++q.slice_dispatch;
  if (q.sync())
    ++sync_in_flight_;
  return rq;
}

void CfqElevator::take_turn() {
  while (!active_ && !turns_.empty()) {
    Queue& q = turns_.front();
    turns_.pop_front();
    q.busy = !q.sorted.empty();  // it may have been drained meanwhile
    if (q.busy)
      active_ = &q;
  }
  if (!active_)
    return;
  active_->slice_end = Jiffies(0);
  active_->slice_dispatch = 0;
  active_->fifo_checked = false;
}

void CfqElevator::expire_slice() {
  idle_until_ = Jiffies(0);
  active_->busy = !active_->sorted.empty();
  if (active_->busy)
    turns_.push_back(*active_);
  active_ = nullptr;
}

// cfq_may_dispatch()
bool CfqElevator::may_dispatch(const Queue& q) const {
  if (!q.sync() && rules_.async_waits_for_sync && sync_in_flight_ > 0)
    return false;
  if (q.dispatched < kQuantum)
    return true;
  return turns_.empty() && q.dispatched < rules_.alone_quanta * kQuantum;
}

// The oldest one if it is late, which is looked at once a slice; else the nearest to the head:
// cfq_choose_req(), where behind costs more, and far behind is not near at all.
Request& CfqElevator::choose(Queue& q, Jiffies now) {
  if (!q.fifo_checked) {
    q.fifo_checked = true;
    if (now >= q.fifo.front().deadline)
      return q.fifo.front();
  }
  const auto ahead = q.sorted.lower_bound(last_position_);
  if (ahead == q.sorted.begin())
    return *ahead;
  Request& behind = *std::prev(ahead);
  const Sectors back = last_position_ - behind.sector;
  if (ahead == q.sorted.end())
    return back <= kBackMax ? behind : *q.sorted.begin();
  const Sectors forward = ahead->sector - last_position_;
  return back <= kBackMax && back * kBackPenalty < forward ? behind : *ahead;
}

void CfqElevator::remove(Queue& q, Request& rq) {
  q.sorted.erase(q.sorted.iterator_to(rq));
  q.fifo.erase(q.fifo.iterator_to(rq));
  --size_;
}

// cfq_completed_request()
void CfqElevator::completed(const Request& rq, Jiffies now) {
  Queue& q = queue_of(owner_of(rq));
  WB_ASSERT(q.dispatched > 0);
  --q.dispatched;
  if (q.sync())
    --sync_in_flight_;
  if (&q != active_)
    return;
  if (q.slice_end == Jiffies(0))
    q.slice_end = now + (q.sync() ? slice_sync_ : slice_async_);
  if (q.sync() && q.sorted.empty() && q.dispatched == 0 && now < q.slice_end)
    idle_until_ = now + slice_idle_;
}

Request* CfqElevator::find_start(const Bio& bio, const IoContext& ioc) {
  Queue* q = find_queue(owner_of(bio, ioc));
  if (!q)
    return nullptr;
  const auto it = q->sorted.find(bio.sector + bio.length);
  return it == q->sorted.end() ? nullptr : &*it;
}

void CfqElevator::front_merged(Request& rq) {
  Queue& q = queue_of(owner_of(rq));
  q.sorted.erase(q.sorted.iterator_to(rq));
  q.sorted.insert(rq);
}

Request* CfqElevator::former(Request& rq) {
  Queue& q = queue_of(owner_of(rq));
  const auto it = q.sorted.iterator_to(rq);
  return it == q.sorted.begin() ? nullptr : &*std::prev(it);
}

Request* CfqElevator::latter(Request& rq) {
  Queue& q = queue_of(owner_of(rq));
  const auto it = std::next(q.sorted.iterator_to(rq));
  return it == q.sorted.end() ? nullptr : &*it;
}

// cfq_merged_requests(): the joined request keeps the earlier deadline and its place.
void CfqElevator::joined(Request& into, Request& gone) {
  Queue& q = queue_of(owner_of(into));
  if (gone.deadline < into.deadline) {
    q.fifo.splice(std::next(q.fifo.iterator_to(gone)), q.fifo, q.fifo.iterator_to(into));
    into.deadline = gone.deadline;
  }
  remove(q, gone);
}

bool CfqElevator::allow_merge(const Request& rq, const Bio& bio, const IoContext& ioc) const {
  return owner_of(rq) == owner_of(bio, ioc);
}

bool CfqElevator::allow_join(const Request& rq, const Request& next) const {
  return owner_of(rq) == owner_of(next);
}

}  // namespace wbsim
