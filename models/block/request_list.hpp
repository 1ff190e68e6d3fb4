// The request slots of a queue: a bounded number per index, congestion thresholds with hysteresis,
// and batching tasks that may overrun a full queue. Plain arithmetic without an engine.
#pragma once

#include <array>

#include "models/block/bio.hpp"
#include "models/block/io_context.hpp"
#include "sim/units.hpp"

namespace wbsim {

struct RequestLimits {
  explicit RequestLimits(int nr_requests);
  int nr_requests;
  int congestion_on;   // an allocation that reaches it makes the queue congested
  int congestion_off;  // below it the queue is not congested
  int cap;             // not even a batching task gets more
};

// MODELS: 2.6.18 to 3.10 block/blk-core.c get_request(), freed_request().
class RequestList {
 public:
  RequestList(int nr_requests, int batch_requests, TickClock clock);

  // get_request(): whether the task got a slot of this index.
  bool allocate(std::size_t index, IoContext& ioc, TimePoint now);

  struct Freed {
    bool wake_congestion_waiters;
    bool wake_waiter;  // one that waits for a slot
  };
  Freed release(std::size_t index);

  // A task that slept for a slot may take a batch of them.
  void ioc_set_batching(IoContext& ioc, TimePoint now) const;
  bool ioc_batching(const IoContext& ioc, TimePoint now) const;

  int count(std::size_t index) const { return lists_[index].count; }
  int total() const { return lists_[0].count + lists_[1].count; }
  bool congested(std::size_t index) const { return lists_[index].congested; }
  bool full(std::size_t index) const { return lists_[index].full; }
  const RequestLimits& limits() const { return limits_; }

 private:
  struct List {
    int count = 0;
    bool full = false;
    bool congested = false;
  };
  RequestLimits limits_;
  int batch_requests_;
  TickClock clock_;
  std::array<List, 2> lists_;
};

}  // namespace wbsim
