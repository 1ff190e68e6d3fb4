#include "models/writeback/rate_estimate.hpp"

#include <algorithm>
#include <bit>

namespace wbsim {

namespace {

// The step towards the target shrinks the closer it is: 3.10 leaves a shift of 64 and more to the
// processor, later kernels make it 0, and so do we.
std::int64_t damped(std::int64_t step, std::int64_t rate) {
  const std::int64_t shift = rate / (2 * step + 1);
  step = shift < 64 ? step >> shift : 0;
  return (step + 7) / 8;
}

}  // namespace

void update_write_bandwidth(RateRule rule, BdiRates& rates, Jiffies elapsed, Pages written,
                            int hz) {
  const auto period = static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(3 * hz)));
  const std::int64_t done = (written - rates.written_stamp).count() * hz;
  if (elapsed.count() > period) {
    rates.write_bandwidth = rates.avg_write_bandwidth = done / elapsed.count();
  } else {
    const std::int64_t old = rates.write_bandwidth;
    const std::int64_t now = (done + old * (period - elapsed.count())) / period;
    std::int64_t& avg = rates.avg_write_bandwidth;
    if (avg > old && old >= now)
      avg -= (avg - old) >> 3;
    if (avg < old && old <= now)
      avg += (old - avg) >> 3;
    rates.write_bandwidth = now;
  }
  if (rule == RateRule::k61)
    rates.avg_write_bandwidth = std::max<std::int64_t>(rates.avg_write_bandwidth, 1);
}

RatelimitUpdate update_dirty_ratelimit(BdiRates& rates, const DirtyState& state,
                                       std::int64_t pos_ratio, Jiffies elapsed, Pages dirtied,
                                       int hz) {
  const std::int64_t rate = rates.dirty_ratelimit;
  const std::int64_t bandwidth = rates.avg_write_bandwidth;
  const std::int64_t dirty_rate = (dirtied - rates.dirtied_stamp).count() * hz / elapsed.count();
  const std::int64_t task_ratelimit = (rate * pos_ratio >> kRateShift) + 1;
  const std::int64_t balanced = std::min(task_ratelimit * bandwidth / (dirty_rate | 1), bandwidth);
  Pages dirty = state.dirty;
  Pages setpoint = state.setpoint();
  if (state.strict_limit) {
    dirty = state.bdi_dirty;
    setpoint = dirty < Pages(8) ? dirty + Pages(1) : (state.bdi_thresh + state.bdi_bg_thresh) / 2;
  }
  const std::int64_t old = rates.balanced_dirty_ratelimit;
  std::int64_t step = 0;
  if (dirty < setpoint)
    step = std::max<std::int64_t>(std::min({old, balanced, task_ratelimit}) - rate, 0);
  else
    step = std::max<std::int64_t>(rate - std::max({old, balanced, task_ratelimit}), 0);
  step = damped(step, rate);
  rates.dirty_ratelimit = std::max<std::int64_t>(rate < balanced ? rate + step : rate - step, 1);
  rates.balanced_dirty_ratelimit = balanced;
  return {dirty_rate, task_ratelimit};
}

void restart_estimate(BackingDevInfo& bdi, Jiffies now) {
  bdi.rates.dirtied_stamp = bdi.dirtied.read();
  bdi.rates.written_stamp = bdi.written.read();
  bdi.rates.bw_time_stamp = now;
}

}  // namespace wbsim
