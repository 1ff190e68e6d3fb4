// What zones keep free: their watermarks, and what is kept for the zones below them.
//
// MODELS:   mm/page_alloc.c of 3.10 and 6.1: init_per_zone_wmark_min(), setup_per_zone_wmarks(),
//           setup_per_zone_lowmem_reserve(), calculate_totalreserve_pages(); of one node with the
//           zones DMA, DMA32 up to 3 GiB, and NORMAL.
// DEVIATES: high memory is as the rest; reclaim sees one zone.
#pragma once

#include <cstdint>

#include "models/mm/dirty_limits.hpp"
#include "sim/units.hpp"

namespace wbsim {

constexpr int kDefaultWatermarkScale = 10;  // of 10000

struct WatermarkParams {
  LimitsRule rule;
  Pages total;
  std::int64_t min_free_kib;
  int scale_factor = kDefaultWatermarkScale;  // watermark_scale_factor; from 4.6 on
};

// min_free_kbytes as boot sets it: sqrt(16 * KiB), 128 KiB to 64 MiB. Transparent huge pages set it
// once more in 6.1, when the first watermarks count as taken.
std::int64_t default_min_free_kib(LimitsRule rule, Pages lowmem);

// What was managed when boot set the watermarks, before the initramfs and the init sections were
// given back: min_free_kbytes says it, unless somebody wrote another value.
Pages managed_at_boot(const WatermarkParams& params);

// What determine_dirtyable_memory() does not count: nothing up to 2.6.32; later the high watermarks
// and what is kept for lower zones, as boot set them, and in 3.10 min_free_kbytes once more.
Pages undirtyable_pages(const WatermarkParams& params);

// Free pages of lower zones that file pages must not take.
Pages lowmem_reserve(const WatermarkParams& params);

Pages largest_zone(const WatermarkParams& params);

// From 4.6 on the least distance of two watermarks.
Pages watermark_gap(const WatermarkParams& params);

}  // namespace wbsim
