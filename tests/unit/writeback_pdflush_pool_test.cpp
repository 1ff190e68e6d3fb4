// The pdflush pool: who takes a job, when threads are made and when they end.
#include <algorithm>
#include <catch2/catch.hpp>

#include "tests/support/machine_fixture.hpp"
#include "tests/support/print_units.hpp"

namespace wbsim {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Disks with one inode each that takes a while to write: a job is busy as long as that.
struct Pool : MachineFixture {
  explicit Pool(int disk_count) : Pool(scenario(disk_count)) {}
  explicit Pool(const Scenario& s) : MachineFixture(s) {
    for (std::size_t i = 0; i < s.devices.size(); ++i)
      mount_slow_inodes(i).add();
    start_flusher();
    run_until(milliseconds(1));
  }
  static Scenario scenario(int disk_count, const char* kernel = "2.6.31") {
    Scenario s = plain_scenario(kernel, disk_count);
    s.vm.dirty_writeback_centisecs = 0;
    s.vm.dirty_background_ratio = 0;  // background jobs run with no page dirty
    return s;
  }
  SlowInodes& slow(std::size_t disk) { return slow_inodes.at(disk); }
  // A job that keeps one thread busy for `takes`, on a disk of which nothing else is dirty.
  void job(Duration when, std::size_t disk, Duration takes) {
    at(when, [this, disk, takes] {
      slow(disk).takes = takes;
      mark_inode_dirty(vfs, *slow(disk).s_inodes.front(), I_DIRTY_SYNC);
      flusher->start_background_writeback(bdi(disk));
    });
  }
  int threads_at(Duration when) {
    run_until(when);
    return flusher->threads();
  }
};

TEST_CASE("the pool begins with two threads", "[writeback]") {
  Pool f(1);
  CHECK(f.flusher->threads() == 2);
  CHECK(f.flusher->kind() == TaskRole::kPdflush);
}

TEST_CASE("pdflush 9.9: a thread is made when the pool was empty for more than a second",
          "[writeback]") {
  Pool f(3);
  f.job(milliseconds(10), 0, seconds(100));
  SECTION("a job that ends before that makes none") {
    f.job(milliseconds(10), 1, milliseconds(800));
    CHECK(f.threads_at(seconds(5)) == 2);
  }
  SECTION("nor one that ends after exactly a second") {
    f.job(milliseconds(10), 1, seconds(1));
    CHECK(f.threads_at(seconds(5)) == 2);
  }
  SECTION("one that ends later does") {
    f.job(milliseconds(10), 1, milliseconds(1490));
    CHECK(f.threads_at(milliseconds(1499)) == 2);
    CHECK(f.threads_at(milliseconds(1501)) == 3);
    CHECK(f.threads_at(seconds(90)) == 3);  // threads end only after a job
  }
  SECTION("the clock begins when the pool was emptied last") {
    f.job(milliseconds(10), 1, milliseconds(790));
    f.job(milliseconds(1200), 1, milliseconds(300));
    CHECK(f.threads_at(seconds(5)) == 2);
  }
}

// Each sleeps until its new thread has run, and finds nobody idle. 2.6.31 begins to count the
// second anew with the first of them.
TEST_CASE("two threads that end together make one each up to 2.6.24", "[writeback]") {
  const char* kernel = GENERATE("2.6.24", "2.6.31");
  Scenario s = Pool::scenario(2, kernel);
  s.cpu.costs.context_switch = microseconds(5);
  Pool f(s);
  f.job(milliseconds(10), 0, seconds(2));
  f.job(milliseconds(10), 1, seconds(2) + microseconds(1));
  CHECK(f.threads_at(seconds(2)) == 2);
  CHECK(f.threads_at(seconds(3)) == (std::string_view(kernel) == "2.6.24" ? 4 : 3));
}

TEST_CASE("the thread that slept last takes the next job", "[writeback]") {
  Pool f(2);
  f.job(milliseconds(10), 0, milliseconds(100));
  f.job(milliseconds(10), 1, milliseconds(200));
  f.job(milliseconds(300), 0, milliseconds(10));
  f.job(milliseconds(400), 0, milliseconds(10));
  f.run_until(seconds(1));
  REQUIRE(f.slow(0).written.size() == 3);
  REQUIRE(f.slow(1).written.size() == 1);
  CHECK(f.slow(0).written[0].by != f.slow(1).written[0].by);
  CHECK(f.slow(0).written[1].by == f.slow(1).written[0].by);
  CHECK(f.slow(0).written[2].by == f.slow(1).written[0].by);
}

TEST_CASE("a job that finds no idle thread is lost", "[writeback]") {
  Pool f(3);
  f.job(milliseconds(10), 0, milliseconds(500));
  f.job(milliseconds(10), 1, milliseconds(500));
  f.job(milliseconds(100), 2, milliseconds(1));
  f.run_until(seconds(60));
  CHECK(f.slow(2).written.empty());
  CHECK(f.slow(2).s_inodes.front()->dirty_lists != nullptr);
}

// The sleeper's stamp is renewed, which limits the exits to one a second.
TEST_CASE("the thread that has finished a job ends when another slept for over a second",
          "[writeback]") {
  Pool f(3);
  f.job(milliseconds(10), 0, seconds(100));
  f.job(milliseconds(10), 2, milliseconds(1500));  // makes the third thread at 1.51 s
  f.job(milliseconds(1600), 2, milliseconds(2000));
  f.job(milliseconds(1600), 1, milliseconds(2900));
  CHECK(f.threads_at(milliseconds(3599)) == 3);
  CHECK(f.threads_at(milliseconds(3601)) == 4);  // 2 s empty
  CHECK(f.threads_at(milliseconds(4600)) == 4);  // the longest sleeper has slept 0.9 s
  f.job(milliseconds(6000), 1, milliseconds(10));
  CHECK(f.threads_at(milliseconds(6009)) == 4);
  CHECK(f.threads_at(milliseconds(6011)) == 3);
  f.job(milliseconds(6500), 1, milliseconds(10));
  CHECK(f.threads_at(milliseconds(7000)) == 3);
  f.job(milliseconds(7200), 1, milliseconds(10));
  CHECK(f.threads_at(milliseconds(7211)) == 2);
  f.job(milliseconds(20'000), 1, milliseconds(10));
  CHECK(f.threads_at(milliseconds(21'000)) == 2);  // two always stay
  const auto& written = f.slow(1).written;
  REQUIRE(written.size() == 5);
  CHECK(written[1].by != written[2].by);  // the first of these ended,
  CHECK(written[2].by == written[3].by);  // the second did not
  CHECK(written[3].by != written[4].by);
}

TEST_CASE("there are never more than eight threads", "[writeback]") {
  Pool f(10);
  int most = 0;
  for (int i = 1; i < 600; ++i) {
    f.job(milliseconds(100) * i, static_cast<std::size_t>(i % 10), milliseconds(1300));
    f.run_until(milliseconds(100) * i + milliseconds(1));
    most = std::max(most, f.flusher->threads());
    REQUIRE(f.flusher->threads() >= 2);
  }
  CHECK(most == 8);
}

TEST_CASE("two pdflush threads do not work on one device", "[writeback]") {
  Pool f(2);
  f.slow(1).takes = milliseconds(100);
  for (int i = 0; i < 3; ++i)
    mark_inode_dirty(f.vfs, f.slow(1).add(), I_DIRTY_SYNC);
  f.at(milliseconds(10), [&] { f.flusher->start_background_writeback(f.bdi(1)); });
  f.job(milliseconds(20), 0, milliseconds(1));
  CHECK_FALSE(f.flusher->writeback_in_progress(f.bdi(1)));
  f.run_until(milliseconds(50));
  CHECK(f.flusher->writeback_in_progress(f.bdi(1)));
  CHECK(f.slow(0).written.size() == 1);  // the second thread found something else to do
  f.run_until(seconds(10));
  CHECK_FALSE(f.flusher->writeback_in_progress(f.bdi(1)));
  REQUIRE(f.slow(1).written.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(f.slow(1).written[i].by == f.slow(1).written[0].by);
    CHECK(f.slow(1).written[i].when == TimePoint(milliseconds(10 + 100 * i)));
  }
  CHECK(f.slow(0).written[0].by != f.slow(1).written[0].by);
}

TEST_CASE("a writer works on a device that a pdflush thread owns", "[writeback]") {
  Pool f(1);
  f.slow(0).takes = milliseconds(100);
  mark_inode_dirty(f.vfs, *f.slow(0).s_inodes.front(), I_DIRTY_SYNC);
  mark_inode_dirty(f.vfs, f.slow(0).add(), I_DIRTY_SYNC);
  f.at(milliseconds(10), [&] { f.flusher->start_background_writeback(f.bdi(0)); });
  TaskStruct writer("writer");
  WritebackControl wbc;
  wbc.bdi = &f.bdi(0);
  wbc.nr_to_write = 1024;
  f.at(milliseconds(20), [&] {
    f.sim.spawn("writer", f.flusher->writeback_inodes(wbc, writer), ProcessKind::kDaemon);
  });
  f.run_until(seconds(1));
  REQUIRE(f.slow(0).written.size() == 2);
  CHECK(f.slow(0).written[1].by == "writer");
  CHECK(f.slow(0).written[1].when == TimePoint(milliseconds(20)));
}

}  // namespace
}  // namespace wbsim
