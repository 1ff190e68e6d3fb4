// Merging: a bio into a queued request, and two requests that have come to touch into one.
// MODELS: 2.6.18 to 2.6.38 block/elevator.c elv_merge(), block/blk-merge.c
#include <algorithm>

#include "models/block/single_queue.hpp"
#include "sim/assert.hpp"

namespace wbsim {

// Search order: the last merged request (back, then front), back merges by hash, and what the
// elevator finds in front. The first request found decides, even if the bio does not fit it.
bool SingleQueue::elv_merge(Bio& bio) {
  const Sectors bio_end = bio.sector + bio.length;
  if (last_merge_ && merge_ok(*last_merge_, bio)) {
    if (last_merge_->end() == bio.sector)
      return bio_back_merge(*last_merge_, bio);
    if (last_merge_->sector == bio_end)
      return bio_front_merge(*last_merge_, bio);
  }
  if (Request* rq = hash_find(bio.sector); rq && merge_ok(*rq, bio))
    return bio_back_merge(*rq, bio);
  if (Request* rq = elevator_->find_start(bio.op, bio_end); rq && merge_ok(*rq, bio))
    return bio_front_merge(*rq, bio);
  return false;
}

bool SingleQueue::merge_ok(const Request& rq, const Bio& bio) const {
  return !rq.no_merge && rq.op == bio.op;
}

// A request at its limit is marked, so that nobody tries it again.
bool SingleQueue::fits(Request& rq, const Bio& bio) {
  if (rq.sectors + bio.length <= params_.max_sectors &&
      rq.segments + bio.segments <= params_.max_segments)
    return true;
  rq.no_merge = true;
  if (last_merge_ == &rq)
    last_merge_ = nullptr;
  return false;
}

bool SingleQueue::bio_back_merge(Request& rq, Bio& bio) {
  if (!fits(rq, bio))
    return false;
  hash_remove(rq);
  rq.biotail->bi_next = &bio;
  rq.biotail = &bio;
  account_merge(rq, bio);
  hash_add(rq);
  last_merge_ = &rq;
  if (Request* next = elevator_->latter(rq))
    attempt_merge(rq, *next);
  return true;
}

bool SingleQueue::bio_front_merge(Request& rq, Bio& bio) {
  if (!fits(rq, bio))
    return false;
  bio.bi_next = rq.bio;
  rq.bio = &bio;
  rq.sector = bio.sector;
  account_merge(rq, bio);
  last_merge_ = &rq;
  Request* prev = elevator_->former(rq);
  if (!prev || !attempt_merge(*prev, rq))
    elevator_->front_merged(rq);
  return true;
}

// Each of the bios would be back merged into the last merged request. They are not taken together
// where the next request begins within them: one of them might join the two.
int SingleQueue::try_append(Bio& tail, Sectors length, int bios) {
  Request* rq = last_merge_;
  if (!rq || rq->biotail != &tail || !merge_ok(*rq, tail))
    return 0;
  WB_ASSERT(!tail.unplug && rq->end() == tail.sector + tail.length);
  int taken = std::min(bios, params_.max_segments - rq->segments);
  if (rq->sectors + length * taken > params_.max_sectors)
    taken = static_cast<int>((params_.max_sectors - rq->sectors).count() / length.count());
  Request* next = elevator_->latter(*rq);
  const Sectors more = length * taken;
  if (taken <= 0 || (next && next->sector > rq->end() && next->sector < rq->end() + more))
    return 0;
  WB_ASSERT(rq->end() + more <= device_.capacity());
  hash_remove(*rq);
  tail.length += more;
  tail.segments = static_cast<std::uint16_t>(tail.segments + taken);
  rq->sectors += more;
  rq->segments += taken;
  rq->bios += taken;
  if (tail.meta)
    rq->meta_sectors += more;
  stats_.merges[static_cast<std::size_t>(rq->op)] += taken;
  hash_add(*rq);
  if (next)
    attempt_merge(*rq, *next);
  return taken;
}

void SingleQueue::account_merge(Request& rq, const Bio& bio) {
  rq.sectors += bio.length;
  rq.segments += bio.segments;
  ++rq.bios;
  if (bio.meta)
    rq.meta_sectors += bio.length;
  ++stats_.merges[static_cast<std::size_t>(rq.op)];
}

// Joins `next` to `rq` when it starts where `rq` ends.
bool SingleQueue::attempt_merge(Request& rq, Request& next) {
  if (rq.no_merge || next.no_merge || rq.end() != next.sector || rq.op != next.op)
    return false;
  if (rq.sectors + next.sectors > params_.max_sectors ||
      rq.segments + next.segments > params_.max_segments)
    return false;
  hash_remove(rq);
  hash_remove(next);
  rq.queued = std::min(rq.queued, next.queued);
  rq.biotail->bi_next = next.bio;
  rq.biotail = next.biotail;
  rq.sectors += next.sectors;
  rq.segments += next.segments;
  rq.bios += next.bios;
  rq.meta_sectors += next.meta_sectors;
  hash_add(rq);
  elevator_->joined(rq, next);
  last_merge_ = &rq;
  free_request(next);
  return true;
}

SingleQueue::HashChain& SingleQueue::chain(Sectors end) {
  constexpr std::uint64_t kGoldenRatio = 0x9e3779b97f4a7c15;
  return hash_[(static_cast<std::uint64_t>(end.count()) * kGoldenRatio) >> (64 - kHashBits)];
}

void SingleQueue::hash_add(Request& rq) {
  hash_settle();
  hashed_last_ = &rq;
  rq.hashed = true;
}

void SingleQueue::hash_settle() {
  if (hashed_last_)
    chain(hashed_last_->end()).push_front(*hashed_last_);
  hashed_last_ = nullptr;
}

void SingleQueue::hash_remove(Request& rq) {
  if (!rq.hashed)
    return;
  if (&rq == hashed_last_)
    hashed_last_ = nullptr;
  else
    chain(rq.end()).erase(HashChain::s_iterator_to(rq));
  rq.hashed = false;
}

// A mergeable request that ends at `end`; full ones are dropped on the way.
Request* SingleQueue::hash_find(Sectors end) {
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
