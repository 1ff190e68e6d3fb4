// The flusher threads of 2.6.39: woken by a timer that the first dirty inode arms, ended by the
// forker, with background write-back as part of what every run does.
#include <catch2/catch.hpp>

#include "tests/support/machine_fixture.hpp"
#include "tests/support/print_units.hpp"

namespace wbsim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kSlack = milliseconds(50);  // of a timer: 1/256 of five seconds

struct Bdi2639 : MachineFixture {
  explicit Bdi2639(const Scenario& s = plain_scenario("2.6.39")) : MachineFixture(s) {
    mount_slow_inodes(0).add();
    start_flusher();
  }
  void dirty_at(Duration when) {
    at(when, [this] { mark_inode_dirty(vfs, inode(), I_DIRTY_SYNC); });
  }
  Inode& inode() { return *slow_inodes.front().s_inodes.front(); }
  const std::vector<SlowInodes::Written>& written() { return slow_inodes.front().written; }
  int threads_at(Duration when) {
    run_until(when);
    return flusher->threads();
  }
};

TEST_CASE("bdi 9.5: a lone dirty file has a thread after 5 s and is written after 30",
          "[writeback]") {
  Bdi2639 f;
  f.dirty_at(seconds(1));
  CHECK(f.threads_at(milliseconds(5990)) == 0);
  CHECK(f.threads_at(seconds(6) + kSlack) == 1);
  f.run_until(milliseconds(30'990));
  CHECK(f.written().empty());
  f.run_until(milliseconds(31'100));
  REQUIRE(f.written().size() == 1);
  CHECK(f.written()[0].by == "flush-d0");
}

TEST_CASE("the forker ends a thread that was idle for five minutes, when it looks", "[writeback]") {
  Bdi2639 f;
  f.dirty_at(seconds(1));                  // the forker wakes at 6 s; written at 31 s
  CHECK(f.threads_at(seconds(307)) == 1);  // it looked at 306 s
  CHECK(f.threads_at(seconds(605)) == 1);
  CHECK(f.threads_at(seconds(607)) == 0);
  f.dirty_at(seconds(700));
  CHECK(f.threads_at(seconds(705) + kSlack) == 1);
}

TEST_CASE("background write-back of 2.6.39 is no item of work", "[writeback]") {
  Scenario s = plain_scenario("2.6.39");
  s.vm.dirty_background_bytes = kPageSize;
  Bdi2639 f(s);
  f.slow_inodes.front().takes = milliseconds(100);
  f.inode().i_size = 10 * kPageSize;
  f.at(milliseconds(10), [&] {
    mark_inode_dirty(f.vfs, f.inode(), I_DIRTY_SYNC);
    f.dirty_pages(f.inode(), 0, 10);
    f.flusher->start_background_writeback(f.bdi(0));
    f.flusher->start_background_writeback(f.bdi(0));
  });
  f.run_until(milliseconds(50));
  CHECK(f.flusher->writeback_in_progress(f.bdi(0)));
  f.run_until(seconds(1));
  CHECK_FALSE(f.flusher->writeback_in_progress(f.bdi(0)));
  CHECK(f.log.works_because(WriteReason::kBackground).size() == 1);
  CHECK(f.cache.counters().nr_written == Pages(10));
}

TEST_CASE("background write-back gives way to a sync", "[writeback]") {
  Scenario s = plain_scenario("2.6.39");
  s.vm.dirty_background_bytes = kPageSize;
  s.devices[0].queue.max_sectors_kb = 4;  // 141 us a page
  Bdi2639 f(s);
  TaskStruct task("sync");
  TimePoint synced{};
  const auto sync = [](Bdi2639& bdi, TaskStruct& who, TimePoint& when) -> Task<> {
    co_await bdi.sim.delay_until(TimePoint(milliseconds(20)));
    static_cast<void>(co_await bdi.flusher->sync(who));
    when = bdi.sim.now();
  };
  f.at(milliseconds(10), [&] {
    f.dirty_pages(f.file(0), 0, 4000);
    f.flusher->start_background_writeback(f.bdi(0));
  });
  f.sim.spawn("sync", sync(f, task, synced), ProcessKind::kDaemon);
  f.run_until(seconds(2));
  CHECK(synced > TimePoint(milliseconds(560)));
  CHECK(synced < TimePoint(milliseconds(600)));
  REQUIRE(f.log.works_because(WriteReason::kBackground).size() == 1);
  CHECK(f.log.works_because(WriteReason::kBackground)[0].written == Pages(1024));
}

}  // namespace
}  // namespace wbsim
