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
  chain(rq.end()).push_front(rq);
  rq.hashed = true;
}

void SingleQueue::hash_remove(Request& rq) {
  if (!rq.hashed)
    return;
  chain(rq.end()).erase(HashChain::s_iterator_to(rq));
  rq.hashed = false;
}

// A mergeable request that ends at `end`; full ones are dropped on the way.
Request* SingleQueue::hash_find(Sectors end) {
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
