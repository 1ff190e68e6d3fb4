// Laptop mode: while the disk spins anyway, everything dirty is written, some time after the last
// request; and a writer starts background write-back only when it had to write itself.
//
// MODELS:   mm/page-writeback.c laptop_io_completion(), laptop_sync_completion() and the
//           timers: one for all devices up to 2.6.35, one a device from 2.6.36 on.
#pragma once

#include <vector>

#include "models/block/request_queue.hpp"
#include "models/writeback/flusher.hpp"
#include "models/writeback/writeback_context.hpp"

namespace wbsim {

enum class LaptopTimers : std::uint8_t { kOne, kPerDevice };

class LaptopMode final : private IoListener {
 public:
  LaptopMode(WritebackContext& context, Flusher& flusher, Jiffies delay, LaptopTimers timers);

  // At the end of sync(2): nothing is left to write.
  void sync_completed();

 private:
  void io_completed(int device) override;
  void expired(std::size_t timer);

  WritebackContext& context_;
  Flusher& flusher_;
  Jiffies delay_;
  std::vector<EventQueue::Handle> timers_;
};

// What sync(2) does last.
void sync_completed(WritebackContext& context);

}  // namespace wbsim
