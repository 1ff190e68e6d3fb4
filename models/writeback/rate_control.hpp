// The arithmetic of IO-less throttling: how far a device is from where it should be, how fast a
// task may dirty pages, how long it pauses. Integers as in the kernel, with its truncations; no
// engine, no state.
//
// MODELS:   mm/page-writeback.c of 3.10 and 6.1: bdi_position_ratio() and wb_position_ratio(),
//           bdi_max_pause(), bdi_min_pause(), dirty_poll_interval(), global_update_dirty_limit();
//           fs/fs-writeback.c writeback_chunk_size().
#pragma once

#include <cstdint>

#include "sim/units.hpp"

namespace wbsim {

struct BdiRates;

// Ratios are fixed point with 1.0 = 1024: RATELIMIT_CALC_SHIFT.
inline constexpr int kRateShift = 10;
inline constexpr Pages kMinWritebackPages{1024};  // 4 MiB
inline constexpr Pages kDirtyPollThresh{32};      // 128 KiB
inline constexpr std::int64_t kDirtyScope = 8;

enum class RateRule : std::uint8_t {
  k310,
  // The global part stays within 0 and 2.0; divisors are made odd instead of one larger; a look at
  // the limits goes by the ratio before it moves the tracked limit and the bandwidth.
  k61,
};

// Where a device stands: struct dirty_throttle_control of 6.1.
struct DirtyState {
  Pages thresh{}, bg_thresh{};  // global limits
  Pages dirty{};                // file_dirty + writeback
  Pages limit{};                // hard_dirty_limit()
  Pages bdi_thresh{}, bdi_bg_thresh{};
  Pages bdi_dirty{};                     // of the device: reclaimable + writeback
  std::int64_t avg_write_bandwidth = 0;  // pages/s
  bool strict_limit = false;

  Pages freerun() const { return (thresh + bg_thresh) / 2; }
  Pages setpoint() const { return (freerun() + limit) / 2; }
};

// bdi_position_ratio(): 1024 at the set point, more below, 0 at the limit.
std::int64_t position_ratio(RateRule rule, const DirtyState& state);

// L after an update: up at once, down by 1/32 of the distance.
Pages update_dirty_limit(Pages global_dirty_limit, Pages thresh, Pages dirty);

// Pauses, for a rate of the device and of the task in pages/s.
Jiffies max_pause(Pages bdi_dirty, std::int64_t avg_write_bandwidth, int hz);
struct MinPause {
  Jiffies pause{};
  Pages nr_dirtied_pause{};  // pages to dirty until then
};
MinPause min_pause(Jiffies max_pause, std::int64_t avg_write_bandwidth, std::int64_t task_ratelimit,
                   std::int64_t dirty_ratelimit, int hz);

// What a task's look at the limits decides.
struct Verdict {
  std::int64_t task_ratelimit = 0;  // pages/s; 0: over the hard limit
  Jiffies period{}, pause{}, max_pause{};
  MinPause shortest{};
  bool sleeps = false;
};
// For a task that dirtied `pages_dirtied` and was last paused until `think` ago.
Verdict verdict(const BdiRates& rates, Pages bdi_dirty, std::int64_t pos_ratio, Pages pages_dirtied,
                Jiffies think, int hz);

// Pages a task may dirty before it looks again, below the limits.
Pages dirty_poll_interval(Pages dirty, Pages thresh);

// Pages the flusher writes of one inode in one go, of `work_pages` that are asked for.
std::int64_t writeback_chunk_size(std::int64_t avg_write_bandwidth, Pages global_dirty_limit,
                                  std::int64_t work_pages);

}  // namespace wbsim
