// The limits on dirty memory: get_dirty_limits() and its parts.
//
// MODELS:   mm/page-writeback.c of 2.6.18, 2.6.24, 2.6.31/32, 2.6.39, 3.10 and 6.1.
// DEVIATES: no unstable pages; counters are exact before 6.1, so bdi_stat_error() has no effect.
#pragma once

#include <cstdint>

#include "models/mm/backing_dev_info.hpp"
#include "models/mm/proportions.hpp"
#include "models/mm/vm_counters.hpp"
#include "sim/units.hpp"

namespace wbsim {

enum class LimitsRule : std::uint8_t {
  k2618,  // of all memory, less the more of it is mapped; devices have no share
  k2624,  // ratios only; background above the limit becomes half the ratio; plain device share
  k2631,  // *_bytes; background above the limit becomes half of it; min_ratio and max_ratio
  k2639,  // no floor under dirty_ratio; the share is not clipped
  k310,   // no floor under dirty_ratio; shares of the last seconds, neither clipped nor per task
  k61,    // ratios become 1/4096ths first
};

// From 3.10 on a device's limit is a share of the last seconds' completions.
constexpr bool has_flex_shares(LimitsRule rule) {
  return rule >= LimitsRule::k310;
}

struct VmParams {
  int dirty_background_ratio = 10;
  int dirty_ratio = 20;
  std::int64_t dirty_background_bytes = 0;  // 0: the ratio counts
  std::int64_t dirty_bytes = 0;
};

struct DirtyLimits {
  Pages background{};
  Pages dirty{};
};

// A real-time task, or one with PF_LESS_THROTTLE up to 3.10, gets a quarter more, and from 6.1 on
// 1/32 of the tracked limit.
enum class LimitBonus : std::uint8_t { kNone, kQuarterMore };

DirtyLimits global_dirty_limits(LimitsRule rule, const VmParams& vm, Pages dirtyable,
                                LimitBonus bonus = LimitBonus::kNone,
                                Pages global_dirty_limit = Pages(0));

// 2.6.18: `mapped` is what processes map, of files and of their own; `out_of_reach` is high memory
// where the file's pages cannot lie there.
DirtyLimits dirty_limits_2618(const VmParams& vm, Pages total, Pages mapped,
                              LimitBonus bonus = LimitBonus::kNone, Pages out_of_reach = Pages(0));

// page_writeback_init() of 2.6.18: a default ratio as it is set at boot, in percent, scaled down by
// whole percents where high memory is more than three times the rest.
int default_ratio_2618(int ratio, Pages total, Pages highmem);

// The device's share of the dirty limit, before the clip. `min_ratio_sum` is over all devices.
Pages bdi_share(LimitsRule rule, Pages dirty, PropFraction completions, int min_ratio,
                int max_ratio, int min_ratio_sum);
// clip_bdi_dirty_limit(): an idle device grows only into what is free globally.
Pages clip_bdi_dirty_limit(Pages bdi_dirty, Pages dirty, const VmCounters& counters,
                           const BackingDevInfo& bdi);
// task_dirty_limit(): the heaviest dirtier gets 7/8 of the device's limit.
Pages task_dirty_limit(Pages bdi_dirty, PropFraction dirtyings);

// ratelimit_pages: total/(32 cpus), at least 16, at most 1024 pages.
Pages writeback_ratelimit(Pages total, int cpus);
// sync_writeback_pages(): what a throttled writer writes back, half as much again as the pages it
// may write between two looks. From 2.6.32 on as the `dirtied` since the last one, if they are
// more.
Pages writeback_chunk(Pages ratelimit, Pages dirtied = Pages(0));
// From 3.1 on: dirty_thresh/(32 cpus), at least 16.
Pages ioless_ratelimit(Pages dirty_thresh, int cpus);

// global_dirty_limit after boot. 3.10 takes it from memory that is nearly all free, before it keeps
// any reserve; 6.1 from the part it has initialised by then, which the first throttled writer
// corrects upwards, so it is as good as `now`.
Pages dirty_limit_after_boot(LimitsRule rule, const VmParams& vm, Pages total, Pages now);

// What is never dirtyable (watermarks.hpp) comes off free and file pages together: of 3.10.4, as
// recorded. Off the free ones alone, and no more than those, in 3.10.65 and 6.1.
constexpr bool reserve_is_of_all_pages(LimitsRule rule) {
  return rule == LimitsRule::k310;
}

}  // namespace wbsim
