// MODELS: 2.6.18 to 2.6.38 block/blk-core.c __make_request(), get_request_wait(), plugging.
// DEVIATES: no barriers; kblockd runs at once when the unplug timer fires.
#include "models/block/single_queue.hpp"

#include <algorithm>

#include "sim/assert.hpp"

namespace wbsim {

SingleQueue::SingleQueue(Simulator& sim, TickClock clock, Device& device, const QueueParams& params,
                         const QueueRules& rules, CongestionWaits& congestion, TraceSink& trace)
    : RequestQueue(params),
      sim_(sim),
      clock_(clock),
      device_(device),
      rules_(rules),
      congestion_(congestion),
      trace_(trace),
      slots_(params.nr_requests, rules.batch_requests, clock),
      elevator_(make_elevator(params.scheduler, rules.deadline, clock)) {
  // 3 * HZ / 1000 truncates, but a timer needs a jiffy.
  const std::int64_t jiffies = rules.unplug_delay.count() * clock.hz() / 1'000'000'000;
  unplug_delay_ = Jiffies(std::max<std::int64_t>(1, jiffies));
  device_.attach(sim_, *this);
}

SingleQueue::Submit SingleQueue::try_submit(Bio& bio, IoContext& ioc) {
  WB_ASSERT(bio.sector >= Sectors(0) && bio.length > Sectors(0));
  WB_ASSERT(bio.sector + bio.length <= device_.capacity());
  WB_ASSERT(bio.length <= params_.max_sectors && bio.segments <= params_.max_segments);
  bio.bi_next = nullptr;
  Submit result = Submit::kMerged;
  const bool empty = !last_merge_ && elevator_->empty();  // last_merge_ is in the elevator
  if (empty || !elv_merge(bio)) {
    Request* rq = get_request(bio, ioc);
    if (!rq)
      return Submit::kNoRequest;
    insert(*rq, bio);
    result = Submit::kQueued;
  }
  if (bio.unplug)
    unplug();
  return result;
}

Task<> SingleQueue::submit_slow(Bio& bio, IoContext& ioc) {
  WaitQueue& waiters = slot_waiters_[rules_.index(bio.op, bio.sync)];
  Request* rq = get_request(bio, ioc);  // a slot may have become free since try_submit()
  while (!rq) {
    unplug();
    co_await waiters.wait("request slot");
    slots_.ioc_set_batching(ioc, sim_.now());
    rq = get_request(bio, ioc);
  }
  insert(*rq, bio);
  if (bio.unplug)
    unplug();
}

Request* SingleQueue::get_request(Bio& bio, IoContext& ioc) {
  const int index = rules_.index(bio.op, bio.sync);
  const bool was_idle = slots_.total() == 0;
  if (!slots_.allocate(index, ioc, sim_.now()))
    return nullptr;
  if (was_idle)
    allocated_since_ = sim_.now();
  if (free_.empty())
    free_.push_back(slab_.emplace_back());
  Request& rq = free_.front();
  free_.pop_front();
  rq.slot_index = static_cast<std::uint8_t>(index);
  rq.sector = bio.sector;
  rq.sectors = bio.length;
  rq.bio = rq.biotail = &bio;
  rq.segments = bio.segments;
  rq.bios = 1;
  rq.op = bio.op;
  rq.sync = bio.sync || bio.op == BioOp::kRead;
  rq.no_merge = false;
  rq.reason = bio.reason;
  rq.meta_sectors = bio.meta ? bio.length : Sectors(0);
  rq.queued = sim_.now();
  rq.thread = ioc.thread;
  rq.ino = ioc.ino;
  rq.dirtied_when = ioc.dirtied_when;
  return &rq;
}

void SingleQueue::insert(Request& rq, Bio& bio) {
  bio.bi_next = nullptr;
  if (elevator_->empty())
    plug_device();
  hash_add(rq);
  if (!last_merge_)
    last_merge_ = &rq;
  elevator_->add(rq, clock_.jiffies_at(sim_.now()));
  if (plugged_ && slots_.total() - in_flight_ >= rules_.unplug_threshold)
    generic_unplug_device();
}

void SingleQueue::free_request(Request& rq) {
  free_.push_front(rq);
  const int index = rq.slot_index;
  const RequestList::Freed freed = slots_.release(index);
  if (slots_.total() == 0)
    stats_.io_time += sim_.now() - allocated_since_;
  if (freed.wake_congestion_waiters)
    congestion_.wake(index);
  if (freed.wake_waiter)
    slot_waiters_[index].wake_one();
}

void SingleQueue::plug_device() {
  if (plugged_)
    return;
  plugged_ = true;
  const EventAction unplug_timeout{
      [](void* self, std::uint64_t) { static_cast<SingleQueue*>(self)->unplug(); }, this};
  unplug_timer_ = sim_.at(clock_.expiry(sim_.now(), unplug_delay_), unplug_timeout);
}

bool SingleQueue::remove_plug() {
  if (!plugged_)
    return false;
  plugged_ = false;
  sim_.cancel(unplug_timer_);
  return true;
}

void SingleQueue::generic_unplug_device() {
  if (remove_plug())
    request_fn();
}

QueueStats SingleQueue::stats() const {
  QueueStats now = stats_;
  now.service_started = device_.busy_committed();
  if (slots_.total() > 0)
    now.io_time += sim_.now() - allocated_since_;
  return now;
}

}  // namespace wbsim
