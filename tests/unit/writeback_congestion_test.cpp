// congestion_wait().
#include <catch2/catch.hpp>

#include "tests/support/machine_fixture.hpp"
#include "tests/support/print_units.hpp"

namespace wbsim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct Sleepers : MachineFixture {
  explicit Sleepers(int hz) : MachineFixture(scenario(hz)), task("task") {}
  static Scenario scenario(int hz) {
    Scenario s = plain_scenario("2.6.31", 2);
    s.kernel.hz = hz;
    s.vm.dirty_writeback_centisecs = 0;
    return s;
  }
  void sleep_at(Duration when) {
    at(when, [this] { sim.spawn("sleeper", sleep(), ProcessKind::kDaemon); });
  }
  Task<> sleep() {
    co_await context.congestion_wait(task, context.hz(10));
    woken.push_back(sim.now().time_since_epoch());
  }
  TaskStruct task;
  std::vector<Duration> woken;
};

// gen-2.6-pdflush pitfall 10.
TEST_CASE("congestion_wait with nothing congested sleeps its full time", "[writeback]") {
  Sleepers f(GENERATE(100, 250, 1000));
  f.sleep_at(milliseconds(20));
  f.run_until(seconds(1));
  CHECK(f.woken == std::vector<Duration>{milliseconds(120)});
}

TEST_CASE("congestion_wait ends on a tick", "[writeback]") {
  Sleepers f(100);
  f.sleep_at(milliseconds(27));
  f.run_until(seconds(1));
  CHECK(f.woken == std::vector<Duration>{milliseconds(120)});
}

TEST_CASE("any queue that has room again wakes all sleepers", "[writeback]") {
  Sleepers f(1000);
  f.start_flusher();
  f.run_until(milliseconds(1));
  for (PageIndex i = 0; i < 120; ++i)
    f.dirty_pages(f.raw(1), 2 * i, 1);
  TaskStruct writer("writer");
  WritebackControl wbc;
  wbc.bdi = &f.bdi(1);
  wbc.nr_to_write = 120;
  f.sim.spawn("writer", f.flusher->writeback_inodes(wbc, writer), ProcessKind::kDaemon);
  f.run_until(milliseconds(1));
  REQUIRE(f.bdi(1).queue->write_congested());
  f.sleep_at(milliseconds(1));
  f.sleep_at(milliseconds(2));
  f.run_until(seconds(1));
  REQUIRE(f.woken.size() == 2);
  CHECK(f.woken[0] == f.woken[1]);
  // 140.96 us a request, one after the other: it clears when 102 are left.
  REQUIRE(f.log.requests.size() == 120);
  CHECK(f.woken[0] == f.log.requests[17].completed);
  CHECK(f.woken[0] < milliseconds(5));
}

}  // namespace
}  // namespace wbsim
