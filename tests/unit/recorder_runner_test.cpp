// Who goes on after a thread that had next to nothing to do.
#include "models/recorder_runner.hpp"

#include <catch2/catch.hpp>

#include "tests/support/print_units.hpp"

namespace wbsim {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

// Two threads that always want the processor, with the slices of 6.1: of a tick. At each tick the
// one goes on that is 2 ms behind.
struct Fixture {
  Fixture() {
    sim.spawn("first", work(first, milliseconds(2)));
    sim.spawn("second", work(second, milliseconds(2)));
  }
  ~Fixture() { sim.destroy_processes(); }

  static SchedRules rules() {
    SchedRules r;
    r.latency = microseconds(750);
    r.min_granularity = microseconds(750);
    r.wakeup_granularity = milliseconds(1);
    r.sleeper_credit = milliseconds(3);
    return r;
  }
  Task<> work(Thread& thread, Duration begin) {
    co_await sim.delay_until(TimePoint(begin));
    for (;;) {
      thread.charge(microseconds(10));
      co_await cpu.settle(thread);
      runs = &thread;
    }
  }
  const Thread* running_at(Duration when) {
    sim.run_until(TimePoint(when));
    return runs;
  }
  bool changes_at(Duration when) {
    const Thread* const before = running_at(when - microseconds(20));
    return running_at(when + microseconds(40)) != before;
  }

  Simulator sim;
  Processors cpu{sim, TickClock(250), 1, rules(), microseconds(3)};
  Thread first{"first"}, second{"second"};
  RecorderRunner runner{sim, cpu, microseconds(3)};
  const Thread* runs = nullptr;
};

// 100 ms after the last look, with 50 us of slack each time: the 37th comes 2 ms after a tick.
TEST_CASE("when the runner has looked, whoever has run least goes on", "[recorder]") {
  Fixture f;
  f.runner.start(TimePoint(microseconds(50)));
  CHECK_FALSE(f.changes_at(microseconds(50 + 30 * 100'053)));
  CHECK(f.changes_at(microseconds(50 + 37 * 100'053)));
}

}  // namespace
}  // namespace wbsim
