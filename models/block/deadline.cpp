#include "models/block/deadline.hpp"

#include <algorithm>
#include <iterator>

#include "sim/assert.hpp"

namespace wbsim {

DeadlineElevator::DeadlineElevator(const DeadlineRules& rules, TickClock clock)
    : rules_(rules),
      expire_{Jiffies(clock.hz() / 2), Jiffies(5 * clock.hz())},
      prio_aging_expire_(10 * clock.hz()) {}

void DeadlineElevator::add(Request& rq, Jiffies now) {
  Direction& d = direction(rq);
  d.insert(rq);
  rq.deadline = now + expire(rq.op);
  d.fifo.push_back(rq);
  ++queued_[level_number(rq.ioprio)];
  ++size_;
}

void DeadlineElevator::Direction::insert(Request& rq) {
  if (last && rq.sector < last->sector) {
    sorted.insert(rq);
    return;
  }
  sorted.push_back(rq);  // equals go behind each other
  last = &rq;
}

void DeadlineElevator::Direction::erase(Request& rq) {
  const auto it = sorted.iterator_to(rq);
  if (last == &rq)
    last = it == sorted.begin() ? nullptr : &*std::prev(it);
  sorted.erase(it);
}

// dd_dispatch_request(): a class of priority is served when none above it has anything queued or
// with the driver.
Request* DeadlineElevator::next(Jiffies now) {
  if (size_ == 0)
    return nullptr;
  if (Request* rq = aged(now))
    return rq;
  for (std::size_t i = 0; i < levels_.size(); ++i) {
    if (queued_[i] == 0)
      continue;
    return levels_[i].empty() ? nullptr : next_of(levels_[i], now, kAnyAge);
  }
  return nullptr;
}

// dd_dispatch_prio_aged_requests(): the lower classes are not held back for longer than this.
Request* DeadlineElevator::aged(Jiffies now) {
  if (std::count(queued_.begin(), queued_.end(), 0) > 1)
    return nullptr;
  for (std::size_t lower = 1; lower < levels_.size(); ++lower)
    if (Request* rq = next_of(levels_[lower], now, now - prio_aging_expire_))
      return rq;
  return nullptr;
}

// deadline_dispatch_requests(), __dd_dispatch_request()
Request* DeadlineElevator::next_of(Level& level, Jiffies now, Jiffies latest_start) {
  if (Request* rq = continue_batch(level))
    return dispatch(*rq, latest_start);
  const bool reads = !level.direction(BioOp::kRead).fifo.empty();
  const bool writes = !level.direction(BioOp::kWrite).fifo.empty();
  if (!reads && !writes)
    return nullptr;
  BioOp op = BioOp::kWrite;
  if (reads && !(writes && starved_++ >= kWritesStarved))
    op = BioOp::kRead;
  else
    starved_ = 0;
  return dispatch(*choose(level, op, now), latest_start);
}

// The next request in order of sectors while the batch lasts.
Request* DeadlineElevator::continue_batch(Level& level) {
  Request* rq = nullptr;
  if (rules_.keeps_other_direction)
    rq = level.direction(last_op_).next;
  else if ((rq = level.direction(BioOp::kWrite).next) == nullptr)
    rq = level.direction(BioOp::kRead).next;
  if (!rq)
    return nullptr;
  if (rules_.batch_needs_contiguous && rq->sector != last_end_)
    batching_ += kFifoBatch;
  return batching_ < kFifoBatch ? rq : nullptr;
}

// A new batch: where it starts.
Request* DeadlineElevator::choose(Level& level, BioOp op, Jiffies now) {
  Direction& d = level.direction(op);
  const bool is_expired = expired(d, now);
  if (!is_expired && d.next) {
    if (rules_.reselect_resets_batching)
      batching_ = 0;
    return d.next;
  }
  batching_ = 0;
  if (!is_expired && rules_.lowest_sector_restart)
    return &*d.sorted.begin();
  return &d.fifo.front();
}

bool DeadlineElevator::expired(const Direction& d, Jiffies now) const {
  const Jiffies deadline = d.fifo.front().deadline;
  return rules_.expired_inclusive ? now >= deadline : now > deadline;
}

// deadline_move_request(), of one that was inserted by then: started_after().
Request* DeadlineElevator::dispatch(Request& rq, Jiffies latest_start) {
  if (rq.deadline - expire(rq.op) > latest_start)
    return nullptr;
  ++batching_;
  Request* successor = latter(rq);
  Level& level = level_of(rq.ioprio);
  if (!rules_.keeps_other_direction) {
    level.direction(BioOp::kRead).next = nullptr;
    level.direction(BioOp::kWrite).next = nullptr;
  }
  level.direction(rq.op).next = successor;
  last_op_ = rq.op;
  last_end_ = rq.end();
  remove(rq);
  return &rq;
}

void DeadlineElevator::remove(Request& rq) {
  Direction& d = direction(rq);
  if (d.next == &rq)
    d.next = latter(rq);
  d.erase(rq);
  d.fifo.erase(d.fifo.iterator_to(rq));
  --size_;
}

void DeadlineElevator::completed(const Request& rq, Jiffies) {
  int& queued = queued_[level_number(rq.ioprio)];
  WB_ASSERT(queued > 0);
  --queued;
}

Request* DeadlineElevator::find_start(const Bio& bio, const IoContext&) {
  Direction& d = level_of(bio.ioprio).direction(bio.op);
  const auto it = d.sorted.find(bio.sector + bio.length);
  return it == d.sorted.end() ? nullptr : &*it;
}

void DeadlineElevator::front_merged(Request& rq) {
  Direction& d = direction(rq);
  d.erase(rq);
  d.insert(rq);
}

Request* DeadlineElevator::former(Request& rq) {
  Direction& d = direction(rq);
  const auto it = d.sorted.iterator_to(rq);
  return it == d.sorted.begin() ? nullptr : &*std::prev(it);
}

Request* DeadlineElevator::latter(Request& rq) {
  Direction& d = direction(rq);
  if (&rq == d.last)  // a sequential writer is always there: no walk through the tree
    return nullptr;
  return &*std::next(d.sorted.iterator_to(rq));
}

// deadline_merged_requests(): the joined request keeps the earlier deadline and its place.
void DeadlineElevator::joined(Request& into, Request& gone) {
  WB_ASSERT(into.op == gone.op && into.ioprio == gone.ioprio);
  Direction& d = direction(into);
  if (gone.deadline < into.deadline) {
    d.fifo.splice(std::next(d.fifo.iterator_to(gone)), d.fifo, d.fifo.iterator_to(into));
    into.deadline = gone.deadline;
  }
  remove(gone);
  --queued_[level_number(gone.ioprio)];
}

}  // namespace wbsim
