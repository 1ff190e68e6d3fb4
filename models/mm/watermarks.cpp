#include "models/mm/watermarks.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace wbsim {

namespace {

constexpr int kLowmemReserveRatio = 256;  // of DMA and DMA32
constexpr int kScaleUnit = 10000;
constexpr Pages kDmaUpTo512{3976};       // what boot leaves of the first 16 MiB;
constexpr Pages kDmaFrom513{3840};       // later none of the first MiB
constexpr Pages kBelowHole{3 << 18};     // 3 GiB
constexpr int kBootGivesBackOneIn = 8;   // or less
constexpr std::int64_t kKibPerPage = 4;  // kPageSize / 1024

using Zones = std::array<Pages, 3>;  // DMA, DMA32, NORMAL

Zones zones_of(LimitsRule rule, Pages managed) {
  const Pages dma = std::min(managed, rule == LimitsRule::k61 ? kDmaFrom513 : kDmaUpTo512);
  const Pages below_hole = std::min(managed, kBelowHole);
  return {dma, below_hole - dma, managed - below_hole};
}

Pages high_watermark(const WatermarkParams& params, Pages zone, Pages managed) {
  const Pages min = zone * (params.min_free_kib / kKibPerPage) / managed.count();
  if (params.rule != LimitsRule::k61)
    return min + min / 2;
  return min + std::max(min / 4, zone * params.scale_factor / kScaleUnit) * 2;
}

Pages high_watermarks(const WatermarkParams& params, Pages managed) {
  Pages sum{0};
  for (const Pages zone : zones_of(params.rule, managed))
    sum += high_watermark(params, zone, managed);
  return sum;
}

std::int64_t root_of(Pages managed) {
  const auto kib = static_cast<double>(managed.count() * kKibPerPage);
  return std::clamp<std::int64_t>(static_cast<std::int64_t>(std::sqrt(16.0 * kib)), 128, 65536);
}

}  // namespace

std::int64_t default_min_free_kib(LimitsRule rule, Pages lowmem) {
  const std::int64_t first = root_of(lowmem);
  return rule == LimitsRule::k61 ? root_of(lowmem - high_watermarks({rule, lowmem, first}, lowmem))
                                 : first;
}

Pages managed_at_boot(const WatermarkParams& params) {
  const std::int64_t kib = params.min_free_kib;
  const Pages middle((kib * kib + (kib + 1) * (kib + 1)) / (2 * 16 * kKibPerPage));
  const Pages managed = params.rule == LimitsRule::k61
                            ? middle + high_watermarks({params.rule, middle, kib}, middle)
                            : middle;
  const Pages least = params.total - params.total / kBootGivesBackOneIn;
  return managed >= least && managed <= params.total ? managed : params.total;
}

Pages undirtyable_pages(const WatermarkParams& params) {
  if (!has_flex_shares(params.rule))
    return Pages(0);
  const Pages managed = managed_at_boot(params);
  const Zones zones = zones_of(params.rule, managed);
  Pages reserve{0};
  Pages above = managed;
  for (const Pages zone : zones) {
    above -= zone;
    reserve += std::min(above / kLowmemReserveRatio + high_watermark(params, zone, managed), zone);
  }
  const Pages once_more =
      params.rule == LimitsRule::k310 ? Pages(params.min_free_kib / kKibPerPage) : Pages(0);
  return reserve + once_more;
}

Pages lowmem_reserve(const WatermarkParams& params) {
  const Pages managed = managed_at_boot(params);
  Pages reserve{0};
  Pages above = managed;
  for (const Pages zone : zones_of(params.rule, managed)) {
    above -= zone;
    reserve += std::min(above / kLowmemReserveRatio, zone);
  }
  return reserve;
}

Pages largest_zone(const WatermarkParams& params) {
  const Zones zones = zones_of(params.rule, params.total);
  return *std::max_element(zones.begin(), zones.end());
}

Pages watermark_gap(const WatermarkParams& params) {
  if (params.rule != LimitsRule::k61)
    return Pages(0);
  return managed_at_boot(params) * params.scale_factor / kScaleUnit;
}

}  // namespace wbsim
