#include "models/mm/dirty_limits.hpp"

#include <algorithm>

namespace wbsim {

namespace {

constexpr int kDirtyRatioFloor = 5;  // percent

DirtyLimits limits_by_ratio(int background_ratio, int dirty_ratio, Pages dirtyable) {
  if (background_ratio >= dirty_ratio)
    background_ratio = dirty_ratio / 2;
  return {dirtyable * background_ratio / 100, dirtyable * dirty_ratio / 100};
}

DirtyLimits limits_2624(const VmParams& vm, Pages dirtyable) {
  return limits_by_ratio(vm.dirty_background_ratio, std::max(vm.dirty_ratio, kDirtyRatioFloor),
                         dirtyable);
}

void add_quarter(DirtyLimits& limits) {
  limits.background += limits.background / 4;
  limits.dirty += limits.dirty / 4;
}

Pages part_of(LimitsRule rule, Pages dirtyable, int percent) {
  if (rule == LimitsRule::k61)
    return dirtyable * (std::int64_t{percent} * kPageSize / 100) / kPageSize;
  return dirtyable * percent / 100;
}

void bound_background(DirtyLimits& limits) {
  if (limits.background >= limits.dirty)
    limits.background = limits.dirty / 2;
}

DirtyLimits limits_with_bytes(LimitsRule rule, const VmParams& vm, Pages dirtyable) {
  const int dirty_ratio =
      rule == LimitsRule::k2631 ? std::max(vm.dirty_ratio, kDirtyRatioFloor) : vm.dirty_ratio;
  DirtyLimits limits;
  limits.dirty = vm.dirty_bytes != 0 ? round_up_pages(Bytes(vm.dirty_bytes))
                                     : part_of(rule, dirtyable, dirty_ratio);
  limits.background = vm.dirty_background_bytes != 0
                          ? round_up_pages(Bytes(vm.dirty_background_bytes))
                          : part_of(rule, dirtyable, vm.dirty_background_ratio);
  if (rule != LimitsRule::k61)
    bound_background(limits);
  return limits;
}

}  // namespace

DirtyLimits global_dirty_limits(LimitsRule rule, const VmParams& vm, Pages dirtyable,
                                LimitBonus bonus, Pages global_dirty_limit) {
  DirtyLimits limits = rule == LimitsRule::k2624 ? limits_2624(vm, dirtyable)
                                                 : limits_with_bytes(rule, vm, dirtyable);
  if (bonus == LimitBonus::kQuarterMore) {
    const Pages more = rule == LimitsRule::k61 ? global_dirty_limit / 32 : Pages(0);
    add_quarter(limits);
    limits.background += more;
    limits.dirty += more;
  }
  if (rule == LimitsRule::k61)
    bound_background(limits);
  return limits;
}

DirtyLimits dirty_limits_2618(const VmParams& vm, Pages total, Pages mapped, LimitBonus bonus,
                              Pages out_of_reach) {
  const auto unmapped = static_cast<int>(100 - mapped.count() * 100 / total.count());
  const int dirty_ratio = std::max(std::min(vm.dirty_ratio, unmapped / 2), kDirtyRatioFloor);
  DirtyLimits limits =
      limits_by_ratio(vm.dirty_background_ratio, dirty_ratio, total - out_of_reach);
  if (bonus == LimitBonus::kQuarterMore)
    add_quarter(limits);
  return limits;
}

int default_ratio_2618(int ratio, Pages total, Pages highmem) {
  const std::int64_t correction = 400 * (total - highmem).count() / total.count();
  return correction < 100 ? std::max(1, static_cast<int>(ratio * correction / 100)) : ratio;
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
  return std::min(bdi_dirty, free + bdi.unclean());
}

Pages task_dirty_limit(Pages bdi_dirty, PropFraction dirtyings) {
  const Pages less = bdi_dirty / 8 * dirtyings.numerator / dirtyings.denominator;
  return std::max(bdi_dirty - less, bdi_dirty / 2);
}

Pages writeback_ratelimit(Pages total, int cpus) {
  return std::clamp(total / (32 * cpus), Pages(16), Pages(1024));
}

Pages writeback_chunk(Pages ratelimit, Pages dirtied) {
  const Pages pages = std::max(ratelimit, dirtied);
  return pages + pages / 2;
}

Pages ioless_ratelimit(Pages dirty_thresh, int cpus) {
  return std::max(dirty_thresh / (32 * cpus), Pages(16));
}

Pages dirty_limit_after_boot(LimitsRule rule, const VmParams& vm, Pages total, Pages now) {
  return rule == LimitsRule::k310 ? global_dirty_limits(rule, vm, total).dirty : now;
}

}  // namespace wbsim
