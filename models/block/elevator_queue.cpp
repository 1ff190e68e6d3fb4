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
  if (Request* rq = hash_find(bio.sector); rq && allowed(*rq, bio, ioc))
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
  rehash(rq);
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
  rehash(rq);
  hash_remove(next);
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
  rehash(*rq);
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
  Request* into = hash_find(rq.sector);
  if (!into || !absorb(*into, rq))
    return false;
  for (Request* before = hash_find(into->sector); before && join(*before, *into);) {
    into = before;
    before = hash_find(into->sector);
  }
  return true;
}

// elv_merge_requests() of one that is not in the elevator, which is not told.
bool ElevatorQueue::absorb(Request& into, Request& rq) {
  if (!attempt_merge(into, rq, params_))
    return false;
  rehash(into);
  last_merge_ = &into;
  owner_.put_request(rq);
  return true;
}

void ElevatorQueue::add(Request& rq, Jiffies now) {
  if (!rq.no_merge) {
    hash_add(rq);
    if (!last_merge_)
      last_merge_ = &rq;
  }
  elevator_->add(rq, now);
}

Request* ElevatorQueue::taken(Request* rq) {
  if (!rq)
    return nullptr;
  forget_merged(*rq);
  hash_remove(*rq);
  return rq;
}

ElevatorQueue::HashChain& ElevatorQueue::chain(Sectors end) {
  constexpr std::uint64_t kGoldenRatio = 0x9e3779b97f4a7c15;
  return hash_[(static_cast<std::uint64_t>(end.count()) * kGoldenRatio) >> (64 - kHashBits)];
}

void ElevatorQueue::hash_add(Request& rq) {
  hash_settle();
  hashed_last_ = &rq;
  rq.hashed = true;
}

void ElevatorQueue::hash_settle() {
  if (hashed_last_)
    chain(hashed_last_->end()).push_front(*hashed_last_);
  hashed_last_ = nullptr;
}

// Its end may have moved since: any chain can unlink it.
void ElevatorQueue::hash_remove(Request& rq) {
  if (!rq.hashed)
    return;
  if (&rq == hashed_last_)
    hashed_last_ = nullptr;
  else
    hash_.front().erase(HashChain::s_iterator_to(rq));
  rq.hashed = false;
}

void ElevatorQueue::rehash(Request& rq) {
  hash_remove(rq);
  hash_add(rq);
}

// A mergeable request that ends at `end`; full ones are dropped on the way.
Request* ElevatorQueue::hash_find(Sectors end) {
  hash_settle();
  HashChain& requests = chain(end);
  for (auto it = requests.begin(); it != requests.end();) {
    Request& rq = *it++;
    if (rq.no_merge)
      hash_remove(rq);
    else if (rq.end() == end)
      return &rq;
  }
  return nullptr;
}

}  // namespace wbsim
