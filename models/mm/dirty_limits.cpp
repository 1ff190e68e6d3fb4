#include "models/mm/dirty_limits.hpp"

#include <algorithm>

namespace wbsim {

namespace {

constexpr int kDirtyRatioFloor = 5;  // percent

DirtyLimits limits_2624(const VmParams& vm, Pages dirtyable) {
  const int dirty_ratio = std::max(vm.dirty_ratio, kDirtyRatioFloor);
  int background_ratio = vm.dirty_background_ratio;
  if (background_ratio >= dirty_ratio)
    background_ratio = dirty_ratio / 2;
  return {dirtyable * background_ratio / 100, dirtyable * dirty_ratio / 100};
}

DirtyLimits limits_2631(const VmParams& vm, Pages dirtyable) {
  DirtyLimits limits;
  limits.dirty = vm.dirty_bytes != 0 ? round_up_pages(Bytes(vm.dirty_bytes))
                                     : dirtyable * std::max(vm.dirty_ratio, kDirtyRatioFloor) / 100;
  limits.background = vm.dirty_background_bytes != 0
                          ? round_up_pages(Bytes(vm.dirty_background_bytes))
                          : dirtyable * vm.dirty_background_ratio / 100;
  if (limits.background >= limits.dirty)
    limits.background = limits.dirty / 2;
  return limits;
}

}  // namespace

DirtyLimits global_dirty_limits(LimitsRule rule, const VmParams& vm, Pages dirtyable,
                                LimitBonus bonus) {
  DirtyLimits limits =
      rule == LimitsRule::k2624 ? limits_2624(vm, dirtyable) : limits_2631(vm, dirtyable);
  if (bonus == LimitBonus::kQuarterMore) {
    limits.background += limits.background / 4;
    limits.dirty += limits.dirty / 4;
  }
  return limits;
}

Pages bdi_share(LimitsRule rule, Pages dirty, PropFraction completions, int min_ratio,
                int max_ratio, int min_ratio_sum) {
  const auto [numerator, denominator] = completions;
  if (rule == LimitsRule::k2624)
    return dirty * numerator / denominator;
  Pages share = dirty * (100 - min_ratio_sum) / 100 * numerator / denominator;
  share += dirty * min_ratio / 100;
  return std::min(share, dirty * max_ratio / 100);
}

Pages clip_bdi_dirty_limit(Pages bdi_dirty, Pages dirty, const VmCounters& counters,
                           const BackingDevInfo& bdi) {
  const Pages free = std::max(Pages(0), dirty - counters.nr_file_dirty - counters.nr_writeback);
  return std::min(bdi_dirty, free + bdi.reclaimable + bdi.writeback);
}

Pages task_dirty_limit(Pages bdi_dirty, PropFraction dirtyings) {
  const Pages less = bdi_dirty / 8 * dirtyings.numerator / dirtyings.denominator;
  return std::max(bdi_dirty - less, bdi_dirty / 2);
}

Pages writeback_ratelimit(Pages total, int cpus) {
  return std::clamp(total / (32 * cpus), Pages(16), Pages(1024));
}

}  // namespace wbsim
