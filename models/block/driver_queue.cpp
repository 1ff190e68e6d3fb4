#include "models/block/driver_queue.hpp"

#include <algorithm>

#include "sim/assert.hpp"

namespace wbsim {

DriverQueue::DriverQueue(Simulator& sim, TickClock clock, Device& device, const QueueParams& params,
                         BlockLayer& layer, TraceSink& trace, IoTime io_time)
    : RequestQueue(params),
      sim_(sim),
      clock_(clock),
      device_(device),
      requests_(layer.requests),
      io_time_(io_time),
      trace_(trace),
      events_(trace, sim, params_),
      records_(trace.wants_requests()) {
  device_.attach(sim_, *this);
}

void DriverQueue::enter(Bio& bio, const IoContext& ioc) const {
  WB_ASSERT(bio.sector >= Sectors(0) && bio.sector + bio.length <= device_.capacity());
  WB_ASSERT(bio.length <= params_.max_sectors && bio.segments <= params_.max_segments);
  if (!params_.write_cache)
    bio.preflush = bio.fua = false;
  WB_ASSERT(bio.length > Sectors(0) || bio.preflush || bio.barrier);
  bio.ioprio = ioc.ioprio;
  bio.bi_next = nullptr;
  if (!bio.traced)
    events_.bio(BlockEvent::What::kBioQueue, bio, ioc.thread);
  bio.traced = true;
}

Request& DriverQueue::new_request(Bio& bio, const IoContext& ioc) {
  io_time_.begin(sim_.now(), allocated_++);
  Request& rq = requests_.take();
  bio.bi_next = nullptr;
  rq.q = this;
  rq.sector = bio.sector;
  rq.sectors = bio.length;
  rq.bio = rq.biotail = &bio;
  rq.segments = bio.segments;
  rq.bios = 1;
  rq.op = bio.op;
  rq.sync = bio.sync || bio.op == BioOp::kRead;
  rq.ioprio = ioc.ioprio;
  rq.no_merge = bio.preflush || bio.fua || bio.barrier;
  rq.noidle = bio.sync && bio.op == BioOp::kWrite && !bio.direct;
  rq.barrier = bio.barrier;
  rq.fua = false;
  rq.tracked = false;
  rq.flush_steps = 0;
  rq.reason = bio.reason;
  rq.meta_sectors = bio.meta ? bio.length : Sectors(0);
  rq.queued = sim_.now();
  rq.ioc = &ioc;
  rq.task_queue = nullptr;
  if (records_) {
    rq.ino = ioc.ino;
    rq.dirtied_when = ioc.dirtied_when;
  }
  events_.bio(BlockEvent::What::kGetrq, bio, ioc.thread);
  return rq;
}

void DriverQueue::delete_request(Request& rq) {
  requests_.give_back(rq);
  WB_ASSERT(allocated_ > 0);
  --allocated_;
  io_time_.end(sim_.now());
}

void DriverQueue::start_request(Request& rq) {
  ++in_flight_;
  events_.request(BlockEvent::What::kRqIssue, rq);
  device_.submit(rq);
}

Task<> DriverQueue::woken(IoContext& ioc) {
  if (!params_.processors || !ioc.task)
    co_return;
  co_await params_.processors->woken(*ioc.task);
  ioc.cpu = ioc.task->processor();
}

void DriverQueue::wait_while_idling(const Elevator& elevator) {
  const Jiffies idle = elevator.idles_until();
  if (idle == Jiffies(0) || sim_.pending(idle_timer_))
    return;  // a completion lets it go on
  const EventAction retry{
      [](void* self, std::uint64_t) { static_cast<DriverQueue*>(self)->device_ready(); }, this};
  idle_timer_ = sim_.at(clock_.start_of(std::max(idle, jiffies() + Jiffies(1))), retry);
}

void DriverQueue::command_started(DeviceRequest& command) {
  auto& rq = static_cast<Request&>(command);
  if (rq.op == BioOp::kFlush)
    return;
  const std::size_t op = static_cast<std::size_t>(rq.op);
  rq.allocated_at_start = allocated_;
  if (rq.seek)
    ++stats_.seeks;
  stats_.allocated_sum += rq.allocated_at_start;
  if (rq.op == BioOp::kWrite && stats_.started[op] == 0)
    stats_.first_write_start = sim_.now();
  ++stats_.started[op];
}

Duration DriverQueue::interrupt_cost(const Request& rq) {
  if (rq.op != BioOp::kWrite)
    return params_.interrupt_cost;
  const Pages written = round_up_pages(to_bytes(rq.meta_sectors));
  const Pages kept = std::min(written, params_.kept_pages - kept_pages_);
  kept_pages_ += kept;
  return params_.interrupt_cost + params_.kept_pages_search * (written - kept).count();
}

void DriverQueue::command_completed(DeviceRequest& command) {
  WB_ASSERT(in_flight_ > 0);
  auto& rq = static_cast<Request&>(command);
  events_.request(BlockEvent::What::kRqComplete, rq);
  if (rq.op == BioOp::kFlush) {
    ++stats_.flushes;
  } else {
    account_completed(rq);
    if (records_)
      trace_completed(rq);
    if (io_listener_)
      io_listener_->io_completed(params_.device_index);
  }
  if (params_.processors)
    params_.processors->steal(interrupt_cost(rq));
  --in_flight_;
  request_completed(rq);
}

void DriverQueue::end_request(Request& rq) {
  for (Bio* bio = rq.bio; bio;) {
    Bio* next = bio->bi_next;  // the owner may reuse the bio
    __builtin_prefetch(next, 1);
    bio->bi_next = nullptr;
    bio->bi_end_io(*bio, !rq.failed);
    bio = next;
  }
  rq.bio = rq.biotail = nullptr;
}

QueueStats DriverQueue::stats() {
  QueueStats now = stats_;
  now.service_started = device_.busy_committed();
  now.io_time = io_time_.read(sim_.now(), allocated_);
  return now;
}

void DriverQueue::account_completed(const Request& rq) {
  const std::size_t op = static_cast<std::size_t>(rq.op);
  ++stats_.ios[op];
  stats_.failed += rq.failed ? 1 : 0;
  stats_.sectors[op] += rq.sectors;
  stats_.time[op] += sim_.now() - rq.queued;
  stats_.meta_sectors += rq.meta_sectors;
  if (rq.op == BioOp::kWrite)
    stats_.last_write_end = sim_.now();
}

void DriverQueue::trace_completed(const Request& rq) {
  RequestRecord record;
  record.queued = rq.queued - params_.origin;
  record.started = rq.started - params_.origin;
  record.completed = sim_.now() - params_.origin;
  record.service = rq.service;
  record.device = params_.device_index;
  record.write = rq.op == BioOp::kWrite;
  record.sync = rq.sync;
  record.idle_start = rq.idle_start;
  record.sector = rq.sector;
  record.sectors = rq.sectors;
  record.head_before = rq.head_before;
  record.bios = rq.bios;
  record.allocated = rq.allocated_at_start;
  record.meta_sectors = rq.meta_sectors;
  record.reason = rq.reason;
  record.thread = rq.thread();
  record.ino = rq.ino;
  record.age = rq.ino < 0 ? Duration{} : rq.queued - rq.dirtied_when;
  trace_.on_request(record);
}

}  // namespace wbsim
