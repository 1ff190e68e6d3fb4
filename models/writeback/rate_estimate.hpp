// How fast a device writes, and the rate that lets its writers dirty pages exactly so fast: the
// estimates behind IO-less throttling.
//
// MODELS:   mm/page-writeback.c bdi_update_write_bandwidth(), bdi_update_dirty_ratelimit(),
//           __bdi_update_bandwidth() of 3.10 and 6.1.
#pragma once

#include "models/mm/backing_dev_info.hpp"
#include "models/writeback/rate_control.hpp"

namespace wbsim {

// BANDWIDTH_INTERVAL: 200 ms.
constexpr Jiffies bandwidth_interval(int hz) {
  return Jiffies(hz / 5 > 1 ? hz / 5 : 1);
}

// `elapsed` since the stamps, `written` by the device up to now.
void update_write_bandwidth(RateRule rule, BdiRates& rates, Jiffies elapsed, Pages written, int hz);

struct RatelimitUpdate {  // for the trace, pages/s
  std::int64_t dirty_rate;
  std::int64_t task_ratelimit;
};
RatelimitUpdate update_dirty_ratelimit(BdiRates& rates, const DirtyState& state,
                                       std::int64_t pos_ratio, Jiffies elapsed, Pages dirtied,
                                       int hz);

// Takes new stamps.
void restart_estimate(BackingDevInfo& bdi, Jiffies now);

}  // namespace wbsim
