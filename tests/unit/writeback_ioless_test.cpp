// balance_dirty_pages() from 3.1 on: who pauses, for how long, and what it remembers.
#include <catch2/catch.hpp>
#include <string_view>

#include "tests/support/machine_fixture.hpp"
#include "tests/support/print_units.hpp"

namespace wbsim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// A writer on a disk that never finishes. The limits are 20000 and 40000 pages: free below 30000.
struct Ioless : MachineFixture {
  explicit Ioless(std::string_view kernel, int hz = 1000)
      : MachineFixture(scenario(kernel, hz)), writer("writer") {
    start_flusher();
    run_until(milliseconds(100));  // on a tick of every hz
  }
  static Scenario scenario(std::string_view kernel, int hz) {
    Scenario s = plain_scenario(std::string(kernel), 1);
    s.kernel.hz = hz;
    s.memory.total = Bytes(1 << 30);
    s.vm.dirty_writeback_centisecs = 0;
    s.vm.dirty_background_bytes = 20000 * kPageSize;
    s.vm.dirty_bytes = 40000 * kPageSize;
    s.devices[0].fixed.overhead = seconds(100'000);
    s.filesystems[0].files[0].size = Bytes(256 << 20);
    return s;
  }
  // The writer calls in, having dirtied so many pages since its last pause.
  void balance(std::int64_t nr_dirtied) {
    writer.nr_dirtied = Pages(nr_dirtied);
    sim.spawn("writer", body(), ProcessKind::kDaemon);
    run_until(sim.now().time_since_epoch());
  }
  Task<> body() {
    co_await throttle->balance_dirty_pages(writer, file(0).i_data);
    left_at = sim.now();
  }
  void dirty(PageIndex pages) {
    dirty_pages(file(0), 0, pages);
    const FlexLocal all_shares{PercpuCounter(std::int64_t{1} << 40)};
    bdi(0).flex_completions = all_shares;
  }
  // So that the rate is what the test says: no estimate is due.
  void set_rate(std::int64_t pages_per_s) {
    bdi(0).rates.dirty_ratelimit = pages_per_s;
    restart_estimate(bdi(0), context.now());
  }

  TaskStruct writer;
  TimePoint left_at{};
};

std::string_view any_kernel() {
  return GENERATE(as<std::string_view>{}, "3.10", "6.1");
}

TEST_CASE("at the free-run ceiling nobody pauses, above it a writer does", "[writeback]") {
  Ioless f(any_kernel());
  f.dirty(30000);
  f.balance(100'000);
  CHECK(f.left_at == TimePoint(milliseconds(100)));
  CHECK(f.writer.throttle_calls == 0);
  CHECK(f.writer.nr_dirtied == Pages(0));
  CHECK(f.writer.nr_dirtied_pause == Pages(64));  // ioless 10.6
  CHECK(f.writer.dirty_paused_when == f.context.now());
  CHECK(f.log.pauses.empty());

  Ioless over(f.row.name);
  over.dirty(30001);
  over.set_rate(25600);
  over.balance(100'000);
  CHECK(over.throttle->first_throttle() == TimePoint(milliseconds(100)));
}

TEST_CASE("a flusher is started when a writer is throttled", "[writeback]") {
  const std::string_view kernel = any_kernel();
  Ioless f(kernel);
  f.dirty(30001);
  CHECK(f.log.works.empty());
  f.balance(1);
  f.run_until(seconds(1));
  // Of a disk that takes for ever; 6.1 has its writeback throttling before it.
  CHECK(f.cache.counters().nr_writeback > Pages(kernel == "6.1" ? 100 : 1000));
}

// p at the set point is 1023/1024, so a base rate of 25626 gives a task 25600 pages/s.
TEST_CASE("ioless 10.5: too short a pause is remembered instead of taken", "[writeback]") {
  Ioless f("3.10");
  f.dirty(35000);
  f.set_rate(25626);
  f.writer.dirty_paused_when = f.context.now();
  f.balance(32);
  CHECK(f.left_at == TimePoint(milliseconds(100)));
  CHECK(f.writer.dirty_paused_when == f.context.now() + Jiffies(1));
  CHECK(f.writer.nr_dirtied == Pages(0));
  CHECK(f.writer.nr_dirtied_pause == Pages(32));
  CHECK(f.writer.throttle_calls == 0);
}

TEST_CASE("ioless 10.5: at 100 Hz a writer dirties more until a pause is a tick", "[writeback]") {
  Ioless f("3.10", 100);
  f.dirty(35000);
  f.set_rate(25626);
  f.writer.dirty_paused_when = f.context.now();
  std::int64_t dirtied = 32;
  for (; dirtied < 256; dirtied *= 2) {
    f.balance(dirtied);
    CHECK(f.left_at == TimePoint(milliseconds(100)));
    CHECK(f.writer.nr_dirtied == Pages(dirtied));
    CHECK(f.writer.nr_dirtied_pause == Pages(2 * dirtied));
  }
  f.balance(dirtied);
  f.run_until(seconds(1));
  CHECK(f.left_at == TimePoint(milliseconds(110)));
  CHECK(f.writer.nr_dirtied_pause == Pages(200));
}

// A period of 320 ms, of which 100 are slept and 100 more are remembered.
TEST_CASE("ioless 10.5: what exceeds the longest pause is partly remembered", "[writeback]") {
  Ioless f("3.10");
  f.dirty(35000);
  f.set_rate(101);                                       // task rate 100
  f.bdi(0).rates.avg_write_bandwidth = 25600 * 35 / 20;  // longest pause 100 ticks
  f.writer.dirty_paused_when = f.context.now();
  const Jiffies start = f.context.now();
  f.balance(32);
  f.run_until(seconds(1));
  REQUIRE(f.log.pauses.size() == 1);
  CHECK(f.log.pauses[0].period == 320);
  CHECK(f.log.pauses[0].pause == 100);
  CHECK(f.left_at == TimePoint(milliseconds(200)));
  CHECK(f.writer.dirty_paused_when == start + Jiffies(200));
}

TEST_CASE("think time is taken off the pause", "[writeback]") {
  Ioless f("3.10");
  f.dirty(35000);
  f.set_rate(25626);
  f.writer.dirty_paused_when = f.context.now() - Jiffies(12);
  f.balance(512);  // 20 ms at 25600 pages/s
  f.run_until(seconds(1));
  REQUIRE(f.log.pauses.size() == 1);
  CHECK(f.log.pauses[0].period == 20);
  CHECK(f.log.pauses[0].think == 12);
  CHECK(f.log.pauses[0].pause == 8);
  CHECK(f.left_at == TimePoint(milliseconds(108)));
}

TEST_CASE("a task that thought for more than a second starts afresh", "[writeback]") {
  Ioless f("3.10");
  f.run_until(seconds(2));
  f.dirty(35000);
  f.set_rate(25626);
  f.writer.dirty_paused_when = f.context.now() - Jiffies(1100);
  f.balance(512);
  CHECK(f.left_at == TimePoint(seconds(2)));
  CHECK(f.writer.dirty_paused_when == f.context.now());
  CHECK(f.writer.nr_dirtied == Pages(0));
  REQUIRE(f.log.pauses.size() == 1);
  CHECK(f.log.pauses[0].pause == -1080);
}

TEST_CASE("from 4.8 on a pause lasts a tick longer than asked", "[writeback]") {
  Ioless f("6.1");
  f.dirty(35000);
  f.set_rate(25626);
  f.writer.dirty_paused_when = f.context.now();
  f.balance(512);
  f.run_until(seconds(1));
  REQUIRE(f.log.pauses.size() == 1);
  CHECK(f.log.pauses[0].pause == 20);
  CHECK(f.left_at == TimePoint(milliseconds(121)));
}

TEST_CASE("at the hard limit a writer sleeps again and again", "[writeback]") {
  Ioless f(any_kernel());
  f.dirty(40001);  // one of them, locked by a flusher that waits for a request, does not count
  f.set_rate(25600);
  f.balance(8);
  f.run_until(seconds(2));
  CHECK(f.left_at == TimePoint());
  CHECK(f.log.pauses.size() >= 5);
  for (const BalanceDirtyPagesEvent& pause : f.log.pauses)
    CHECK(pause.task_ratelimit == 0);
}

// balance_dirty_pages events of the 6.1 recordings that follow a bdi_dirty_ratelimit: 189 of 189 in
// E1 go by the limit of the global_dirty_state before, 108 by the limit they show themselves.
TEST_CASE("6.1 goes by the position before it moves the limit, 3.10 by that after", "[writeback]") {
  const std::string_view kernel = any_kernel();
  Ioless f(kernel);
  f.dirty(38000);
  f.context.domain.dirty_limit = Pages(60000);
  f.run_until(milliseconds(500));
  f.balance(64);
  REQUIRE(f.log.pauses.size() == 1);
  const BalanceDirtyPagesEvent& look = f.log.pauses.front();
  REQUIRE(look.limit == Pages(60000 - 20000 / 32));
  DirtyState state;
  state.thresh = state.bdi_thresh = Pages(40000);
  state.bg_thresh = Pages(20000);
  state.dirty = state.bdi_dirty = Pages(38000);
  const RateRule rule = kernel == "6.1" ? RateRule::k61 : RateRule::k310;
  state.limit = kernel == "6.1" ? Pages(60000) : look.limit;
  state.avg_write_bandwidth =
      kernel == "6.1" ? BdiRates::kInitial : f.bdi(0).rates.avg_write_bandwidth;
  CHECK(look.task_ratelimit ==
        (look.dirty_ratelimit / 4 * position_ratio(rule, state) >> kRateShift) * 4);
}

TEST_CASE("a device over its share while the limit is passed is marked", "[writeback]") {
  Ioless f(any_kernel());
  f.dirty(40001);
  f.bdi(0).flex_completions = FlexLocal{};  // no share at all
  f.balance(8);
  CHECK(f.bdi(0).dirty_exceeded);
  TaskStruct other("other");
  other.nr_dirtied = Pages(7);
  CHECK_FALSE(f.throttle->ratelimit(other, f.file(0).i_data, Pages(1)));
  other.nr_dirtied = Pages(8);
  CHECK(f.throttle->ratelimit(other, f.file(0).i_data, Pages(1)));
}

TEST_CASE("a task looks at the limits after the pages it was given", "[writeback]") {
  Ioless f(any_kernel());
  f.writer.nr_dirtied_pause = Pages(100);
  f.writer.nr_dirtied = Pages(99);
  CHECK_FALSE(f.throttle->ratelimit(f.writer, f.file(0).i_data, Pages(1)));
  f.writer.nr_dirtied = Pages(100);
  CHECK(f.throttle->ratelimit(f.writer, f.file(0).i_data, Pages(1)));
}

// 40000 / (32 * 1) = 1250 pages on the processor, by tasks that dirty 10 each.
TEST_CASE("many tasks that dirty a few pages each are caught by the processor", "[writeback]") {
  Ioless f(any_kernel());
  int caught_at = 0;
  for (int i = 1; i <= 200 && caught_at == 0; ++i) {
    TaskStruct task("short-lived");
    task.nr_dirtied = task.dirtied_uncounted = Pages(10);
    if (f.throttle->ratelimit(task, f.file(0).i_data, Pages(1)))
      caught_at = i;
  }
  CHECK(caught_at == 125);
}

// Writes two pages at that position, and says what it cost.
Duration cost_of_two_pages(Ioless& f, PageIndex at) {
  const TimePoint start = f.sim.now();
  TimePoint end{};
  f.sim.spawn(
      "writer",
      [](Ioless& fixture, std::int64_t pos, TimePoint& ended) -> Task<> {
        const Errno result = co_await generic_file_write(fixture.vfs, fixture.file(0), pos,
                                                         2 * kPageSize, fixture.writer);
        CHECK(result == Errno::kOk);
        ended = fixture.sim.now();
      }(f, at * kPageSize, end),
      ProcessKind::kDaemon);
  f.run_until((start + milliseconds(1)).time_since_epoch());
  return end - start;
}

TEST_CASE("above the limit no zone may hold a new page, and finding one takes longer",
          "[writeback]") {
  Ioless f(any_kernel());
  f.vfs.costs.slow_allocation = std::chrono::nanoseconds(400);
  f.dirty(39997);
  CHECK(cost_of_two_pages(f, 39997) == Duration(0));  // before the second one the limit is not met
  CHECK(cost_of_two_pages(f, 39999) == Duration(0));  // nor passed
  CHECK(cost_of_two_pages(f, 40001) == 2 * f.vfs.costs.slow_allocation);
  CHECK(cost_of_two_pages(f, 0) == Duration(0));  // pages that are in memory
  f.writer.set_policy(SchedPolicy::kFifo);        // whose limit is higher
  CHECK(cost_of_two_pages(f, 40003) == Duration(0));
}

// Above the background limit as well, so at the begin of the look and at its end.
TEST_CASE("a look that starts the flusher costs what starting it takes", "[writeback]") {
  Ioless f(any_kernel());
  f.vfs.costs.wake_flusher = std::chrono::nanoseconds(350);
  f.dirty(20000);
  f.balance(1);
  CHECK(f.writer.debt() == Duration(0));  // free
  f.dirty(30001);
  f.set_rate(25600);
  const TimePoint begun = f.sim.now();
  f.balance(1);
  f.run_until((begun + milliseconds(1)).time_since_epoch());
  CHECK(f.left_at == begun + 2 * f.vfs.costs.wake_flusher);
}

TEST_CASE("strictlimit: a device's own limit holds below the global one", "[writeback]") {
  Ioless f("6.1");
  f.bdi(0).strict_limit = true;
  f.bdi(0).max_ratio = 1;
  f.dirty(500);  // of 400 it may have; 1 % of 40000
  f.set_rate(25600);
  f.balance(64);
  CHECK(f.left_at == TimePoint());
  Ioless free_device("6.1");
  free_device.bdi(0).max_ratio = 1;
  free_device.dirty(500);
  free_device.balance(64);
  CHECK(free_device.left_at == TimePoint(milliseconds(100)));
}

}  // namespace
}  // namespace wbsim
