#include "models/block/linus_queue.hpp"

#include <algorithm>

#include "models/block/request_merge.hpp"
#include "sim/assert.hpp"

namespace wbsim {

using Merge = LinusElevator::Merge;

LinusQueue::LinusQueue(Simulator& sim, TickClock clock, Device& device, const QueueParams& params,
                       LinusRelease release, BlockLayer& layer, TraceSink& trace)
    : DriverQueue(sim, clock, device, params, layer, trace),
      release_(release),
      elevator_(release),
      batch_requests_(std::max(1, params.nr_requests / 2)),  // a quarter of all
      free_slots_{params.nr_requests, params.nr_requests} {
  WB_ASSERT(params.tq_disk);
}

RequestQueue::Submit LinusQueue::try_submit(Bio& bio, IoContext& ioc) {
  enter(bio, ioc);
  LinusElevator::Found found;
  if (try_merge(bio, found, ioc))
    return Submit::kMerged;
  std::uint8_t slot = 0;
  if (!take_slot(bio.op, slot))
    return Submit::kNoRequest;
  add_request(bio, found, slot, ioc);
  return Submit::kQueued;
}

Task<> LinusQueue::submit_slow(Bio& bio, IoContext& ioc) {
  std::uint8_t slot = 0;
  // 2.4.0 asks at once. 2.4.17 sleeps while no batch is free; who is woken does not ask again
  // whether one is.
  bool sleep = release_ == LinusRelease::k2417 && free_slots(bio.op) < batch_requests_;
  bool slept = false;
  while (sleep || !take_slot(bio.op, slot)) {
    events_.bio(BlockEvent::What::kSleeprq, bio, ioc.thread);
    unplug();
    co_await waiters(bio.op).wait("request slot");
    slept = true;
    sleep = false;
  }
  LinusElevator::Found found;
  if (try_merge(bio, found, ioc))
    release_slot(slot);
  else
    add_request(bio, found, slot, ioc);
  if (slept)
    co_await woken(ioc);
}

bool LinusQueue::try_merge(Bio& bio, LinusElevator::Found& found, const IoContext& ioc) {
  found = elevator_.merge(bio, params_);
  if (found.merge == Merge::kNone)
    return false;
  Request& rq = *found.rq;
  if (found.merge == Merge::kBack) {
    bio_attempt_back_merge(rq, bio, params_, stats_);
    if (Request* next = elevator_.latter(rq))
      join(rq, *next);
  } else {
    bio_attempt_front_merge(rq, bio, params_, stats_);
    if (Request* previous = elevator_.former(rq))
      join(*previous, rq);
  }
  events_.merged(bio, ioc.thread);
  return true;
}

void LinusQueue::join(Request& rq, Request& next) {
  if (!attempt_merge(rq, next, params_))
    return;
  rq.elevator_sequence = std::min(rq.elevator_sequence, next.elevator_sequence);
  elevator_.remove(next);
  release_request(next);
}

bool LinusQueue::take_slot(BioOp op, std::uint8_t& slot) {
  slot = static_cast<std::uint8_t>(op);
  if (free_slots_[slot] == 0 && op == BioOp::kRead && release_ == LinusRelease::k240)
    slot = static_cast<std::uint8_t>(BioOp::kWrite);  // a read may take what writes have
  if (free_slots_[slot] == 0)
    return false;
  --free_slots_[slot];
  return true;
}

WaitQueue& LinusQueue::waiters(BioOp op) {
  return wait_for_requests_[release_ == LinusRelease::k240 ? 0 : static_cast<std::size_t>(op)];
}

void LinusQueue::release_slot(std::uint8_t slot) {
  ++free_slots_[slot];
  WaitQueue& sleepers = waiters(static_cast<BioOp>(slot));
  if (release_ == LinusRelease::k240)
    sleepers.wake_one();
  else if (free_slots_[slot] >= batch_requests_)
    sleepers.wake_all();
}

void LinusQueue::add_request(Bio& bio, const LinusElevator::Found& found, std::uint8_t slot,
                             const IoContext& ioc) {
  Request& rq = new_request(bio, ioc);
  rq.slot_index = slot;
  if (elevator_.empty() && !head_active())
    plug_device(ioc.thread);
  events_.request(BlockEvent::What::kRqInsert, rq);
  elevator_.add(rq, found);
  if (release_ == LinusRelease::k240 && !plugged_)
    request_fn();
}

void LinusQueue::release_request(Request& rq) {
  const std::uint8_t slot = rq.slot_index;
  delete_request(rq);
  release_slot(slot);
}

void LinusQueue::plug_device(std::string_view thread) {
  if (plugged_)
    return;
  plugged_ = true;
  events_.plug(BlockEvent::What::kPlug, thread);
  if (on_tq_disk_)
    return;
  on_tq_disk_ = true;
  params_.tq_disk->queue_task(
      [](void* context) {
        auto& self = *static_cast<LinusQueue*>(context);
        self.on_tq_disk_ = false;
        self.unplug();
      },
      this);
}

void LinusQueue::generic_unplug_device() {
  plugged_ = false;
  events_.plug(BlockEvent::What::kUnplug, {}, allocated() - in_flight());
  request_fn();
}

void LinusQueue::request_fn() {
  if (plugged_)
    return;
  while (!elevator_.empty() && !device_.full()) {
    Request& rq = elevator_.first();
    elevator_.remove(rq);
    start_request(rq);
  }
}

void LinusQueue::request_completed(Request& rq) {
  end_request(rq);
  release_request(rq);
}

}  // namespace wbsim
