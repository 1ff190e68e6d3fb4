#include "models/block/deadline.hpp"

#include <iterator>

#include "sim/assert.hpp"

namespace wbsim {

DeadlineElevator::DeadlineElevator(const DeadlineRules& rules, TickClock clock) : rules_(rules) {
  direction(BioOp::kRead).expire = Jiffies(clock.hz() / 2);
  direction(BioOp::kWrite).expire = Jiffies(5 * clock.hz());
}

void DeadlineElevator::add(Request& rq, Jiffies now) {
  Direction& d = direction(rq.op);
  d.insert(rq);
  rq.deadline = now + d.expire;
  d.fifo.push_back(rq);
  ++size_;
}

void DeadlineElevator::Direction::insert(Request& rq) {
  sorted.insert(rq);
  if (!last || last->sector <= rq.sector)  // equals go behind each other
    last = &rq;
}

void DeadlineElevator::Direction::erase(Request& rq) {
  const auto it = sorted.iterator_to(rq);
  if (last == &rq)
    last = it == sorted.begin() ? nullptr : &*std::prev(it);
  sorted.erase(it);
}

// deadline_dispatch_requests()
Request* DeadlineElevator::next(Jiffies now) {
  if (Request* rq = continue_batch()) {
    dispatch(*rq);
    return rq;
  }
  const bool reads = !direction(BioOp::kRead).fifo.empty();
  const bool writes = !direction(BioOp::kWrite).fifo.empty();
  if (!reads && !writes)
    return nullptr;
  BioOp op = BioOp::kWrite;
  if (reads && !(writes && starved_++ >= kWritesStarved))
    op = BioOp::kRead;
  else
    starved_ = 0;
  Request* rq = choose(op, now);
  dispatch(*rq);
  return rq;
}

// The next request in order of sectors while the batch lasts.
Request* DeadlineElevator::continue_batch() {
  Request* rq = nullptr;
  if (rules_.keeps_other_direction)
    rq = direction(last_op_).next;
  else if ((rq = direction(BioOp::kWrite).next) == nullptr)
    rq = direction(BioOp::kRead).next;
  if (!rq)
    return nullptr;
  if (rules_.batch_needs_contiguous && rq->sector != last_end_)
    batching_ += kFifoBatch;
  return batching_ < kFifoBatch ? rq : nullptr;
}

// A new batch: where it starts.
Request* DeadlineElevator::choose(BioOp op, Jiffies now) {
  Direction& d = direction(op);
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

// deadline_move_request()
void DeadlineElevator::dispatch(Request& rq) {
  ++batching_;
  Request* successor = latter(rq);
  if (!rules_.keeps_other_direction) {
    direction(BioOp::kRead).next = nullptr;
    direction(BioOp::kWrite).next = nullptr;
  }
  direction(rq.op).next = successor;
  last_op_ = rq.op;
  last_end_ = rq.end();
  remove(rq);
}

void DeadlineElevator::remove(Request& rq) {
  Direction& d = direction(rq.op);
  if (d.next == &rq)
    d.next = latter(rq);
  d.erase(rq);
  d.fifo.erase(d.fifo.iterator_to(rq));
  --size_;
}

Request* DeadlineElevator::find_start(const Bio& bio, const IoContext&) {
  Direction& d = direction(bio.op);
  const auto it = d.sorted.find(bio.sector + bio.length);
  return it == d.sorted.end() ? nullptr : &*it;
}

void DeadlineElevator::front_merged(Request& rq) {
  Direction& d = direction(rq.op);
  d.erase(rq);
  d.insert(rq);
}

Request* DeadlineElevator::former(Request& rq) {
  Direction& d = direction(rq.op);
  const auto it = d.sorted.iterator_to(rq);
  return it == d.sorted.begin() ? nullptr : &*std::prev(it);
}

Request* DeadlineElevator::latter(Request& rq) {
  Direction& d = direction(rq.op);
  if (&rq == d.last)  // a sequential writer is always there: no walk through the tree
    return nullptr;
  return &*std::next(d.sorted.iterator_to(rq));
}

// deadline_merged_requests(): the joined request keeps the earlier deadline and its place.
void DeadlineElevator::joined(Request& into, Request& gone) {
  WB_ASSERT(into.op == gone.op);
  Direction& d = direction(into.op);
  if (gone.deadline < into.deadline) {
    d.fifo.splice(std::next(d.fifo.iterator_to(gone)), d.fifo, d.fifo.iterator_to(into));
    into.deadline = gone.deadline;
  }
  remove(gone);
}

}  // namespace wbsim
