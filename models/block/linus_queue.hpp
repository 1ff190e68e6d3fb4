// The request queue of 2.4: two lots of request slots, elevator_linus, and a plug that only
// tq_disk pulls.
//
// MODELS:   drivers/block/ll_rw_blk.c __make_request(), get_request_wait(),
// blkdev_release_request(),
//           generic_plug_device() of 2.4.0 and 2.4.17.
// DEVIATES: the request that a device of depth 1 (IDE) serves is the active head, though it is out
//           of the list; a deeper device (SCSI) takes its requests off the queue. READA is a read
//           like any other.
#pragma once

#include <array>

#include "models/block/driver_queue.hpp"
#include "models/block/elevator_linus.hpp"
#include "models/block/tq_disk.hpp"
#include "sim/wait_queue.hpp"

namespace wbsim {

class LinusQueue final : public DriverQueue {
 public:
  // params.nr_requests is the number of slots of each direction.
  LinusQueue(Simulator& sim, TickClock clock, Device& device, const QueueParams& params,
             LinusRelease release, BlockLayer& layer, TraceSink& trace);

  Submit try_submit(Bio& bio, IoContext& ioc) override;
  // get_request_wait(), and back to the search for a merge: it may do without the slot by then.
  Task<> submit_slow(Bio& bio, IoContext& ioc) override;

  // 2.4 knows no congestion: whoever finds no slot sleeps.
  bool congested(BioOp, bool) const override { return false; }
  bool write_congested() const override { return false; }

  int free_slots(BioOp op) const { return free_slots_[static_cast<std::size_t>(op)]; }
  const LinusElevator& elevator() const { return elevator_; }

 private:
  bool try_merge(Bio& bio, LinusElevator::Found& found, const IoContext& ioc);
  void join(Request& rq, Request& next);
  bool take_slot(BioOp op, std::uint8_t& slot);
  void release_slot(std::uint8_t slot);
  WaitQueue& waiters(BioOp op);
  void add_request(Bio& bio, const LinusElevator::Found& found, std::uint8_t slot,
                   const IoContext& ioc);
  void release_request(Request& rq);

  // A driver of one command at a time leaves it at the head of the queue, which is not empty then.
  bool head_active() const { return device_.depth() == 1 && in_flight() > 0; }
  void plug_device(std::string_view thread);
  void generic_unplug_device() override;
  void request_fn();
  void device_ready() override { request_fn(); }
  void request_completed(Request& rq) override;

  LinusRelease release_;
  LinusElevator elevator_;
  int batch_requests_;
  bool on_tq_disk_ = false;
  std::array<int, 2> free_slots_;
  std::array<WaitQueue, 2> wait_for_requests_;  // 2.4.0 has one for both, the first
};

}  // namespace wbsim
