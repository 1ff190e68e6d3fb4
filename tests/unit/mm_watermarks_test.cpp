// Watermarks and reserves, by what the recorded machines kept.
#include <catch2/catch.hpp>

#include "models/mm/watermarks.hpp"

namespace wbsim {
namespace {

constexpr Pages kGiB{1 << 18};

// What the limits of every sample leave of free and file pages.
TEST_CASE("the recorded machines never count 3514, 3513 and 2427 pages as dirtyable", "[mm]") {
  const auto not_counted = [](LimitsRule rule, int total, int min_free_kib) {
    return undirtyable_pages({rule, Pages(total), min_free_kib}).count();
  };
  CHECK(not_counted(LimitsRule::k310, 257339, 4051) == 3514);
  CHECK(not_counted(LimitsRule::k310, 257339, 4050) == 3513);  // P5: a larger initramfs
  CHECK(not_counted(LimitsRule::k61, 249188, 3959) == 2427);
  CHECK(not_counted(LimitsRule::k2639, 257339, 4051) == 0);
}

TEST_CASE("min_free_kbytes says what was managed at boot, unless somebody wrote it", "[mm]") {
  const auto managed = [](LimitsRule rule, std::int64_t min_free_kib) {
    return managed_at_boot({rule, kGiB, min_free_kib});
  };
  for (const LimitsRule rule : {LimitsRule::k310, LimitsRule::k61}) {
    const Pages at_boot = kGiB - Pages(1000);
    const Pages found = managed(rule, default_min_free_kib(rule, at_boot));
    CHECK(found >= at_boot - Pages(64));  // a KiB more is of so many pages more
    CHECK(found <= at_boot + Pages(64));
    CHECK(managed(rule, 2048) == kGiB);
    CHECK(managed(rule, 65536) == kGiB);
  }
}

TEST_CASE("4 GiB and more: no zone keeps more for a lower one than that one has", "[mm]") {
  const auto not_counted = [](int gib, std::int64_t min_free_kib) {
    return undirtyable_pages({LimitsRule::k61, kGiB * gib, min_free_kib});
  };
  // DMA 3840, DMA32 1/256 of 13 GiB, and the watermarks of all but DMA.
  const Pages high = (Pages(16384 / 4) + kGiB * 16 / 1000 * 2) * 15987 / 16000;
  CHECK(not_counted(16, 16384) >= Pages(3840 + 13312) + high - Pages(16));
  CHECK(not_counted(16, 16384) <= Pages(3840 + 13312) + high + Pages(16));
}

TEST_CASE("watermark_scale_factor moves the watermarks of 6.1 apart, above all in much memory",
          "[mm]") {
  const auto params = [](LimitsRule rule, int gib, int scale_factor) {
    return WatermarkParams{rule, kGiB * gib, 4096, scale_factor};
  };
  CHECK(watermark_gap(params(LimitsRule::k310, 16, 10)) == Pages(0));
  CHECK(watermark_gap(params(LimitsRule::k61, 16, 10)) == Pages(4194));
  CHECK(watermark_gap(params(LimitsRule::k61, 16, 100)) == Pages(41943));
  CHECK(undirtyable_pages(params(LimitsRule::k61, 1, 100)) >
        undirtyable_pages(params(LimitsRule::k61, 1, 10)) + kGiB / 60);
}

}  // namespace
}  // namespace wbsim
