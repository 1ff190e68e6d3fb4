#include "models/block/request_merge.hpp"

#include <algorithm>

namespace wbsim {

namespace {

bool fits(Request& rq, const Bio& bio, const QueueParams& limits) {
  if (rq.sectors + bio.length <= limits.max_sectors &&
      rq.segments + bio.segments <= limits.max_segments)
    return true;
  rq.no_merge = true;
  return false;
}

void account_merge(Request& rq, const Bio& bio, QueueStats& stats) {
  rq.sectors += bio.length;
  rq.segments += bio.segments;
  ++rq.bios;
  if (bio.meta)
    rq.meta_sectors += bio.length;
  ++stats.merges[static_cast<std::size_t>(rq.op)];
}

}  // namespace

bool bio_attempt_back_merge(Request& rq, Bio& bio, const QueueParams& limits, QueueStats& stats) {
  if (!fits(rq, bio, limits))
    return false;
  rq.biotail->bi_next = &bio;
  rq.biotail = &bio;
  account_merge(rq, bio, stats);
  return true;
}

bool bio_attempt_front_merge(Request& rq, Bio& bio, const QueueParams& limits, QueueStats& stats) {
  if (!fits(rq, bio, limits))
    return false;
  bio.bi_next = rq.bio;
  rq.bio = &bio;
  rq.sector = bio.sector;
  account_merge(rq, bio, stats);
  return true;
}

bool attempt_merge(Request& rq, Request& next, const QueueParams& limits) {
  if (rq.no_merge || next.no_merge || rq.end() != next.sector || rq.op != next.op ||
      rq.ioprio != next.ioprio)
    return false;
  if (rq.sectors + next.sectors > limits.max_sectors ||
      rq.segments + next.segments > limits.max_segments)
    return false;
  rq.queued = std::min(rq.queued, next.queued);
  rq.biotail->bi_next = next.bio;
  rq.biotail = next.biotail;
  rq.sectors += next.sectors;
  rq.segments += next.segments;
  rq.bios += next.bios;
  rq.meta_sectors += next.meta_sectors;
  next.bio = next.biotail = nullptr;
  return true;
}

bool blk_attempt_bio_merge(Request& rq, Bio& bio, const QueueParams& limits, QueueStats& stats) {
  if (!merge_ok(rq, bio))
    return false;
  if (rq.end() == bio.sector)
    return bio_attempt_back_merge(rq, bio, limits, stats);
  if (rq.sector == bio.sector + bio.length)
    return bio_attempt_front_merge(rq, bio, limits, stats);
  return false;
}

}  // namespace wbsim
