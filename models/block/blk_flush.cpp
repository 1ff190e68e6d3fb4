#include "models/block/blk_flush.hpp"

#include "sim/assert.hpp"

namespace wbsim {

FlushMachine::FlushMachine(FlushHost& host, TickClock clock, const QueueParams& params)
    : host_(host), params_(params), pending_timeout_(5 * clock.hz()) {
  flush_rq_.op = BioOp::kFlush;
  flush_rq_.sync = true;
  flush_rq_.no_merge = true;
  flush_rq_.driver_tag = true;  // borrowed from the first request it is sent for
}

bool FlushMachine::insert(Request& rq, const Bio& bio, Jiffies now) {
  if (!bio.preflush && !bio.fua)
    return false;
  WB_ASSERT(params_.write_cache);
  rq.fua = bio.fua && params_.fua;
  rq.flush_steps = 0;
  if (rq.sectors > Sectors(0))
    rq.flush_steps |= kData;
  if (bio.preflush)
    rq.flush_steps |= kPreflush;
  if (bio.fua && !params_.fua)
    rq.flush_steps |= kPostflush;
  if (rq.flush_steps == kData) {
    rq.flush_steps = 0;
    return false;
  }
  next_step(rq, now);
  kick_flush(now);
  return true;
}

void FlushMachine::start_ordered(Request& rq, Jiffies now) {
  rq.fua = params_.write_cache && params_.fua;
  rq.flush_steps = params_.write_cache ? kPreflush : 0;
  if (rq.sectors > Sectors(0))
    rq.flush_steps |= params_.write_cache && !params_.fua ? kData | kPostflush : kData;
  next_step(rq, now);
  kick_flush(now);
}

void FlushMachine::next_step(Request& rq, Jiffies now) {
  if (rq.flush_steps == 0)
    return host_.flush_done(rq);
  if (!(rq.flush_steps & kPreflush) && (rq.flush_steps & kData)) {
    ++data_in_flight_;
    return host_.queue_flush_step(rq, /*front=*/true);
  }
  if (pending_.empty())
    pending_since_ = now;
  pending_.push_back(rq);
}

bool FlushMachine::completed(Request& rq, Jiffies now) {
  if (&rq == &flush_rq_) {
    flush_end(now);
  } else if (rq.flush_steps != 0) {
    --data_in_flight_;
    rq.flush_steps = rq.failed ? 0 : rq.flush_steps & kPostflush;
    next_step(rq, now);
  } else {
    return false;
  }
  kick_flush(now);
  return true;
}

// One FLUSH at a time; it waits for data steps under way, whose own flush it can then be.
void FlushMachine::kick_flush(Jiffies now) {
  if (flushing_ || pending_.empty())
    return;
  if (data_in_flight_ > 0 && now < pending_since_ + pending_timeout_)
    return;
  flushing_ = true;
  running_.swap(pending_);
  flush_rq_.q = running_.front().q;
  flush_rq_.hctx = running_.front().hctx;
  host_.queue_flush_step(flush_rq_, /*front=*/false);
}

void FlushMachine::flush_end(Jiffies now) {
  flushing_ = false;
  QueueList done;
  done.swap(running_);
  while (!done.empty()) {
    Request& rq = done.front();
    done.pop_front();
    rq.failed = flush_rq_.failed;
    const bool was_preflush = rq.flush_steps & kPreflush;
    rq.flush_steps &= was_preflush && !rq.failed ? kData | kPostflush : 0;
    next_step(rq, now);
  }
}

}  // namespace wbsim
