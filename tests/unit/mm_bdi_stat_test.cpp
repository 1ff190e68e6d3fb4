// The counts of a device's pages.
#include <catch2/catch.hpp>

#include "models/mm/backing_dev_info.hpp"
#include "tests/support/print_units.hpp"

namespace wbsim {
namespace {

// All numbers of bdi_dirty recorded on 6.1, of one processor, are multiples of 8.
TEST_CASE("the batch of a device's counts grows with the processors", "[mm]") {
  CHECK(bdi_stat_batch(1) == 8);
  CHECK(bdi_stat_batch(2) == 16);
  CHECK(bdi_stat_batch(3) == 16);
  CHECK(bdi_stat_batch(64) == 56);
}

TEST_CASE("a device's count is told in steps of a batch", "[mm]") {
  BdiStat stat;
  stat.count_in(8);
  stat += Pages(7);
  CHECK(stat.read() == Pages(0));
  CHECK(stat.sum() == Pages(7));
  stat += Pages(1);
  CHECK(stat.read() == Pages(8));
  stat += Pages(21);
  CHECK(stat.read() == Pages(24));
  stat -= Pages(12);  // the five that were kept, and seven that are owed
  CHECK(stat.read() == Pages(24));
  stat -= Pages(1);
  CHECK(stat.read() == Pages(16));
  CHECK(stat.sum() == Pages(16));
}

TEST_CASE("without other processors a device's count is exact", "[mm]") {
  BackingDevInfo bdi;
  bdi.reclaimable += Pages(3);
  bdi.writeback += Pages(2);
  CHECK(bdi.unclean() == Pages(5));
  CHECK(bdi.unclean(Pages(1)) == Pages(5));
}

TEST_CASE("below two batches of limit a device's pages are summed up", "[mm]") {
  BackingDevInfo bdi;
  bdi.count_in(8);
  bdi.reclaimable += Pages(15);
  bdi.writeback += Pages(7);
  CHECK(bdi.unclean(Pages(15)) == Pages(22));
  CHECK(bdi.unclean(Pages(16)) == Pages(8));
  CHECK(bdi.unclean() == Pages(8));
  CHECK(bdi.reclaimable.read_for(Pages(0)) == Pages(15));
  CHECK(bdi.reclaimable.read_for(Pages(16)) == Pages(8));
}

}  // namespace
}  // namespace wbsim
