#include "models/writeback/rate_control.hpp"

#include <algorithm>
#include <bit>

#include "models/mm/backing_dev_info.hpp"

namespace wbsim {

namespace {

constexpr std::int64_t kUnitRatio = std::int64_t{1} << kRateShift;
constexpr Pages kStrictBdiMin{8};  // below it the strict ratio has no meaning

// Where a divisor could be 0.
std::int64_t never_zero(RateRule rule, std::int64_t divisor) {
  return rule == RateRule::k61 ? divisor | 1 : divisor + 1;
}

std::int64_t round_up_pow2(std::int64_t n) {
  return static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(n)));
}

int log2_floor(std::int64_t n) {
  return static_cast<int>(std::bit_width(static_cast<std::uint64_t>(n))) - 1;
}

// pos_ratio_polynom(): 1 + ((setpoint - dirty) / (limit - setpoint))^3.
std::int64_t cubic(RateRule rule, Pages setpoint, Pages dirty, Pages limit) {
  const std::int64_t x =
      (setpoint - dirty).count() * kUnitRatio / never_zero(rule, (limit - setpoint).count());
  std::int64_t ratio = x;
  ratio = (ratio * x) >> kRateShift;
  ratio = (ratio * x) >> kRateShift;
  ratio += kUnitRatio;
  return rule == RateRule::k61 ? std::clamp<std::int64_t>(ratio, 0, 2 * kUnitRatio) : ratio;
}

// A device with BDI_CAP_STRICTLIMIT: the same curve over its own counters, whichever is less.
std::int64_t strict_ratio(RateRule rule, const DirtyState& state, std::int64_t global_ratio) {
  if (state.bdi_dirty < kStrictBdiMin)
    return std::min(2 * global_ratio, 2 * kUnitRatio);
  if (state.bdi_dirty >= state.bdi_thresh)
    return 0;
  const Pages setpoint = (state.bdi_thresh + state.bdi_bg_thresh) / 2;
  if (setpoint == Pages(0) || setpoint == state.bdi_thresh)
    return 0;
  return std::min(global_ratio, cubic(rule, setpoint, state.bdi_dirty, state.bdi_thresh));
}

// The device's line: falls from its own set point on, over a span that fits its speed.
std::int64_t apply_device_line(RateRule rule, const DirtyState& state, std::int64_t bdi_thresh,
                               std::int64_t ratio) {
  const std::int64_t thresh = state.thresh.count();
  const std::int64_t bdi_dirty = state.bdi_dirty.count();
  const std::int64_t x = (bdi_thresh << 16) / never_zero(rule, thresh);
  const std::int64_t bdi_setpoint = (state.setpoint().count() * x) >> 16;
  const std::int64_t span = ((thresh - bdi_thresh + 8 * state.avg_write_bandwidth) * x) >> 16;
  const std::int64_t x_intercept = bdi_setpoint + span;
  if (bdi_dirty < x_intercept - span / 4)
    return ratio * (x_intercept - bdi_dirty) / never_zero(rule, x_intercept - bdi_setpoint);
  return ratio / 4;
}

}  // namespace

std::int64_t position_ratio(RateRule rule, const DirtyState& state) {
  if (state.dirty >= state.limit)
    return 0;
  const std::int64_t global_ratio = cubic(rule, state.setpoint(), state.dirty, state.limit);
  if (state.strict_limit)
    return strict_ratio(rule, state, global_ratio);
  const std::int64_t bdi_dirty = state.bdi_dirty.count();
  std::int64_t bdi_thresh = std::min(state.bdi_thresh, state.thresh).count();
  bdi_thresh = std::max(bdi_thresh, (state.limit - state.dirty).count() / 8);
  const std::int64_t ratio = apply_device_line(rule, state, bdi_thresh, global_ratio);
  // A reserve, so that the device always has something to write.
  const std::int64_t reserve = bdi_thresh / 2;
  if (bdi_dirty >= reserve)
    return ratio;
  return bdi_dirty > reserve / 8 ? ratio * reserve / bdi_dirty : ratio * 8;
}

Pages update_dirty_limit(Pages global_dirty_limit, Pages thresh, Pages dirty) {
  if (global_dirty_limit < thresh)
    return thresh;
  const Pages target = std::max(thresh, dirty);
  if (global_dirty_limit <= target)
    return global_dirty_limit;
  return global_dirty_limit - Pages((global_dirty_limit - target).count() >> 5);
}

Jiffies max_pause(Pages bdi_dirty, std::int64_t avg_write_bandwidth, int hz) {
  const std::int64_t t =
      bdi_dirty.count() / (1 + avg_write_bandwidth / round_up_pow2(1 + hz / 8)) + 1;
  return Jiffies(std::min<std::int64_t>(t, std::max(hz / 5, 1)));
}

MinPause min_pause(Jiffies max_pause, std::int64_t avg_write_bandwidth, std::int64_t task_ratelimit,
                   std::int64_t dirty_ratelimit, int hz) {
  const int faster = log2_floor(avg_write_bandwidth) - log2_floor(dirty_ratelimit);
  const std::int64_t most = max_pause.count();
  std::int64_t t = std::max(1, hz / 100);
  if (faster > 0)
    t += std::int64_t{faster} * 10 * hz / 1024;
  t = std::min(t, 1 + most / 2);
  std::int64_t pages = dirty_ratelimit * t / round_up_pow2(hz);
  if (pages < kDirtyPollThresh.count()) {  // few: rather long pauses than tiny writes
    t = most;
    pages = dirty_ratelimit * t / round_up_pow2(hz);
    if (pages > kDirtyPollThresh.count()) {
      pages = kDirtyPollThresh.count();
      t = hz * pages / dirty_ratelimit;
    }
  }
  if (hz * pages / (task_ratelimit + 1) > most) {
    t = most;
    pages = task_ratelimit * t / round_up_pow2(hz);
  }
  return {Jiffies(pages >= kDirtyPollThresh.count() ? 1 + t / 2 : t), Pages(pages)};
}

Verdict verdict(const BdiRates& rates, Pages bdi_dirty, std::int64_t pos_ratio, Pages pages_dirtied,
                Jiffies think, int hz) {
  const std::int64_t rate = rates.dirty_ratelimit;
  Verdict v;
  v.task_ratelimit = rate * pos_ratio >> kRateShift;
  v.max_pause = max_pause(bdi_dirty, rates.avg_write_bandwidth, hz);
  v.shortest = min_pause(v.max_pause, rates.avg_write_bandwidth, v.task_ratelimit, rate, hz);
  if (v.task_ratelimit == 0) {
    v.period = v.pause = v.max_pause;
    v.sleeps = true;
    return v;
  }
  v.period = Jiffies(hz * pages_dirtied.count() / v.task_ratelimit);
  v.pause = v.period - think;
  v.sleeps = v.pause >= v.shortest.pause;
  return v;
}

Pages dirty_poll_interval(Pages dirty, Pages thresh) {
  if (thresh <= dirty)
    return Pages(1);
  return Pages(std::int64_t{1} << (log2_floor((thresh - dirty).count()) >> 1));
}

std::int64_t writeback_chunk_size(std::int64_t avg_write_bandwidth, Pages global_dirty_limit,
                                  std::int64_t work_pages) {
  const std::int64_t pages =
      std::min({avg_write_bandwidth / 2, global_dirty_limit.count() / kDirtyScope, work_pages});
  const std::int64_t least = kMinWritebackPages.count();
  return (pages + least) / least * least;
}

}  // namespace wbsim
