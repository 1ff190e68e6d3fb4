// What the request queues of every era share: requests from a slab, the driver's side of the
// device, the end of a request, and what is counted.
#pragma once

#include "models/block/block_trace.hpp"
#include "models/block/elevator.hpp"
#include "models/block/io_time.hpp"
#include "models/block/request.hpp"
#include "models/block/request_queue.hpp"
#include "models/device/device.hpp"
#include "models/trace.hpp"
#include "sim/simulator.hpp"

namespace wbsim {

class DriverQueue : public RequestQueue, protected DeviceHost {
 public:
  int allocated() const final { return allocated_; }
  int in_flight() const final { return in_flight_; }
  QueueStats stats() final;
  Duration busy() const final { return device_.busy(sim_.now()); }

 protected:
  DriverQueue(Simulator& sim, TickClock clock, Device& device, const QueueParams& params,
              BlockLayer& layer, TraceSink& trace, IoTime io_time = IoTime(Duration(1), true));

  // A bio comes in, perhaps again because it had to wait. Without a volatile cache its flush flags
  // mean nothing. It takes the priority of its task: bio_set_ioprio().
  void enter(Bio& bio, const IoContext& ioc) const;
  // blk_rq_bio_prep(): a request of this one bio.
  Request& new_request(Bio& bio, const IoContext& ioc);
  void delete_request(Request& rq);
  // Gives it to the device, which must not be full.
  void start_request(Request& rq);
  // Ends its bios and counts it, but for its return to the slab.
  void end_request(Request& rq);
  // The end of a wait for a request: the task has a processor again before it asks once more.
  Task<> woken(IoContext& ioc);
  // The elevator may hold back what it has for a task that is expected to go on: it is asked again,
  // by device_ready(), when it has idled long enough.
  void wait_while_idling(const Elevator& elevator);
  // The device is done with it.
  virtual void request_completed(Request& rq) = 0;

  Jiffies jiffies() const { return clock_.jiffies_at(sim_.now()); }

  Simulator& sim_;
  TickClock clock_;
  Device& device_;

 private:
  Duration interrupt_cost(const Request& rq);

  RequestPool& requests_;
  Pages kept_pages_{0};  // of params_.kept_pages
  int allocated_ = 0;
  int in_flight_ = 0;
  IoTime io_time_;

 protected:
  TraceSink& trace_;
  BlockTrace events_;
  QueueStats stats_;

 private:
  void command_started(DeviceRequest& command) final;
  void command_completed(DeviceRequest& command) final;
  void account_completed(const Request& rq);
  void trace_completed(const Request& rq);

  bool records_;  // somebody wants RequestRecords
  EventQueue::Handle idle_timer_;
};

}  // namespace wbsim
