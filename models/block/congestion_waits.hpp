// Where congestion_wait() sleeps: one queue per index for the whole machine, so that any device
// that has room again wakes all sleepers of that index.
#pragma once

#include <array>

#include "sim/wait_queue.hpp"

namespace wbsim {

class CongestionWaits {
 public:
  // The index is that of QueueRules::index().
  WaitQueue& queue(std::size_t index) { return queues_[index]; }
  void wake(std::size_t index) { queues_[index].wake_all(); }

 private:
  std::array<WaitQueue, 2> queues_;
};

}  // namespace wbsim
