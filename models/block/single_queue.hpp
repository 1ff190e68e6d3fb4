// The request queue of one device, 2.6.18 to 2.6.38: merging, request slots, per-queue plug,
// elevator, and the driver that feeds the device.
#pragma once

#include <array>
#include <boost/intrusive/list.hpp>
#include <cstdint>
#include <deque>
#include <memory>

#include "models/block/congestion_waits.hpp"
#include "models/block/elevator.hpp"
#include "models/block/request.hpp"
#include "models/block/request_list.hpp"
#include "models/block/request_queue.hpp"
#include "models/device/device.hpp"
#include "models/trace.hpp"
#include "sim/simulator.hpp"
#include "sim/wait_queue.hpp"

namespace wbsim {

class SingleQueue final : public RequestQueue, private DeviceHost {
 public:
  SingleQueue(Simulator& sim, TickClock clock, Device& device, const QueueParams& params,
              const QueueRules& rules, CongestionWaits& congestion, TraceSink& trace);
  SingleQueue(const SingleQueue&) = delete;

  // __make_request() as far as it does not sleep, and get_request_wait().
  Submit try_submit(Bio& bio, IoContext& ioc) override;
  int try_append(Bio& tail, Sectors length, int bios) override;
  Task<> submit_slow(Bio& bio, IoContext& ioc) override;

  bool congested(BioOp op, bool sync) const override {
    return slots_.congested(rules_.index(op, sync));
  }
  bool write_congested() const override { return slots_.congested(rules_.write_index()); }

  int allocated() const override { return slots_.total(); }
  int in_flight() const override { return in_flight_; }
  QueueStats stats() const override;
  Duration busy() const override { return device_.busy(sim_.now()); }

 private:
  using QueueList = boost::intrusive::list<
      Request, boost::intrusive::member_hook<Request, Request::ListHook, &Request::queue_hook>,
      boost::intrusive::constant_time_size<false>>;
  using HashChain = boost::intrusive::list<
      Request, boost::intrusive::member_hook<Request, Request::ListHook, &Request::hash_hook>,
      boost::intrusive::constant_time_size<false>>;
  static constexpr int kHashBits = 7;

  // Merging (request_merge.cpp).
  bool elv_merge(Bio& bio);
  bool merge_ok(const Request& rq, const Bio& bio) const;
  bool fits(Request& rq, const Bio& bio);
  bool bio_back_merge(Request& rq, Bio& bio);
  bool bio_front_merge(Request& rq, Bio& bio);
  bool attempt_merge(Request& rq, Request& next);
  void account_merge(Request& rq, const Bio& bio);
  HashChain& chain(Sectors end);
  void hash_add(Request& rq);
  void hash_settle();
  void hash_remove(Request& rq);
  Request* hash_find(Sectors end);

  Request* get_request(Bio& bio, IoContext& ioc);
  void insert(Request& rq, Bio& bio);
  void free_request(Request& rq);

  void plug_device();
  bool remove_plug();
  void generic_unplug_device() override;

  // The driver (request_driver.cpp).
  void request_fn();
  void dispatch(Request& rq);
  void command_started(DeviceRequest& command) override;
  void command_completed(DeviceRequest& command) override;
  void device_ready() override;
  void account_completed(const Request& rq);
  void trace_completed(const Request& rq);

  Simulator& sim_;
  TickClock clock_;
  Device& device_;
  QueueRules rules_;
  CongestionWaits& congestion_;
  TraceSink& trace_;
  RequestList slots_;
  std::unique_ptr<Elevator> elevator_;
  std::array<WaitQueue, 2> slot_waiters_;

  Request* last_merge_ = nullptr;
  std::array<HashChain, std::size_t{1} << kHashBits> hash_;  // by end sector
  Request* hashed_last_ = nullptr;  // not in its chain yet, for it is likely to move on

  Jiffies unplug_delay_;
  EventQueue::Handle unplug_timer_;

  int in_flight_ = 0;

  std::deque<Request> slab_;
  QueueList free_;
  QueueStats stats_;
  TimePoint allocated_since_{};
};

}  // namespace wbsim
