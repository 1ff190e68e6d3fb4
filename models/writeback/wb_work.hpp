// What a per-device flusher thread is given to do, and what it gives itself.
//
// MODELS: struct wb_writeback_work, wb_check_background_flush() and wb_check_old_data_flush() of
//         fs/fs-writeback.c, 2.6.39 - 6.1; struct bdi_work and wb_writeback_args of 2.6.32.
#pragma once

#include <limits>
#include <optional>

#include "models/writeback/writeback_context.hpp"

namespace wbsim {

struct WbWork {
  static constexpr std::int64_t kEverything = std::numeric_limits<std::int64_t>::max();

  static WbWork background() {
    WbWork work;
    work.nr_pages = kEverything;
    work.for_background = work.range_cyclic = true;
    return work;
  }
  // Once in each interval of periodic write-back, if there is anything to write.
  static std::optional<WbWork> old_data(const WritebackContext& context, Jiffies& last_old_flush) {
    const Jiffies interval = context.dirty_writeback_interval;
    if (interval.count() == 0 || context.now() < last_old_flush + interval)
      return std::nullopt;
    last_old_flush = context.now();
    WbWork work;
    work.nr_pages = context.everything();
    work.for_kupdate = work.range_cyclic = true;
    work.reason = WriteReason::kPeriodic;
    return work.nr_pages == 0 ? std::nullopt : std::optional(work);
  }

  std::int64_t nr_pages = 0;
  SuperBlock* sb = nullptr;
  SyncMode sync_mode = SyncMode::WB_SYNC_NONE;
  bool for_kupdate = false, range_cyclic = false, for_background = false, for_sync = false;
  WriteReason reason = WriteReason::kBackground;
  int* pending = nullptr;  // of the waiter: how many of its items are not finished
};

}  // namespace wbsim
