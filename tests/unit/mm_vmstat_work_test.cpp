// When the counts that a processor keeps come to those of the node.
#include <catch2/catch.hpp>

#include "models/mm/vmstat_work.hpp"
#include "tests/support/print_units.hpp"

namespace wbsim {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

struct Fixture {
  Fixture() {
    cpu.on_tick_stopped(
        {[](void* self, std::uint64_t) { static_cast<VmstatWork*>(self)->quiet_vmstat(); },
         &vmstat});
    sim.spawn("vmstat", vmstat.run(sim, wheel), ProcessKind::kDaemon);
  }
  ~Fixture() { sim.destroy_processes(); }

  // Dirties so many pages at `when`, working for `work`; asleep before and after.
  void dirty_at(Duration when, int pages, Duration work) {
    sim.spawn("writer", write(when, pages, work));
  }
  Task<> write(Duration when, int pages, Duration work) {
    Thread thread("writer");
    co_await sim.delay_until(TimePoint(when));
    stats.dirtied(pages);
    thread.charge(work);
    co_await cpu.settle(thread);
  }
  Pages told_at(Duration when) {
    sim.run_until(TimePoint(when));
    return stats.nr_file_dirty();
  }

  Simulator sim;
  Processors cpu{sim, TickClock(250), 1, SchedRules{}, Duration(0)};
  // jiffies are round at 1 s, 2 s, ...
  TimerWheel wheel{TimerRule::kExact, TickClock(250), milliseconds(184)};
  NodeStats stats{8};
  VmstatWork vmstat{stats, cpu};
};

TEST_CASE("on a processor that works, once a second", "[mm]") {
  Fixture f;
  f.dirty_at(milliseconds(100), 5, milliseconds(3000));
  f.dirty_at(milliseconds(1500), 2, Duration(1));
  CHECK(f.told_at(milliseconds(999)) == Pages(0));
  CHECK(f.told_at(milliseconds(1001)) == Pages(5));
  CHECK(f.told_at(milliseconds(1999)) == Pages(5));
  CHECK(f.told_at(milliseconds(2001)) == Pages(7));
}

TEST_CASE("not when the tick stops, before the second has found something", "[mm]") {
  Fixture f;
  f.dirty_at(milliseconds(500), 5, milliseconds(1));
  f.dirty_at(milliseconds(600), 2, milliseconds(1));
  CHECK(f.told_at(milliseconds(999)) == Pages(0));
}

TEST_CASE("each time the tick stops, after a second that found something", "[mm]") {
  Fixture f;
  f.dirty_at(milliseconds(900), 5, milliseconds(200));
  CHECK(f.told_at(milliseconds(1001)) == Pages(5));
  f.dirty_at(milliseconds(1300), 2, milliseconds(1));
  CHECK(f.told_at(microseconds(1'300'999)) == Pages(5));
  CHECK(f.told_at(milliseconds(1302)) == Pages(7));
  SECTION("and no longer when a second found nothing") {
    f.dirty_at(milliseconds(1900), 0, milliseconds(1200));
    f.dirty_at(milliseconds(3200), 3, milliseconds(1));
    CHECK(f.told_at(milliseconds(3900)) == Pages(7));
  }
}

TEST_CASE("while the tick is stopped the second waits for who starts it again", "[mm]") {
  Fixture f;
  f.dirty_at(milliseconds(100), 3, milliseconds(1));
  f.dirty_at(milliseconds(300), 2, milliseconds(1));  // idle for long now
  CHECK(f.told_at(milliseconds(1400)) == Pages(0));
  f.dirty_at(microseconds(1'401'000), 1, milliseconds(10));
  CHECK(f.told_at(microseconds(1'403'999)) == Pages(0));
  CHECK(f.told_at(microseconds(1'404'001)) == Pages(6));
}

}  // namespace
}  // namespace wbsim
