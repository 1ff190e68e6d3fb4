// kswapd: reclaim takes the processor from whoever has had much of it, and from nobody else.
#include <catch2/catch.hpp>

#include "models/mm/kswapd.hpp"
#include "tests/support/print_units.hpp"

namespace wbsim {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

struct Fixture {
  Fixture() { sim.spawn("kswapd0", kswapd.run(), ProcessKind::kDaemon); }
  ~Fixture() { sim.destroy_processes(); }

  // A call of 100 us that makes kswapd free pages for 2 ms.
  Task<> call(Thread& thread) {
    const TimePoint begin = sim.now();
    thread.charge(microseconds(50));
    co_await cpu.settle(thread);
    kswapd.owe(milliseconds(2));
    thread.charge(microseconds(50));
    co_await cpu.settle(thread);
    took = sim.now() - begin;
  }
  Task<> after_50ms_of_work(Thread& thread) {
    for (int i = 0; i < 50; ++i) {
      thread.charge(milliseconds(1));
      co_await cpu.settle(thread);
    }
    co_await call(thread);
  }
  Task<> after_sleep(Thread& thread) {
    co_await sim.delay_until(TimePoint(milliseconds(50)));
    co_await call(thread);
  }

  Simulator sim;
  Processors cpu{sim, TickClock(250), 1, SchedRules{}, Duration(0)};
  Kswapd kswapd{cpu};
  Duration took{};
};

TEST_CASE("a call of a busy thread lasts as much longer as kswapd frees memory", "[mm]") {
  Fixture f;
  Thread busy("bulk");
  f.sim.spawn("bulk", f.after_50ms_of_work(busy));
  f.sim.run_until(TimePoint(milliseconds(100)));
  CHECK(f.took == microseconds(2100));
  CHECK(f.cpu.busy() == microseconds(52'100));
}

TEST_CASE("a call of a light thread does not wait for kswapd", "[mm]") {
  Fixture f;
  Thread light("light");
  f.sim.spawn("light", f.after_sleep(light));
  f.sim.run_until(TimePoint(milliseconds(100)));
  CHECK(f.took == microseconds(100));
  CHECK(f.cpu.busy() == microseconds(2100));
}

}  // namespace
}  // namespace wbsim
