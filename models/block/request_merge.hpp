// Merging: a bio into a request, and two requests that have come to touch into one.
// MODELS: 2.6.18 to 6.1 block/blk-merge.c ll_back_merge_fn(), ll_front_merge_fn(), attempt_merge(),
//         block/blk-core.c bio_attempt_back_merge(), bio_attempt_front_merge()
// DEVIATES: what has different priorities is never merged; before 4.10 the better one won.
#pragma once

#include "models/block/queue_settings.hpp"
#include "models/block/request.hpp"

namespace wbsim {

// elv_rq_merge_ok(): both may be merged at all.
inline bool merge_ok(const Request& rq, const Bio& bio) {
  return !rq.no_merge && rq.op == bio.op && rq.ioprio == bio.ioprio && !bio.preflush && !bio.fua &&
         !bio.barrier;
}

// Puts the bio at the end, or at the front, of a request it touches. False when the limits do not
// allow it: then the request is marked, so that nobody tries it again.
bool bio_attempt_back_merge(Request& rq, Bio& bio, const QueueParams& limits, QueueStats& stats);
bool bio_attempt_front_merge(Request& rq, Bio& bio, const QueueParams& limits, QueueStats& stats);

// Joins `next` to `rq` when it starts where `rq` ends; `next` is empty then, and the caller's.
bool attempt_merge(Request& rq, Request& next, const QueueParams& limits);

// blk_attempt_plug_merge() and blk_bio_list_merge(), of one request: the back, then the front.
bool blk_attempt_bio_merge(Request& rq, Bio& bio, const QueueParams& limits, QueueStats& stats);

}  // namespace wbsim
