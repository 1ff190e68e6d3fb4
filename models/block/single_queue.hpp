// The single request queue of a device, 2.6.18 to 4.x: merging, request slots with congestion,
// the queue's own plug or that of tasks, and the elevator that the driver takes requests from.
#pragma once

#include <array>
#include <memory>
#include <string_view>

#include "models/block/blk_flush.hpp"
#include "models/block/driver_queue.hpp"
#include "models/block/elevator_queue.hpp"
#include "models/block/request_list.hpp"
#include "sim/wait_queue.hpp"

namespace wbsim {

class SingleQueue final : public DriverQueue, private RequestOwner, private FlushHost {
 public:
  // Throws std::invalid_argument for a scheduler these queues do not have.
  SingleQueue(Simulator& sim, TickClock clock, Device& device, const QueueParams& params,
              const QueueRules& rules, BlockLayer& layer, TraceSink& trace);

  // __make_request() as far as it does not sleep, and get_request_wait().
  Submit try_submit(Bio& bio, IoContext& ioc) override;
  int try_append(Bio& tail, Sectors length, int bios) override {
    return elevator_.try_append(tail, length, bios);
  }
  Task<> submit_slow(Bio& bio, IoContext& ioc) override;
  void flush_plug_list(QueueList& requests, PlugFlush why) override;

  bool congested(BioOp op, bool sync) const override {
    return slots_.congested(rules_.index(op, sync));
  }
  bool write_congested() const override { return slots_.congested(rules_.write_index()); }

 private:
  bool try_merge(Bio& bio, const IoContext& ioc);
  Request* get_request(Bio& bio, IoContext& ioc);
  void insert(Request& rq, Bio& bio, IoContext& ioc);
  void put_request(Request& rq) override;

  void plug_device(std::string_view thread);
  bool remove_plug();
  void generic_unplug_device() override;
  void unplug_timeout();
  void add_to_elevator(Request& rq);

  // The driver.
  void request_fn();
  Request* next_request();
  void insert_barrier(Request& rq);
  void device_ready() override;
  void request_completed(Request& rq) override;

  void queue_flush_step(Request& rq, bool front) override;
  void flush_done(Request& rq) override;

  RequestList slots_;
  bool held_back_ = false;      // the elevator gave out less than it has
  QueueList flush_steps_;       // go to the driver before anything else
  QueueList dispatch_;          // what a barrier took out of the elevator, and it
  Request* ordered_ = nullptr;  // the barrier under way
  std::array<WaitQueue, 2> slot_waiters_;
  QueueRules rules_;
  bool may_wait_;  // QueueRules::may_wait()
  ElevatorQueue elevator_;
  FlushMachine flush_;
  CongestionWaits& congestion_;
  Jiffies unplug_delay_;
  EventQueue::Handle unplug_timer_;
};

}  // namespace wbsim
