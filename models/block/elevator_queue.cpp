#include "models/block/elevator_queue.hpp"

#include <algorithm>

#include "sim/assert.hpp"

namespace wbsim {

// The first request found decides, even if the bio does not fit it.
bool ElevatorQueue::elv_merge(Bio& bio, const IoContext& ioc) {
  const Sectors bio_end = bio.sector + bio.length;
  if (last_merge_ && allowed(*last_merge_, bio, ioc)) {
    if (last_merge_->end() == bio.sector)
      return back_merge(*last_merge_, bio);
    if (last_merge_->sector == bio_end)
      return front_merge(*last_merge_, bio);
  }
  if (params_.nomerges != 0)
    return false;
  if (Request* rq = hash_.find(bio.sector); rq && allowed(*rq, bio, ioc))
    return back_merge(*rq, bio);
  if (Request* rq = elevator_->find_start(bio, ioc); rq && merge_ok(*rq, bio))
    return front_merge(*rq, bio);
  return false;
}

bool ElevatorQueue::back_merge(Request& rq, Bio& bio) {
  if (!bio_attempt_back_merge(rq, bio, params_, stats_)) {
    forget_merged(rq);
    return false;
  }
  hash_.moved(rq);
  last_merge_ = &rq;
  if (Request* next = elevator_->latter(rq))
    join(rq, *next);
  return true;
}

bool ElevatorQueue::front_merge(Request& rq, Bio& bio) {
  if (!bio_attempt_front_merge(rq, bio, params_, stats_)) {
    forget_merged(rq);
    return false;
  }
  last_merge_ = &rq;
  Request* prev = elevator_->former(rq);
  if (!prev || !join(*prev, rq))
    elevator_->front_merged(rq);
  return true;
}

void ElevatorQueue::forget_merged(Request& rq) {
  if (last_merge_ == &rq)
    last_merge_ = nullptr;
}

bool ElevatorQueue::join(Request& rq, Request& next) {
  if (!elevator_->allow_join(rq, next) || !attempt_merge(rq, next, params_))
    return false;
  hash_.moved(rq);
  hash_.remove(next);
  elevator_->joined(rq, next);
  last_merge_ = &rq;
  owner_.put_request(next);
  return true;
}

// Each of the bios would be back merged into the last merged request. They are not taken together
// where the next request begins within them: one of them might join the two.
int ElevatorQueue::try_append(Bio& tail, Sectors length, int bios) {
  Request* rq = last_merge_;
  if (!rq || params_.nomerges == 2 || rq->biotail != &tail || !merge_ok(*rq, tail))
    return 0;
  WB_ASSERT(!tail.unplug && rq->end() == tail.sector + tail.length);
  int taken = std::min(bios, params_.max_segments - rq->segments);
  if (rq->sectors + length * taken > params_.max_sectors)
    taken = static_cast<int>((params_.max_sectors - rq->sectors).count() / length.count());
  Request* next = elevator_->latter(*rq);
  const Sectors more = length * taken;
  if (taken <= 0 || (next && next->sector > rq->end() && next->sector < rq->end() + more))
    return 0;
  tail.length += more;
  tail.segments = static_cast<std::uint16_t>(tail.segments + taken);
  rq->sectors += more;
  rq->segments += taken;
  rq->bios += taken;
  if (tail.meta)
    rq->meta_sectors += more;
  stats_.merges[static_cast<std::size_t>(rq->op)] += taken;
  hash_.moved(*rq);
  if (next)
    join(*rq, *next);
  return taken;
}

bool ElevatorQueue::try_insert_merge(Request& rq) {
  if (params_.nomerges == 2 || rq.no_merge)
    return false;
  if (last_merge_ && absorb(*last_merge_, rq))
    return true;
  if (params_.nomerges == 1)
    return false;
  Request* into = hash_.find(rq.sector);
  if (!into || !absorb(*into, rq))
    return false;
  for (Request* before = hash_.find(into->sector); before && join(*before, *into);) {
    into = before;
    before = hash_.find(into->sector);
  }
  return true;
}

// elv_merge_requests() of one that is not in the elevator, which is not told.
bool ElevatorQueue::absorb(Request& into, Request& rq) {
  if (!attempt_merge(into, rq, params_))
    return false;
  hash_.moved(into);
  last_merge_ = &into;
  owner_.put_request(rq);
  return true;
}

void ElevatorQueue::add(Request& rq, Jiffies now) {
  if (!rq.no_merge) {
    hash_.add(rq);
    if (!last_merge_)
      last_merge_ = &rq;
  }
  elevator_->add(rq, now);
}

Request* ElevatorQueue::taken(Request* rq) {
  if (!rq)
    return nullptr;
  forget_merged(*rq);
  hash_.remove(*rq);
  return rq;
}

}  // namespace wbsim
