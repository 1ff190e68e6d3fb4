// The flusher threads of 2.6.32: one per device, made by a forker, ended when idle.
#include <algorithm>
#include <catch2/catch.hpp>

#include "tests/support/machine_fixture.hpp"
#include "tests/support/print_units.hpp"

namespace wbsim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct Bdi : MachineFixture {
  explicit Bdi(const Scenario& s) : MachineFixture(s) {
    for (std::size_t disk = 0; disk < disks.size(); ++disk)
      mount_slow_inodes(disk).add();
    start_flusher();
  }
  SlowInodes& slow(std::size_t disk) { return slow_inodes.at(disk); }
  void dirty_at(Duration when, std::size_t disk) {
    at(when, [this, disk] { mark_inode_dirty(vfs, *slow(disk).s_inodes.front(), I_DIRTY_SYNC); });
  }
  void background_at(Duration when, std::size_t disk) {
    at(when, [this, disk] { flusher->start_background_writeback(bdi(disk)); });
  }
  int threads_at(Duration when) {
    run_until(when);
    return flusher->threads();
  }
};

Scenario plain(int disks = 1) {
  return plain_scenario("2.6.32", disks);
}

// A device on which a thread waits already.
Scenario with_threads(int disks = 1) {
  Scenario s = plain(disks);
  s.run.flusher_threads_at_start = true;
  return s;
}

TEST_CASE("a dirtied device gets its thread at the next tick of the forker", "[writeback]") {
  Bdi f(plain(2));
  f.dirty_at(milliseconds(7200), 1);
  CHECK(f.threads_at(milliseconds(9999)) == 0);
  CHECK(f.threads_at(seconds(10)) == 1);
  f.dirty_at(milliseconds(10'001), 0);
  CHECK(f.threads_at(milliseconds(14'999)) == 1);
  CHECK(f.threads_at(seconds(15)) == 2);
  CHECK(f.flusher->kind() == TaskRole::kFlusher);
}

TEST_CASE("the forker ticks from where the scenario says", "[writeback]") {
  Scenario s = plain();
  s.run.periodic_start = milliseconds(1500);
  Bdi f(s);
  f.dirty_at(milliseconds(2000), 0);
  CHECK(f.threads_at(milliseconds(6499)) == 0);
  CHECK(f.threads_at(milliseconds(6500)) == 1);
}

TEST_CASE("work for a device without a thread wakes the forker after a grace period",
          "[writeback]") {
  Scenario s = plain();
  s.vm.dirty_background_ratio = 0;
  Bdi f(s);
  f.dirty_at(milliseconds(1000), 0);
  f.background_at(milliseconds(1200), 0);
  const Duration two_ticks = f.vfs.ticks.tick() * 2;
  CHECK(f.threads_at(milliseconds(1200) + two_ticks - Duration(1)) == 0);
  CHECK(f.threads_at(milliseconds(1200) + two_ticks) == 1);
  REQUIRE(f.slow(0).written.size() == 1);
  CHECK(f.slow(0).written[0].when == TimePoint(milliseconds(1200) + two_ticks));
  CHECK(f.slow(0).written[0].by == "flush-d0");
}

TEST_CASE("bdi 9.4: a thread ends when it wakes up later than five minutes after its last work",
          "[writeback]") {
  Bdi f(with_threads());
  CHECK(f.threads_at(seconds(300)) == 1);
  CHECK(f.threads_at(milliseconds(304'999)) == 1);
  CHECK(f.threads_at(seconds(305)) == 0);
}

TEST_CASE("work puts off the end of a thread, and it comes back when needed", "[writeback]") {
  Bdi f(with_threads());
  f.at(seconds(100), [&] { f.dirty_pages(f.file(0), 0, 10); });  // written at 130 s
  CHECK(f.threads_at(milliseconds(434'999)) == 1);
  CHECK(f.cache.counters().nr_written == Pages(10));
  CHECK(f.threads_at(seconds(435)) == 0);
  f.dirty_at(seconds(441), 0);
  CHECK(f.threads_at(milliseconds(444'999)) == 0);
  CHECK(f.threads_at(seconds(445)) == 1);
}

TEST_CASE("with the interval 0 a thread neither looks for old data nor ends", "[writeback]") {
  Scenario s = with_threads();
  s.vm.dirty_writeback_centisecs = 0;
  Bdi f(s);
  f.dirty_at(seconds(1), 0);
  CHECK(f.threads_at(seconds(1000)) == 1);
  CHECK(f.slow(0).written.empty());
}

TEST_CASE("a thread writes by age every five seconds", "[writeback]") {
  struct Row {
    Duration dirtied, written;
  };
  const Row row = GENERATE(values<Row>({{seconds(10), seconds(40)},
                                        {milliseconds(10'001), seconds(45)},
                                        {milliseconds(14'999), seconds(45)}}));
  Bdi f(with_threads());
  f.dirty_at(row.dirtied, 0);
  f.run_until(seconds(60));
  REQUIRE(f.slow(0).written.size() == 1);
  CHECK(f.slow(0).written[0].when == TimePoint(row.written));
}

// gen-2.6.32-bdi section 3.
TEST_CASE("background work is off the list before it runs: a second one queues behind it",
          "[writeback]") {
  Scenario s = with_threads();
  s.vm.dirty_background_ratio = 0;
  Bdi f(s);
  f.slow(0).takes = milliseconds(100);
  f.dirty_at(milliseconds(10), 0);
  f.background_at(milliseconds(10), 0);
  f.run_until(milliseconds(50));
  CHECK(f.slow(0).written.size() == 1);
  CHECK_FALSE(f.flusher->writeback_in_progress(f.bdi(0)));
  f.background_at(milliseconds(60), 0);
  f.background_at(milliseconds(70), 0);
  f.run_until(milliseconds(100));
  CHECK(f.flusher->writeback_in_progress(f.bdi(0)));
  f.run_until(milliseconds(111));
  CHECK_FALSE(f.flusher->writeback_in_progress(f.bdi(0)));
  CHECK(f.log.works_because(WriteReason::kBackground).size() == 3);
}

namespace {
Task<> sync_and_check(Flusher& flusher, TaskStruct& task) {
  const Errno result = co_await flusher.sync(task);
  REQUIRE(result == Errno::kOk);
}
}  // namespace

TEST_CASE("the work of sync stays on the list while it runs", "[writeback]") {
  Bdi f(with_threads());
  f.slow(0).takes = milliseconds(100);
  f.dirty_at(milliseconds(10), 0);
  TaskStruct task("sync");
  f.at(milliseconds(20), [&] { f.sim.spawn("sync", sync_and_check(*f.flusher, task)); });
  f.run_until(milliseconds(50));
  CHECK(f.flusher->writeback_in_progress(f.bdi(0)));
  f.run_until(milliseconds(500));
  CHECK_FALSE(f.flusher->writeback_in_progress(f.bdi(0)));
  CHECK(f.slow(0).written.size() == 1);
}

// gen-2.6.32-bdi pitfall 1.
TEST_CASE("background work stops at the global limit, whosever the pages are", "[writeback]") {
  Scenario s = with_threads(2);
  s.vm.dirty_writeback_centisecs = 0;
  s.vm.dirty_background_bytes = 1000 * kPageSize;
  s.vm.dirty_bytes = 12'000 * kPageSize;
  for (FilesystemConfig& fs : s.filesystems)
    fs.files[0].size = Bytes(32 << 20);
  Bdi f(s);
  f.run_until(milliseconds(1));
  f.dirty_pages(f.file(0), 0, 1500);
  f.dirty_pages(f.file(1), 0, 5000);
  f.background_at(milliseconds(10), 0);
  f.run_until(seconds(10));
  CHECK(f.bdi(0).reclaimable.sum() == Pages(0));  // those of the other disk keep it going
  f.background_at(seconds(11), 1);
  f.run_until(seconds(20));
  CHECK(f.bdi(1).reclaimable.sum() == Pages(5000 - 4 * 1024));
  const auto works = f.log.works_because(WriteReason::kBackground);
  REQUIRE(works.size() == 2);
  CHECK(works[0].written == Pages(1500));
  CHECK(works[1].written == Pages(4096));
}

TEST_CASE("background work goes on at exactly the limit", "[writeback]") {
  Scenario s = with_threads();
  s.vm.dirty_writeback_centisecs = 0;
  s.vm.dirty_background_bytes = 1000 * kPageSize;
  Bdi f(s);
  f.run_until(milliseconds(1));
  f.dirty_pages(f.file(0), 0, 999);
  f.background_at(milliseconds(10), 0);
  f.run_until(seconds(1));
  CHECK(f.bdi(0).reclaimable.sum() == Pages(999));
  f.dirty_pages(f.file(0), 999, 1);
  f.background_at(seconds(2), 0);
  f.run_until(seconds(3));
  CHECK(f.bdi(0).reclaimable.sum() == Pages(0));
}

// gen-2.6.32-bdi pitfall 2: each device's pass counts the dirty pages of all of them.
TEST_CASE("every device's periodic pass begins when anything is dirty anywhere", "[writeback]") {
  Bdi f(with_threads(2));
  f.at(seconds(1), [&] { f.dirty_pages(f.file(0), 0, 10); });
  f.run_until(seconds(6));
  const auto works = f.log.works_because(WriteReason::kPeriodic);
  for (const char* thread : {"flush-d0", "flush-d1"})
    CHECK(std::any_of(works.begin(), works.end(), [&](const WorkRecord& work) {
      return work.thread == thread && work.start == seconds(5);
    }));
}

TEST_CASE("the periodic pass writes all of an old file in rounds", "[writeback]") {
  Bdi f(with_threads());
  f.at(seconds(1), [&] { f.dirty_pages(f.file(0), 0, 2500); });
  f.run_until(seconds(40));
  CHECK(f.cache.counters().nr_file_dirty == Pages(0));
  const auto works = f.log.works_because(WriteReason::kPeriodic);
  const auto wrote = std::find_if(works.begin(), works.end(),
                                  [](const WorkRecord& work) { return work.written > Pages(0); });
  REQUIRE(wrote != works.end());
  CHECK(wrote->start == seconds(35));
  CHECK(wrote->written == Pages(2500));
}

TEST_CASE("a work that finds its inode in other hands waits for it and goes on", "[writeback]") {
  Scenario s = with_threads();
  s.vm.dirty_background_ratio = 0;
  Bdi f(s);
  f.slow(0).takes = milliseconds(100);
  f.dirty_at(milliseconds(10), 0);
  TaskStruct writer("writer");
  WritebackControl wbc;
  wbc.bdi = &f.bdi(0);
  wbc.nr_to_write = 1024;
  f.at(milliseconds(10), [&] {
    f.sim.spawn("writer", f.flusher->writeback_inodes(wbc, writer), ProcessKind::kDaemon);
  });
  f.background_at(milliseconds(20), 0);
  f.dirty_at(milliseconds(50), 0);  // again, so that the work has something left
  f.run_until(seconds(1));
  REQUIRE(f.slow(0).written.size() == 2);
  CHECK(f.slow(0).written[0].by == "writer");
  CHECK(f.slow(0).written[1].by == "flush-d0");
  CHECK(f.slow(0).written[1].when == TimePoint(milliseconds(110)));
}

// With the inode rule of 2.6.24 such an inode is requeued, and the thread would look at it for
// ever.
TEST_CASE("a periodic pass that can write nothing ends", "[writeback]") {
  Scenario s = plain_scenario("2.6.24");
  s.kernel.flusher = "bdi";
  s.run.flusher_threads_at_start = true;
  s.devices[0].fixed.overhead = seconds(100'000);
  Bdi f(s);
  TaskStruct writer("writer");
  WritebackControl wbc;
  wbc.bdi = &f.bdi(0);
  wbc.nr_to_write = 100;
  f.at(seconds(1), [&] {
    f.dirty_pages(f.file(0), 0, 100);
    f.sim.spawn("writer", f.flusher->writeback_inodes(wbc, writer), ProcessKind::kDaemon);
  });
  f.at(seconds(2), [&] { f.dirty_pages(f.file(0), 0, 100); });
  f.run_until(seconds(50));
  CHECK(f.cache.counters().nr_writeback == Pages(100));
  CHECK(f.cache.counters().nr_file_dirty == Pages(100));
  const auto works = f.log.works_because(WriteReason::kPeriodic);
  REQUIRE_FALSE(works.empty());
  CHECK(works.back().start >= seconds(45));
}

TEST_CASE("a throttled writer sees only the inodes of its device", "[writeback]") {
  Bdi f(plain(2));
  f.dirty_at(milliseconds(10), 0);
  f.dirty_at(milliseconds(10), 1);
  TaskStruct writer("writer");
  WritebackControl wbc;
  wbc.bdi = &f.bdi(1);
  wbc.nr_to_write = 1024;
  f.at(milliseconds(20), [&] {
    f.sim.spawn("writer", f.flusher->writeback_inodes(wbc, writer), ProcessKind::kDaemon);
  });
  f.run_until(milliseconds(30));
  CHECK(f.slow(0).written.empty());
  CHECK(f.slow(1).written.size() == 1);
  CHECK(f.bdi(0).dirty_inodes[DirtyInodeLists::kDirty] == 1);
  CHECK(f.bdi(1).dirty_inodes[DirtyInodeLists::kDirty] == 0);
}

}  // namespace
}  // namespace wbsim
