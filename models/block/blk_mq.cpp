#include "models/block/blk_mq.hpp"

#include <algorithm>
#include <stdexcept>

#include "models/block/bfq.hpp"
#include "models/block/blk_plug.hpp"
#include "sim/assert.hpp"

namespace wbsim {

namespace {

constexpr int kCtxMergeDepth = 8;  // requests of a software queue that a bio is tried with

}  // namespace

BlkMqQueue::BlkMqQueue(Simulator& sim, TickClock clock, Device& device, const QueueParams& params,
                       const QueueRules& rules, BlockLayer& layer, TraceSink& trace)
    : DriverQueue(sim, clock, device, with_defaults(params, rules, device.depth()), layer, trace,
                  IoTime(clock.tick(), !params.partitioned)),
      ctxs_(static_cast<std::size_t>(params.cpus)),
      rules_(rules),
      flush_(*this, clock, params_) {
  const bool none = params_.scheduler == "none";
  const int depth = std::max(1, device.depth() / params_.nr_hw_queues);
  hctxs_.reserve(static_cast<std::size_t>(params_.nr_hw_queues));
  for (int i = 0; i < params_.nr_hw_queues; ++i)
    hctxs_.emplace_back(none ? params_.nr_requests : depth, none ? 0 : params_.nr_requests);
  RequestOwner& owner = *this;
  if (!none)
    elevator_.emplace(make_elevator(params_.scheduler, rules, clock), params_, stats_, owner);
  async_write_depth_ = sync_write_depth_ = none ? params_.nr_requests : params_.async_depth;
  if (params_.scheduler == "bfq") {
    async_write_depth_ = bfq_async_depth(params_.nr_requests);
    sync_write_depth_ = bfq_sync_write_depth(params_.nr_requests);
  }
  if (params_.wbt_lat > Duration::zero()) {
    const BlkWbt::Params wbt{params_.nr_requests, params_.wbt_lat, params_.write_cache};
    wbt_ = std::make_unique<BlkWbt>(sim, clock, wbt, dirty_sleep_);
  }
}

// blk_mq_map_queues(): neighbouring processors share a hardware queue.
std::uint16_t BlkMqQueue::hctx_for(int cpu) const {
  return static_cast<std::uint16_t>(cpu * params_.nr_hw_queues / params_.cpus %
                                    params_.nr_hw_queues);
}

// dd_limit_depth(), bfq_limit_depth(): what is no read does not get all tags.
int BlkMqQueue::limit_depth(const Bio& bio) const {
  if (bio.op == BioOp::kRead)
    return params_.nr_requests;
  return bio.sync ? sync_write_depth_ : async_write_depth_;
}

BlkMqQueue::Submit BlkMqQueue::try_submit(Bio& bio, IoContext& ioc) {
  enter(bio, ioc);
  WB_ASSERT(!bio.barrier);
  if (try_merge(bio, ioc)) {
    events_.merged(bio, ioc.thread);
    return Submit::kMerged;
  }
  if (bio.op == BioOp::kWrite && ioc.task && ioc.task->debt() > Duration::zero())
    return Submit::kOwes;
  TagQueue& tags = hctxs_[hctx_for(ioc.cpu)].allocation_tags();
  if (!tags.available(limit_depth(bio)) || (wbt_ && !wbt_->try_throttle(bio)))
    return Submit::kNoRequest;
  tags.try_get();
  insert(get_request(bio, ioc), bio, ioc);
  return Submit::kQueued;
}

// blk_mq_attempt_bio_merge()
bool BlkMqQueue::try_merge(Bio& bio, IoContext& ioc) {
  if (params_.nomerges == 2 || bio.preflush || bio.fua)
    return false;
  if (ioc.plug && ioc.plug->try_merge(*this, bio, rules_.plug, params_, stats_))
    return true;
  return elevator_ ? elevator_->try_merge(bio, ioc) : ctx_merge(bio, ioc.cpu);
}

// blk_bio_list_merge(): the newest requests of the software queue.
bool BlkMqQueue::ctx_merge(Bio& bio, int cpu) {
  QueueList& ctx = ctxs_[static_cast<std::size_t>(cpu)];
  int tried = 0;
  for (auto rq = ctx.rbegin(); rq != ctx.rend() && tried < kCtxMergeDepth; ++rq, ++tried)
    if (blk_attempt_bio_merge(*rq, bio, params_, stats_))
      return true;
  return false;
}

// rq_qos_throttle() and blk_mq_get_tag(), both of which sleep.
Task<> BlkMqQueue::submit_slow(Bio& bio, IoContext& ioc) {
  if (wbt_ && !wbt_->try_throttle(bio)) {
    co_await wbt_->wait(bio);
    co_await woken(ioc);
  }
  for (;;) {
    Hctx& hctx = hctxs_[hctx_for(ioc.cpu)];
    TagQueue& tags = hctx.allocation_tags();
    if (tags.try_get(limit_depth(bio)))
      break;
    run_hw_queue(hctx);
    if (tags.try_get(limit_depth(bio)))
      break;
    co_await tags.wait_ptr().wait("blk_mq_get_tag");
    co_await woken(ioc);
    tags.finish_wait();
  }
  insert(get_request(bio, ioc), bio, ioc);
}

// Of one that holds its tag.
Request& BlkMqQueue::get_request(Bio& bio, const IoContext& ioc) {
  Request& rq = new_request(bio, ioc);
  rq.ctx = static_cast<std::uint16_t>(ioc.cpu);
  rq.hctx = hctx_for(ioc.cpu);
  rq.driver_tag = !elevator_;
  rq.tracked = wbt_ && BlkWbt::tracks(bio);
  return rq;
}

// The end of blk_mq_submit_bio().
void BlkMqQueue::insert(Request& rq, Bio& bio, IoContext& ioc) {
  if (flush_.insert(rq, bio, jiffies())) {
    run_hw_queue_async(hctx_of(rq));
  } else if (ioc.plug) {
    if (ioc.plug->empty())
      events_.plug(BlockEvent::What::kPlug, ioc.thread);
    ioc.plug->add(rq, rules_.plug);
  } else if (elevator_) {
    events_.request(BlockEvent::What::kRqInsert, rq);
    elevator_->add(rq, jiffies());
    run_hw_queue_async(hctx_of(rq));
  } else if (!try_issue(rq)) {
    hctx_of(rq).dispatch.push_back(rq);
  }
}

// blk_mq_flush_plug_list(). Without a scheduler a task that does not sleep issues its requests
// itself, from the newest to the oldest; all other ways keep their order.
void BlkMqQueue::flush_plug_list(QueueList& requests, PlugFlush why) {
  events_.unplug_list(requests, why == PlugFlush::kFromSchedule);
  Hctx& hctx = hctx_of(requests.back());
  if (elevator_ || why != PlugFlush::kOneQueue) {
    insert_requests(requests);
    if (why == PlugFlush::kFromSchedule)
      run_hw_queue_async(hctx);
    else
      run_hw_queue(hctx);
    return;
  }
  while (!requests.empty()) {
    Request& rq = requests.back();
    requests.pop_back();
    if (!try_issue(rq))
      hctx_of(rq).dispatch.push_back(rq);
  }
}

// blk_mq_sched_insert_requests(): dd_insert_requests(), or the software queues.
void BlkMqQueue::insert_requests(QueueList& requests) {
  while (!requests.empty()) {
    Request& rq = requests.front();
    requests.pop_front();
    if (elevator_ && elevator_->try_insert_merge(rq))
      continue;
    events_.request(BlockEvent::What::kRqInsert, rq);
    if (elevator_)
      elevator_->add(rq, jiffies());
    else
      ctxs_[rq.ctx].push_back(rq);
  }
}

bool BlkMqQueue::get_driver_tag(Request& rq) {
  if (!rq.driver_tag)
    rq.driver_tag = hctx_of(rq).driver.try_get();
  return rq.driver_tag;
}

void BlkMqQueue::put_driver_tag(Request& rq) {
  if (rq.driver_tag)
    hctx_of(rq).driver.put();
  rq.driver_tag = false;
}

// False: no tag of the hardware queue is left, or the driver is busy.
bool BlkMqQueue::try_issue(Request& rq) {
  if (device_.full() || !get_driver_tag(rq))
    return false;
  if (wbt_)
    wbt_->issue(rq);
  start_request(rq);
  return true;
}

Request* BlkMqQueue::next_request(Hctx& hctx) {
  QueueList* list = &hctx.dispatch;
  if (list->empty() && elevator_)
    return elevator_->dispatch(jiffies());
  for (std::size_t cpu = 0; list->empty() && cpu < ctxs_.size(); ++cpu)
    if (&hctxs_[hctx_for(static_cast<int>(cpu))] == &hctx)
      list = &ctxs_[cpu];
  if (list->empty())
    return nullptr;
  Request& rq = list->front();
  list->pop_front();
  return &rq;
}

// blk_mq_sched_dispatch_requests(): what cannot be issued is kept and comes first next time. False
// when something is left.
bool BlkMqQueue::run_hw_queue(Hctx& hctx) {
  while (Request* rq = next_request(hctx)) {
    if (try_issue(*rq))
      continue;
    hctx.dispatch.push_front(*rq);
    return false;
  }
  if (elevator_ && !elevator_->empty())
    wait_while_idling(elevator_->elevator());
  return true;
}

void BlkMqQueue::run_hw_queue_async(Hctx& hctx) {
  if (hctx.run_pending)
    return;
  hctx.run_pending = true;
  const auto index = static_cast<std::uint64_t>(&hctx - hctxs_.data());
  const EventAction run{[](void* context, std::uint64_t i) {
                          auto& self = *static_cast<BlkMqQueue*>(context);
                          self.hctxs_[i].run_pending = false;
                          self.run_hw_queue(self.hctxs_[i]);
                        },
                        this, index};
  sim_.at(sim_.now(), run);
}

void BlkMqQueue::run_hw_queues() {
  for (Hctx& hctx : hctxs_)
    run_hw_queue(hctx);
}

void BlkMqQueue::request_completed(Request& rq) {
  if (wbt_)
    wbt_->sample(rq);
  if (rq.flush_steps == 0 && rq.op != BioOp::kFlush && elevator_)
    elevator_->elevator().completed(rq, jiffies());
  if (rq.flush_steps != 0 && elevator_)
    put_driver_tag(rq);  // mq_flush_data_end_io(): it may wait long for a flush
  if (!flush_.completed(rq, jiffies())) {
    end_request(rq);
    put_request(rq);
  }
  run_hw_queues();
}

void BlkMqQueue::flush_done(Request& rq) {
  end_request(rq);
  put_request(rq);
}

// blk_mq_free_request(), and that of one whose bios were joined to another.
void BlkMqQueue::put_request(Request& rq) {
  if (wbt_)
    wbt_->done(rq);
  put_driver_tag(rq);
  if (hctx_of(rq).sched)
    hctx_of(rq).sched->put();
  delete_request(rq);
}

void BlkMqQueue::queue_flush_step(Request& rq, bool front) {
  QueueList& dispatch = hctx_of(rq).dispatch;
  dispatch.insert(front ? dispatch.begin() : dispatch.end(), rq);
}

}  // namespace wbsim
