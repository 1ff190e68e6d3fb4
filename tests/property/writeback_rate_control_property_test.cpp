// The control law of IO-less throttling over long histories, against the spec's formulas written
// down a second time, as naively as they stand there.
#include <rapidcheck.h>

#include <catch2/catch.hpp>

#include "models/writeback/rate_estimate.hpp"

namespace wbsim {
namespace {

__extension__ using Wide = __int128;

// gen-3.x-ioless sections 4 to 6, word for word; division and shift as in the spec.
struct Naive {
  bool is_61;
  std::int64_t hz;
  std::int64_t L, d = 25600, old_bal = 25600, raw = 25600, avg = 25600;

  std::int64_t freerun(std::int64_t thresh, std::int64_t bg) const { return (thresh + bg) / 2; }
  void track(std::int64_t thresh, std::int64_t dirty) {
    if (L < thresh) {
      L = thresh;
      return;
    }
    const std::int64_t t = thresh > dirty ? thresh : dirty;
    if (L > t)
      L = L - (L - t) / 32;
  }
  Wide floor_shift(Wide n, int bits) const {
    const Wide unit = Wide{1} << bits;
    return n >= 0 ? n / unit : -((-n + unit - 1) / unit);
  }
  std::int64_t pos_ratio(std::int64_t thresh, std::int64_t bg, std::int64_t dirty,
                         std::int64_t bdi_thresh, std::int64_t bdi_dirty) const {
    const std::int64_t limit = thresh > L ? thresh : L;
    if (dirty >= limit)
      return 0;
    const std::int64_t setpoint = (freerun(thresh, bg) + limit) / 2;
    const std::int64_t divisor = is_61 ? (limit - setpoint) | 1 : limit - setpoint + 1;
    const Wide x = Wide{setpoint - dirty} * 1024 / divisor;
    Wide p = floor_shift(floor_shift(x * x, 10) * x, 10) + 1024;
    if (is_61 && p < 0)
      p = 0;
    if (is_61 && p > 2048)
      p = 2048;
    if (bdi_thresh > thresh)
      bdi_thresh = thresh;
    if (bdi_thresh < (limit - dirty) / 8)
      bdi_thresh = (limit - dirty) / 8;
    const Wide share = Wide{bdi_thresh} * 65536 / (is_61 ? thresh | 1 : thresh + 1);
    const Wide bdi_setpoint = floor_shift(setpoint * share, 16);
    const Wide span = floor_shift((thresh - bdi_thresh + 8 * avg) * share, 16);
    const Wide intercept = bdi_setpoint + span;
    if (bdi_dirty < intercept - span / 4)
      p = p * (intercept - bdi_dirty) /
          (is_61 ? (intercept - bdi_setpoint) | 1 : intercept - bdi_setpoint + 1);
    else
      p = p / 4;
    const std::int64_t reserve = bdi_thresh / 2;
    if (bdi_dirty < reserve)
      p = bdi_dirty > reserve / 8 ? p * reserve / bdi_dirty : p * 8;
    return static_cast<std::int64_t>(p);
  }
  void ratelimit(std::int64_t p, std::int64_t dirtied, std::int64_t elapsed, std::int64_t dirty,
                 std::int64_t setpoint) {
    const std::int64_t rate = dirtied * hz / elapsed;
    const auto task = static_cast<std::int64_t>(floor_shift(Wide{d} * p, 10)) + 1;
    std::int64_t bal = task * avg / (rate % 2 == 0 ? rate + 1 : rate);
    if (bal > avg)
      bal = avg;
    std::int64_t step = 0;
    if (dirty < setpoint) {
      std::int64_t x = old_bal < bal ? old_bal : bal;
      x = x < task ? x : task;
      if (d < x)
        step = x - d;
    } else {
      std::int64_t x = old_bal > bal ? old_bal : bal;
      x = x > task ? x : task;
      if (d > x)
        step = d - x;
    }
    for (std::int64_t halvings = d / (2 * step + 1); halvings > 0 && step > 0; --halvings)
      step /= 2;
    step = (step + 7) / 8;
    d = d < bal ? d + step : d - step;
    if (d < 1)
      d = 1;
    old_bal = bal;
  }
  void bandwidth(std::int64_t written, std::int64_t elapsed) {
    std::int64_t P = 1, bits = 0;
    while (P < 3 * hz) {
      P *= 2;
      ++bits;
    }
    const std::int64_t b = written * hz;
    if (elapsed > P) {
      raw = avg = b / elapsed;
    } else {
      const std::int64_t now = (b + raw * (P - elapsed)) >> bits;
      if (avg > raw && raw >= now)
        avg -= (avg - raw) / 8;
      if (avg < raw && raw <= now)
        avg += (raw - avg) / 8;
      raw = now;
    }
    if (is_61 && avg < 1)
      avg = 1;
  }
};

struct Step {
  std::int64_t elapsed, written, dirtied, thresh, bg, dirty, bdi_thresh, bdi_dirty;
};

Step any_step() {
  const auto below = [](std::int64_t n) { return *rc::gen::inRange<std::int64_t>(0, n + 1); };
  Step s{};
  s.elapsed = *rc::gen::inRange<std::int64_t>(50, 1500);
  s.written = below(200'000);
  s.dirtied = below(400'000);
  s.thresh = 2 + below(1 << 20);
  s.bg = s.thresh / 2 * below(100) / 100;
  s.dirty = below(s.thresh + s.thresh / 8);
  s.bdi_thresh = below(s.thresh);
  s.bdi_dirty = below(s.dirty);
  return s;
}

void follow(RateRule rule, int steps) {
  const int hz = *rc::gen::element(100, 250, 1000);
  Naive naive{rule == RateRule::k61, hz, 40000};
  BdiRates rates;
  Pages limit(40000);
  for (int i = 0; i < steps; ++i) {
    const Step s = any_step();
    naive.track(s.thresh, s.dirty);
    limit = update_dirty_limit(limit, Pages(s.thresh), Pages(s.dirty));
    RC_ASSERT(limit == Pages(naive.L));
    DirtyState state;
    state.thresh = Pages(s.thresh);
    state.bg_thresh = Pages(s.bg);
    state.dirty = Pages(s.dirty);
    state.limit = std::max(state.thresh, limit);
    state.bdi_thresh = Pages(s.bdi_thresh);
    state.bdi_dirty = Pages(s.bdi_dirty);
    state.avg_write_bandwidth = rates.avg_write_bandwidth;
    const std::int64_t p = naive.pos_ratio(s.thresh, s.bg, s.dirty, s.bdi_thresh, s.bdi_dirty);
    RC_ASSERT(position_ratio(rule, state) == p);
    const Jiffies elapsed(s.elapsed);
    update_dirty_ratelimit(rates, state, p, elapsed, rates.dirtied_stamp + Pages(s.dirtied), hz);
    update_write_bandwidth(rule, rates, elapsed, rates.written_stamp + Pages(s.written), hz);
    const std::int64_t setpoint = (naive.freerun(s.thresh, s.bg) + state.limit.count()) / 2;
    naive.ratelimit(p, s.dirtied, s.elapsed, s.dirty, setpoint);
    naive.bandwidth(s.written, s.elapsed);
    RC_ASSERT(rates.dirty_ratelimit == naive.d);
    RC_ASSERT(rates.balanced_dirty_ratelimit == naive.old_bal);
    RC_ASSERT(rates.write_bandwidth == naive.raw);
    RC_ASSERT(rates.avg_write_bandwidth == naive.avg);
  }
}

TEST_CASE("the control law is the spec's over long histories", "[writeback]") {
  CHECK(rc::check("3.10", [] { follow(RateRule::k310, 60); }));
  CHECK(rc::check("6.1", [] { follow(RateRule::k61, 60); }));
}

TEST_CASE("more dirty memory never lets a task dirty faster", "[writeback]") {
  CHECK(rc::check([] {
    const Step s = any_step();
    DirtyState state;
    state.thresh = state.limit = Pages(s.thresh);
    state.bg_thresh = Pages(s.bg);
    state.bdi_thresh = Pages(s.thresh);
    state.avg_write_bandwidth = 25600;
    std::int64_t last = INT64_MAX;
    for (std::int64_t i = 0; i <= 64; ++i) {
      state.dirty = state.bdi_dirty =
          state.freerun() + Pages((state.limit - state.freerun()).count() * i / 64);
      const std::int64_t ratio = position_ratio(RateRule::k61, state);
      RC_ASSERT(ratio >= 0);
      RC_ASSERT(ratio <= last);
      last = ratio;
    }
    RC_ASSERT(last == 0);
  }));
}

}  // namespace
}  // namespace wbsim
