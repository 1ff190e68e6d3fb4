// The driver: takes requests from the elevator, as many as the device holds.
#include "models/block/single_queue.hpp"
#include "sim/assert.hpp"

namespace wbsim {

void SingleQueue::request_fn() {
  const Jiffies now = clock_.jiffies_at(sim_.now());
  while (!device_.full()) {
    Request* rq = elevator_->next(now);
    if (!rq)
      break;
    dispatch(*rq);
  }
}

// elv_dispatch_add_tail(): from here on nothing is merged into it.
void SingleQueue::dispatch(Request& rq) {
  if (last_merge_ == &rq)
    last_merge_ = nullptr;
  hash_remove(rq);
  ++in_flight_;
  device_.submit(rq);
}

void SingleQueue::command_started(DeviceRequest& command) {
  auto& rq = static_cast<Request&>(command);
  const std::size_t op = static_cast<std::size_t>(rq.op);
  rq.allocated_at_start = slots_.total();
  if (rq.seek)
    ++stats_.seeks;
  stats_.allocated_sum += rq.allocated_at_start;
  if (rq.op == BioOp::kWrite && stats_.started[op] == 0)
    stats_.first_write_start = sim_.now();
  ++stats_.started[op];
}

void SingleQueue::device_ready() {
  remove_plug();
  request_fn();
}

void SingleQueue::command_completed(DeviceRequest& command) {
  auto& rq = static_cast<Request&>(command);
  account_completed(rq);
  trace_completed(rq);
  if (params_.processors)
    params_.processors->steal(params_.interrupt_cost);
  for (Bio* bio = rq.bio; bio;) {
    Bio* next = bio->bi_next;  // the owner may reuse the bio
    __builtin_prefetch(next, 1);
    bio->bi_next = nullptr;
    bio->bi_end_io(*bio, !rq.failed);
    bio = next;
  }
  rq.bio = rq.biotail = nullptr;
  WB_ASSERT(in_flight_ > 0);
  --in_flight_;
  free_request(rq);
}

void SingleQueue::account_completed(const Request& rq) {
  const std::size_t op = static_cast<std::size_t>(rq.op);
  ++stats_.ios[op];
  stats_.sectors[op] += rq.sectors;
  stats_.time[op] += sim_.now() - rq.queued;
  stats_.meta_sectors += rq.meta_sectors;
  if (rq.op == BioOp::kWrite)
    stats_.last_write_end = sim_.now();
}

void SingleQueue::trace_completed(const Request& rq) {
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
  record.thread = rq.thread;
  record.ino = rq.ino;
  record.age = rq.ino < 0 ? Duration{} : rq.queued - rq.dirtied_when;
  trace_.on_request(record);
}

}  // namespace wbsim
