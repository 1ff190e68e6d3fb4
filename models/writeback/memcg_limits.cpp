#include "models/writeback/memcg_limits.hpp"

#include <algorithm>
#include <limits>

namespace wbsim {

Pages mdtc_avail(const GlobalDirt& global, const MemcgPages& memcg) {
  const Pages clean = memcg.file - std::min(memcg.file, memcg.dirty);
  const Pages global_clean = global.avail - std::min(global.avail, global.dirty);
  const Pages other_clean = global_clean - std::min(global_clean, clean);
  return memcg.file + std::min(memcg.headroom, other_clean);
}

DirtyLimits memcg_dirty_limits(const VmParams& vm, Pages avail, Pages global_avail,
                               LimitBonus bonus, Pages domain_limit) {
  // In parts of kPageSize, the precision in which the kernel keeps ratios.
  const auto part = [&](int percent, std::int64_t bytes) {
    if (bytes == 0)
      return std::int64_t{percent} * kPageSize / 100;
    const std::int64_t pages = std::max<std::int64_t>(global_avail.count(), 1);
    return std::min((bytes + pages - 1) / pages, kPageSize);
  };
  DirtyLimits limits;
  limits.dirty = avail * part(vm.dirty_ratio, vm.dirty_bytes) / kPageSize;
  limits.background =
      avail * part(vm.dirty_background_ratio, vm.dirty_background_bytes) / kPageSize;
  if (bonus == LimitBonus::kQuarterMore) {
    limits.background += limits.background / 4 + domain_limit / 32;
    limits.dirty += limits.dirty / 4 + domain_limit / 32;
  }
  if (limits.background >= limits.dirty)
    limits.background = limits.dirty / 2;
  return limits;
}

MinMaxRatio wb_min_max_ratio(MinMaxRatio device, const WbShare& share) {
  if (share.bandwidth >= share.total)
    return device;
  const auto scaled = [&](int ratio) {
    return static_cast<int>(ratio * share.bandwidth / share.total);
  };
  return {scaled(device.min), device.max < 100 ? scaled(device.max) : device.max};
}

std::int64_t wb_split_bdi_pages(std::int64_t nr, const WbShare& share) {
  if (nr == std::numeric_limits<std::int64_t>::max() || share.bandwidth >= share.total)
    return nr;
  return (nr * share.bandwidth + share.total - 1) / share.total;
}

}  // namespace wbsim
