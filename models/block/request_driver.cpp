// The driver: takes requests from the elevator, as many as it may hold, and feeds them to the
// device, the next one at the very moment the last one ends.
#include "models/block/request_queue.hpp"
#include "sim/assert.hpp"

namespace wbsim {

void RequestQueue::request_fn(bool idle_start) {
  const Jiffies now = clock_.jiffies_at(sim_.now());
  while (driver_held_ < device_.depth()) {
    Request* rq = elevator_->next(now);
    if (!rq)
      break;
    dispatch(*rq);
  }
  if (serving_ || driver_.empty())
    return;
  Request& rq = driver_.front();
  driver_.pop_front();
  start(rq, idle_start);
}

// elv_dispatch_add_tail(): from here on nothing is merged into it.
void RequestQueue::dispatch(Request& rq) {
  if (last_merge_ == &rq)
    last_merge_ = nullptr;
  hash_remove(rq);
  driver_.push_back(rq);
  ++driver_held_;
  ++in_flight_;
}

void RequestQueue::start(Request& rq, bool idle_start) {
  const std::size_t op = static_cast<std::size_t>(rq.op);
  rq.started = sim_.now();
  rq.head_before = device_.head();
  rq.idle_start = idle_start;
  rq.allocated_at_start = slots_.total();
  if (device_.is_seek(rq.sector))
    ++stats_.seeks;
  rq.service = device_.serve({rq.sector, rq.sectors, rq.op == BioOp::kWrite}, sim_.now());
  stats_.service_started += rq.service;
  stats_.allocated_sum += rq.allocated_at_start;
  if (rq.op == BioOp::kWrite && stats_.started[op] == 0)
    stats_.first_write_start = sim_.now();
  ++stats_.started[op];
  serving_ = &rq;
  const EventAction end{
      [](void* self, std::uint64_t) { static_cast<RequestQueue*>(self)->end_service(); }, this};
  sim_.at(sim_.now() + rq.service, end);
}

void RequestQueue::end_service() {
  Request& rq = *serving_;
  serving_ = nullptr;
  --driver_held_;
  if (device_.completion_latency() == Duration::zero()) {
    complete(rq);
  } else {
    completing_.push_back(rq);
    const EventAction deliver{[](void* context, std::uint64_t) {
                                auto& self = *static_cast<RequestQueue*>(context);
                                Request& first = self.completing_.front();
                                self.completing_.pop_front();
                                self.complete(first);
                              },
                              this};
    sim_.at(sim_.now() + device_.completion_latency(), deliver);
  }
  remove_plug();
  request_fn(/*idle_start=*/false);
}

void RequestQueue::complete(Request& rq) {
  account_completed(rq);
  trace_completed(rq);
  if (params_.processors)
    params_.processors->steal(params_.interrupt_cost);
  for (Bio* bio = rq.bio; bio;) {
    Bio* next = bio->bi_next;  // the owner may reuse the bio
    __builtin_prefetch(next, 1);
    bio->bi_next = nullptr;
    bio->bi_end_io(*bio, true);
    bio = next;
  }
  rq.bio = rq.biotail = nullptr;
  WB_ASSERT(in_flight_ > 0);
  --in_flight_;
  free_request(rq);
}

void RequestQueue::account_completed(const Request& rq) {
  const std::size_t op = static_cast<std::size_t>(rq.op);
  ++stats_.ios[op];
  stats_.sectors[op] += rq.sectors;
  stats_.time[op] += sim_.now() - rq.queued;
  stats_.meta_sectors += rq.meta_sectors;
  if (rq.op == BioOp::kWrite)
    stats_.last_write_end = sim_.now();
}

void RequestQueue::trace_completed(const Request& rq) {
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
  trace_.on_request(record);
}

}  // namespace wbsim
