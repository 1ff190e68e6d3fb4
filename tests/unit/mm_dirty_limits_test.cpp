// The limits on dirty memory, by the worked examples of the 2.6 kernels.
#include <catch2/catch.hpp>

#include "models/mm/dirty_limits.hpp"

namespace wbsim {
namespace {

void check_limits(const DirtyLimits& limits, std::int64_t background, std::int64_t dirty) {
  CHECK(limits.background == Pages(background));
  CHECK(limits.dirty == Pages(dirty));
}

VmParams ratios(int background, int dirty) {
  return {.dirty_background_ratio = background, .dirty_ratio = dirty};
}

constexpr Pages kDirtyable{200001};

TEST_CASE("pdflush 9.1: 2.6.18, 10 and 40 percent, less the more is mapped", "[mm]") {
  const VmParams vm = ratios(10, 40);
  constexpr Pages kTotal{262144};
  check_limits(dirty_limits_2618(vm, kTotal, Pages(0)), 26214, 104857);
  check_limits(dirty_limits_2618(vm, kTotal, Pages(70000)), 26214, 96993);
  check_limits(dirty_limits_2618(vm, kTotal, Pages(220000)), 10485, 20971);
  check_limits(dirty_limits_2618(vm, kTotal, Pages(0), LimitBonus::kQuarterMore), 32767, 131071);
  check_limits(dirty_limits_2618(vm, Pages(65536), Pages(60000)), 1310, 3276);
}

TEST_CASE("pdflush 9.2: 2.6.24, 5 and 10 percent", "[mm]") {
  const VmParams vm = ratios(5, 10);
  check_limits(global_dirty_limits(LimitsRule::k2624, vm, kDirtyable), 10000, 20000);
  check_limits(global_dirty_limits(LimitsRule::k2624, vm, kDirtyable, LimitBonus::kQuarterMore),
               12500, 25000);
}

TEST_CASE("pdflush 9.2: 2.6.31, 10 and 20 percent", "[mm]") {
  check_limits(global_dirty_limits(LimitsRule::k2631, ratios(10, 20), kDirtyable), 20000, 40000);
  check_limits(
      global_dirty_limits(LimitsRule::k2631, ratios(10, 20), kDirtyable, LimitBonus::kQuarterMore),
      25000, 50000);
}

TEST_CASE("pdflush 9.2: limits in bytes are rounded up to pages", "[mm]") {
  VmParams vm = ratios(10, 20);
  vm.dirty_bytes = 8193;
  check_limits(global_dirty_limits(LimitsRule::k2631, vm, kDirtyable), 1, 3);
  vm.dirty_bytes = 1 << 20;
  vm.dirty_background_bytes = 10000;
  check_limits(global_dirty_limits(LimitsRule::k2631, vm, kDirtyable), 3, 256);
}

TEST_CASE("pdflush 9.2: the dirty ratio is 5 percent at least", "[mm]") {
  check_limits(global_dirty_limits(LimitsRule::k2631, ratios(10, 2), kDirtyable), 5000, 10000);
  check_limits(global_dirty_limits(LimitsRule::k2624, ratios(1, 2), kDirtyable), 2000, 10000);
}

TEST_CASE("pdflush 3.2: a background ratio not below the dirty one: half the ratio", "[mm]") {
  check_limits(global_dirty_limits(LimitsRule::k2624, ratios(10, 7), Pages(1000)), 30, 70);
  check_limits(global_dirty_limits(LimitsRule::k2624, ratios(7, 7), Pages(1000)), 30, 70);
  check_limits(global_dirty_limits(LimitsRule::k2631, ratios(7, 7), Pages(1000)), 35, 70);
}

TEST_CASE("pdflush 9.3: ratelimit_pages", "[mm]") {
  for (const int cpus : {1, 2, 4})
    CHECK(writeback_ratelimit(Pages(262144), cpus) == Pages(1024));
  CHECK(writeback_ratelimit(Pages(262144), 16) == Pages(512));
  CHECK(writeback_ratelimit(Pages(16384), 4) == Pages(128));
  CHECK(writeback_ratelimit(Pages(1024), 8) == Pages(16));
  CHECK(writeback_chunk(Pages(1024)) == Pages(1536));
  CHECK(writeback_chunk(Pages(512)) == Pages(768));
  CHECK(writeback_chunk(Pages(128)) == Pages(192));
}

TEST_CASE("bdi 9.2: the chunk of a throttled writer", "[mm]") {
  CHECK(writeback_chunk(Pages(1024), Pages(1024)) == Pages(1536));
  CHECK(writeback_chunk(Pages(1024), Pages(8)) == Pages(1536));
  CHECK(writeback_chunk(Pages(128), Pages(200)) == Pages(300));
}

TEST_CASE("pdflush 9.5: the share of the task", "[mm]") {
  CHECK(task_dirty_limit(Pages(40000), {0, 4}) == Pages(40000));
  CHECK(task_dirty_limit(Pages(40000), {2, 4}) == Pages(37500));
  CHECK(task_dirty_limit(Pages(40000), {3, 4}) == Pages(36250));
  CHECK(task_dirty_limit(Pages(40000), {4, 4}) == Pages(35000));
}

TEST_CASE("pdflush 3.4: the share of a task takes half the limit at most", "[mm]") {
  CHECK(task_dirty_limit(Pages(40000), {5, 1}) == Pages(20000));
  CHECK(task_dirty_limit(Pages(7), {1, 1}) == Pages(7));  // 7/8 of a page is none
}

TEST_CASE("pdflush 9.5: min_ratio and max_ratio of a device", "[mm]") {
  CHECK(bdi_share(LimitsRule::k2631, Pages(40000), {3, 4}, 5, 100, 10) == Pages(29000));
  CHECK(bdi_share(LimitsRule::k2631, Pages(40000), {3, 4}, 5, 50, 10) == Pages(20000));
  CHECK(bdi_share(LimitsRule::k2631, Pages(40000), {3, 4}, 0, 100, 0) == Pages(30000));
  CHECK(bdi_share(LimitsRule::k2624, Pages(40000), {3, 4}, 5, 50, 10) == Pages(30000));
}

TEST_CASE("pdflush 9.5: the clip lets a device grow into what is free", "[mm]") {
  VmCounters counters;
  counters.nr_file_dirty = Pages(25000);
  counters.nr_writeback = Pages(10000);
  BackingDevInfo bdi;
  bdi.reclaimable.set(Pages(400));
  bdi.writeback.set(Pages(600));
  CHECK(clip_bdi_dirty_limit(Pages(40000), Pages(40000), counters, bdi) == Pages(6000));
  CHECK(clip_bdi_dirty_limit(Pages(5999), Pages(40000), counters, bdi) == Pages(5999));
  counters.nr_file_dirty = Pages(45000);  // over the limit: what it has, no more
  CHECK(clip_bdi_dirty_limit(Pages(40000), Pages(40000), counters, bdi) == Pages(1000));
}

TEST_CASE("bdi 9.7: 2.6.32 has a floor of 5 percent under the dirty ratio, 2.6.39 none", "[mm]") {
  for (const LimitsRule rule : {LimitsRule::k2631, LimitsRule::k2639, LimitsRule::k310})
    check_limits(global_dirty_limits(rule, ratios(10, 20), kDirtyable), 20000, 40000);
  check_limits(global_dirty_limits(LimitsRule::k2631, ratios(10, 2), kDirtyable), 5000, 10000);
  for (const LimitsRule rule : {LimitsRule::k2639, LimitsRule::k310})
    check_limits(global_dirty_limits(rule, ratios(10, 2), kDirtyable), 2000, 4000);
}

// gen-2.6-pdflush section 1: 4 * lowmem / total. 87 % of 4 GiB are 896 MiB, four times.
TEST_CASE("pdflush 1: 2.6.18 scales its default ratios down on machines of high memory", "[mm]") {
  const auto ratio = [](int of, std::int64_t total_mib, std::int64_t lowmem_mib) {
    return default_ratio_2618(of, Pages(total_mib * 256), Pages((total_mib - lowmem_mib) * 256));
  };
  CHECK(ratio(40, 4096, 896) == 34);
  CHECK(ratio(10, 4096, 896) == 8);
  CHECK(ratio(40, 16384, 896) == 8);
  CHECK(ratio(10, 65536, 896) == 1);  // 5 % of 10: one at least
  for (const std::int64_t lowmem : {896, 1024, 2048})
    CHECK(ratio(40, 2048, lowmem) == 40);
}

TEST_CASE("pdflush 3.1: files that cannot lie in high memory have a limit without it", "[mm]") {
  const VmParams vm = ratios(8, 34);
  constexpr Pages kTotal{1048576}, kHighmem{819200};
  check_limits(dirty_limits_2618(vm, kTotal, Pages(0)), 83886, 356515);
  check_limits(dirty_limits_2618(vm, kTotal, Pages(0), LimitBonus::kNone, kHighmem), 18350, 77987);
  check_limits(dirty_limits_2618(vm, kTotal, Pages(0), LimitBonus::kQuarterMore, kHighmem), 22937,
               97483);
}

TEST_CASE("6.x 10.1: ratios of 6.1 are truncated twice", "[mm]") {
  const auto limits = [](Pages dirtyable) {
    return global_dirty_limits(LimitsRule::k61, ratios(10, 20), dirtyable);
  };
  check_limits(limits(kDirtyable), 19970, 39990);
  check_limits(limits(Pages(1000001)), 99853, 199951);
  check_limits(global_dirty_limits(LimitsRule::k61, ratios(10, 20), kDirtyable,
                                   LimitBonus::kQuarterMore, Pages(39990)),
               26211, 51236);
  // Half of the limit with its bonus.
  check_limits(global_dirty_limits(LimitsRule::k61, ratios(30, 20), kDirtyable,
                                   LimitBonus::kQuarterMore, Pages(39990)),
               25618, 51236);
  VmParams vm = ratios(10, 20);
  vm.dirty_bytes = 1 << 20;
  vm.dirty_background_bytes = 512 << 10;
  check_limits(global_dirty_limits(LimitsRule::k61, vm, kDirtyable), 128, 256);
}

TEST_CASE("ioless 10.12: ratelimit_pages", "[mm]") {
  CHECK(ioless_ratelimit(Pages(40000), 4) == Pages(312));
  CHECK(ioless_ratelimit(Pages(40000), 64) == Pages(19));
  CHECK(ioless_ratelimit(Pages(4000), 8) == Pages(16));
}

}  // namespace
}  // namespace wbsim
