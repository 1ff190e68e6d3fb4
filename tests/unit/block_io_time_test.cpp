// IoTime: how long /proc/diskstats says that a disk was busy.
#include <catch2/catch.hpp>

#include "models/block/io_time.hpp"
#include "tests/support/print_units.hpp"

namespace wbsim {
namespace {

using std::chrono::milliseconds;

constexpr Duration kTick = milliseconds(4);

TimePoint at(int ms) {
  return TimePoint(milliseconds(ms));
}

TEST_CASE("up to 4.20 a disk is busy while it has requests", "[block]") {
  IoTime time(Duration(1), true);
  time.begin(at(10), 0);
  time.begin(at(12), 1);
  time.end(at(15));
  time.end(at(17));
  CHECK(time.read(at(30), 0) == milliseconds(7));
  time.begin(at(30), 0);
  CHECK(time.read(at(33), 1) == milliseconds(10));
}

TEST_CASE("6.1 counts the ticks that a request sees begin", "[block]") {
  IoTime time(kTick, true);
  time.begin(at(1), 0);
  time.end(at(9));  // those at 4 and 8
  CHECK(time.read(at(9), 0) == 2 * kTick);
  time.begin(at(13), 0);  // nobody saw the one at 12
  time.end(at(15));
  CHECK(time.read(at(15), 0) == 2 * kTick);
}

TEST_CASE("a disk that is used by its partitions loses what comes before each begin", "[block]") {
  for (const bool partitioned : {false, true}) {
    IoTime time(kTick, !partitioned);
    time.begin(at(0), 0);
    time.begin(at(1), 1);
    time.end(at(26));       // at 4 to 24: six
    time.begin(at(29), 1);  // at 28, with one request under way
    time.end(at(52));       // at 32 to 52: six
    CHECK(time.read(at(52), 1) == (partitioned ? 12 : 13) * kTick);
  }
}

TEST_CASE("reading counts up to now while there are requests", "[block]") {
  IoTime time(kTick, false);
  time.begin(at(0), 0);
  CHECK(time.read(at(11), 1) == 2 * kTick);
  time.begin(at(13), 1);  // loses the one at 12 only
  time.end(at(20));
  CHECK(time.read(at(40), 0) == 4 * kTick);
}

}  // namespace
}  // namespace wbsim
