#include "models/block/cfq.hpp"

namespace wbsim {

namespace {

bool idle_class(const CfqQueue& q) {
  return q.ioprio.cls() == PriorityClass::kIdle;
}
bool realtime_class(const CfqQueue& q) {
  return q.ioprio.cls() == PriorityClass::kRealtime;
}

}  // namespace

void ThinkTime::sent(Jiffies now, Jiffies most) {
  if (samples_ == 0)
    last_end_ = now;  // a new task
  const Jiffies thought = std::min(now - last_end_, most);
  samples_ = (7 * samples_ + 256) / 8;
  total_ = (7 * total_ + 256 * thought.count()) / 8;
}

CfqElevator::CfqElevator(const CfqRules& rules, TickClock clock, bool may_wait)
    : rules_(rules),
      may_wait_(may_wait),
      slice_sync_(clock.hz() / 10),
      slice_async_(clock.hz() / 25),
      slice_idle_(std::max(clock.hz() / 125, 1)),
      fifo_sync_(clock.hz() / 8),
      fifo_async_(clock.hz() / 4) {}

// cfq_insert_request(), cfq_rq_enqueued()
void CfqElevator::add(Request& rq, Jiffies now) {
  CfqQueue& q = insert(rq, now, fifo_sync_, fifo_async_);
  update_idle_window(q, now);
  if (&q == active_)
    idle_until_ = Jiffies(0);
  if (!q.busy) {
    q.busy = true;
    turns_of(q).push_back(q);
  }
  if (should_preempt(q, now))
    preempt(q);
}

void CfqElevator::update_idle_window(CfqQueue& q, Jiffies now) {
  if (!q.sync() || idle_class(q))
    return;
  q.think_time.sent(now, slice_idle_ * 2);
  q.idle_window = !q.think_time.valid() || q.think_time.mean() <= slice_idle_;
}

// cfq_slice_used(); an asynchronous queue has a number of requests as well, one of the idle class a
// single one while others wait.
bool CfqElevator::slice_used(const CfqQueue& q, Jiffies now) const {
  if (!q.sync() && q.slice_dispatch >= cfq_prio_to_maxrq(q.ioprio.level()))
    return true;
  if (idle_class(q) && q.slice_dispatch > 0 && !alone())
    return true;
  return q.slice_end != Jiffies(0) && now >= q.slice_end;
}

// An empty queue keeps its turn while requests of it are under way, and some time after.
bool CfqElevator::keep_waiting(const CfqQueue& q, Jiffies now) const {
  if (!q.idle_window || slice_used(q, now))
    return false;
  return q.dispatched > 0 || now < idle_until_;
}

// A task that waits does not wait for write-back, nor anybody for the idle class.
bool CfqElevator::should_preempt(const CfqQueue& q, Jiffies now) const {
  if (!active_ || &q == active_)
    return false;
  if (slice_used(*active_, now))
    return true;
  if (idle_class(q))
    return false;
  if (idle_class(*active_) || (q.sync() && !active_->sync()))
    return true;
  return rules_.realtime_preempts && realtime_class(q) && !realtime_class(*active_);
}

// It is the next of its class.
void CfqElevator::preempt(CfqQueue& q) {
  expire_slice();
  Turns& turns = turns_of(q);
  turns.splice(turns.begin(), turns, turns.iterator_to(q));
}

// cfq_select_queue(), cfq_dispatch_requests()
Request* CfqElevator::next(Jiffies now) {
  if (active_ && (active_->empty() ? !keep_waiting(*active_, now) : slice_used(*active_, now)))
    expire_slice();
  if (!active_)
    take_turn();
  if (!active_ || active_->empty() || !may_dispatch(*active_))
    return nullptr;
  return &take(*active_, active_->choose(last_position_, now));
}

Request& CfqElevator::take(CfqQueue& q, Request& rq) {
  ++q.slice_dispatch;
  if (q.sync())
    ++sync_in_flight_;
  return TaskQueueElevator::take(q, rq);
}

void CfqElevator::take_turn() {
  for (Turns& turns : turns_) {
    while (!active_ && !turns.empty()) {
      CfqQueue& q = turns.front();
      turns.pop_front();
      q.busy = !q.empty();  // it may have been drained meanwhile
      if (q.busy)
        active_ = &q;
    }
  }
  if (!active_)
    return;
  active_->slice_end = Jiffies(0);
  active_->slice_dispatch = 0;
  active_->fifo_checked = false;
}

void CfqElevator::expire_slice() {
  idle_until_ = Jiffies(0);
  active_->busy = !active_->empty();
  if (active_->busy)
    turns_of(*active_).push_back(*active_);
  active_ = nullptr;
}

// cfq_may_dispatch()
bool CfqElevator::may_dispatch(const CfqQueue& q) const {
  if (!q.sync() && rules_.async_waits_for_sync && sync_in_flight_ > 0)
    return false;
  if (idle_class(q))
    return q.dispatched == 0;
  if (q.dispatched < kQuantum)
    return true;
  return alone() && q.dispatched < rules_.alone_quanta * kQuantum;
}

// cfq_completed_request()
void CfqElevator::completed(const Request& rq, Jiffies now) {
  CfqQueue& q = queue_of(rq);
  WB_ASSERT(q.dispatched > 0);
  --q.dispatched;
  if (q.sync()) {
    --sync_in_flight_;
    q.think_time.completed(now);
  }
  if (&q != active_)
    return;
  if (q.slice_end == Jiffies(0))
    q.slice_end = now + cfq_prio_slice(q.sync() ? slice_sync_ : slice_async_, q.ioprio.level());
  if (q.empty() && q.dispatched == 0 && now < q.slice_end && !rq.noidle)
    arm_slice_timer(q, now);
}

// Not if its next request is not to be expected within the slice.
void CfqElevator::arm_slice_timer(const CfqQueue& q, Jiffies now) {
  if (!may_wait_ || !q.idle_window ||
      (q.think_time.valid() && q.slice_end - now < q.think_time.mean()))
    return;
  idle_until_ = now + slice_idle_;
}

}  // namespace wbsim
