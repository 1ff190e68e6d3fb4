// The counts that limits are held against: a processor keeps some changes to itself.
#include <catch2/catch.hpp>
#include <vector>

#include "models/mm/node_stats.hpp"
#include "tests/support/print_units.hpp"

namespace wbsim {
namespace {

constexpr std::int64_t kGiB = std::int64_t{1} << 30;

TEST_CASE("the threshold grows with processors and with memory", "[mm]") {
  const auto threshold = [](std::int64_t bytes, int cpus) {
    return stat_threshold(whole_pages(Bytes(bytes)), cpus);
  };
  CHECK(threshold(kGiB * 95 / 100, 1) == 8);  // E1 and E2 of 6.1: nr_dirty moves by nines
  CHECK(threshold(kGiB * 95 / 100, 2) == 16);
  CHECK(threshold(kGiB / 16, 2) == 4);
  CHECK(threshold(12 * kGiB, 4) == 48);
  CHECK(threshold(1024 * kGiB, 64) == 125);
}

TEST_CASE("what is told moves by a page more than the threshold", "[mm]") {
  NodeStats stats(8);
  stats.dirtied(8);
  CHECK(stats.nr_file_dirty() == Pages(0));
  stats.dirtied(1);
  CHECK(stats.nr_file_dirty() == Pages(9));
  stats.dirtied(20);
  CHECK(stats.nr_file_dirty() == Pages(27));
  stats.cleaned(10);  // two were kept: eight are owed now
  CHECK(stats.nr_file_dirty() == Pages(27));
  stats.cleaned(1);
  CHECK(stats.nr_file_dirty() == Pages(18));
  CHECK(stats.unclean() == Pages(18));
}

TEST_CASE("a processor that has folded its counts keeps nothing", "[mm]") {
  NodeStats stats(8);
  stats.dirtied(320);
  stats.cleaned(5);
  stats.writeback_started(5);
  CHECK(stats.fold());
  CHECK_FALSE(stats.fold());
  CHECK(stats.nr_file_dirty() == Pages(315));
  CHECK(stats.nr_writeback() == Pages(5));
  CHECK(stats.unclean() == Pages(320));
}

TEST_CASE("without other processors the count is exact", "[mm]") {
  NodeStats stats;
  for (int i = 1; i <= 20; ++i) {
    stats.writeback_started(1);
    CHECK(stats.nr_writeback() == Pages(i));
  }
  stats.writeback_ended(13);
  CHECK(stats.nr_writeback() == Pages(7));
}

TEST_CASE("many pages at once count as one after the other", "[mm]") {
  NodeStats at_once(8);
  PercpuCounter single;
  std::int64_t exact = 0;
  for (const int change : {5, 320, -3, -8, 1, 63, -320, 7, -9, 18, -1, 14, -40}) {
    exact += change;
    if (change > 0)
      at_once.dirtied(change);
    else
      at_once.cleaned(-change);
    for (int i = 0; i < std::abs(change); ++i)
      single.add(change > 0 ? 1 : -1, 9);
    CHECK(at_once.nr_file_dirty() == Pages(single.read_positive()));
    CHECK(std::abs(exact - single.read()) <= 8);
  }
}

}  // namespace
}  // namespace wbsim
