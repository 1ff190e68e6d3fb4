// The request queue of one device, 2.6.18 to 2.6.38: merging, request slots, per-queue plug,
// elevator, and the driver that feeds the device.
#pragma once

#include <array>
#include <boost/intrusive/list.hpp>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "models/block/bio.hpp"
#include "models/block/congestion_waits.hpp"
#include "models/block/elevator.hpp"
#include "models/block/io_context.hpp"
#include "models/block/request.hpp"
#include "models/block/request_list.hpp"
#include "models/device/device.hpp"
#include "models/sched/processors.hpp"
#include "models/trace.hpp"
#include "sim/simulator.hpp"
#include "sim/task.hpp"
#include "sim/wait_queue.hpp"

namespace wbsim {

// What differs between kernels.
struct QueueRules {
  bool split_by_sync = true;  // 2.6.31: slots per async/sync; before: per read/write
  int batch_requests = 32;
  int unplug_threshold = 4;  // requests allocated and not with the driver
  Duration unplug_delay{3'000'000};
  DeadlineRules deadline = kDeadline2631;

  // The index of the slots, and of the congestion, that a bio belongs to.
  int index(BioOp op, bool sync) const {
    if (split_by_sync)
      return op == BioOp::kRead || sync ? 1 : 0;
    return op == BioOp::kWrite ? 1 : 0;
  }
  // The one write-back looks at and waits for: bdi_write_congested(), congestion_wait(WRITE).
  int write_index() const { return index(BioOp::kWrite, false); }
};

struct QueueParams {
  std::string scheduler = "deadline";
  int nr_requests = 128;
  Sectors max_sectors{1024};
  int max_segments = 128;
  int device_index = 0;              // in the trace
  TimePoint origin{};                // the trace's times are relative to this
  Duration interrupt_cost{0};        // processor time of ending a request,
  Processors* processors = nullptr;  // taken from these if there are any
};

// Counted from boot; arrays are indexed by BioOp.
struct QueueStats {
  std::array<std::int64_t, 2> ios{}, merges{};  // as /proc/diskstats
  std::array<Sectors, 2> sectors{};             // of the completed requests
  std::array<Duration, 2> time{};               // queued to completed
  Sectors meta_sectors{};
  Duration io_time{};  // requests were allocated
  std::array<std::int64_t, 2> started{};
  Duration service_started{};      // service time of all requests started, overlaps once
  std::int64_t seeks = 0;          // starts outside the device's near window
  std::int64_t allocated_sum = 0;  // requests allocated, summed over the starts
  // Meaningful once a write was started, and completed.
  TimePoint first_write_start{}, last_write_end{};
};

class RequestQueue final : private DeviceHost {
 public:
  RequestQueue(Simulator& sim, TickClock clock, Device& device, const QueueParams& params,
               const QueueRules& rules, CongestionWaits& congestion, TraceSink& trace);
  RequestQueue(const RequestQueue&) = delete;

  enum class Submit : std::uint8_t { kMerged, kQueued, kNoRequest };
  // __make_request() as far as it does not sleep. After kNoRequest the bio must go to
  // submit_slow().
  Submit try_submit(Bio& bio, IoContext& ioc);
  // get_request_wait() and the rest: waits for a slot; the bio is not tried for merging again.
  Task<> submit_slow(Bio& bio, IoContext& ioc);

  // Called by whoever is about to wait for a transfer.
  void unplug() {
    if (plugged_)
      generic_unplug_device();
  }

  bool congested(BioOp op, bool sync) const { return slots_.congested(rules_.index(op, sync)); }
  bool write_congested() const { return slots_.congested(rules_.write_index()); }
  WaitQueue& congestion_queue() { return congestion_.queue(rules_.write_index()); }

  int allocated() const { return slots_.total(); }
  int in_flight() const { return in_flight_; }  // taken by the driver, not completed
  bool plugged() const { return plugged_; }
  bool idle() const { return slots_.total() == 0; }
  QueueStats stats() const;                                   // as of now
  Duration busy() const { return device_.busy(sim_.now()); }  // the device was serving
  const QueueParams& params() const { return params_; }
  const RequestLimits& limits() const { return slots_.limits(); }
  const Device& device() const { return device_; }

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
  void hash_remove(Request& rq);
  Request* hash_find(Sectors end);

  Request* get_request(Bio& bio, IoContext& ioc);
  void insert(Request& rq, Bio& bio);
  void free_request(Request& rq);

  void plug_device();
  bool remove_plug();
  void generic_unplug_device();

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
  QueueParams params_;
  QueueRules rules_;
  CongestionWaits& congestion_;
  TraceSink& trace_;
  RequestList slots_;
  std::unique_ptr<Elevator> elevator_;
  std::array<WaitQueue, 2> slot_waiters_;

  Request* last_merge_ = nullptr;
  std::array<HashChain, std::size_t{1} << kHashBits> hash_;  // by end sector

  bool plugged_ = false;
  Jiffies unplug_delay_;
  EventQueue::Handle unplug_timer_;

  int in_flight_ = 0;

  std::deque<Request> slab_;
  QueueList free_;
  QueueStats stats_;
  TimePoint allocated_since_{};
};

}  // namespace wbsim
