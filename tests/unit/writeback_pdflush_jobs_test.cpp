// What pdflush threads do: background_writeout() and wb_kupdate().
#include <algorithm>
#include <catch2/catch.hpp>
#include <string_view>

#include "tests/support/machine_fixture.hpp"
#include "tests/support/print_units.hpp"

namespace wbsim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr const char* kPdflushKernels[] = {"2.6.18", "2.6.24", "2.6.31"};

std::string_view some_kernel() {
  return GENERATE(from_range(std::begin(kPdflushKernels), std::end(kPdflushKernels)));
}

Scenario no_periodic(std::string_view kernel, int disks = 1) {
  Scenario s = plain_scenario(std::string(kernel), disks);
  s.vm.dirty_writeback_centisecs = 0;
  s.vm.dirty_background_ratio = 10;
  s.vm.dirty_ratio = 50;
  return s;
}

TEST_CASE("background_writeout stops below the background limit", "[writeback]") {
  MachineFixture f(no_periodic(some_kernel()));
  f.start_flusher();
  f.run_until(milliseconds(1));
  f.dirty_pages(f.file(0), 0, 4000);
  f.flusher->start_background_writeback(f.bdi(0));
  f.run_until(seconds(60));
  // Rounds of 1024: before 2.6.31 each is rounded up to a batch of 14.
  const std::int64_t round = f.row.name != "2.6.31" ? 1036 : 1024;
  const std::int64_t left = f.cache.counters().nr_file_dirty.count();
  CHECK((4000 - left) % round == 0);
  CHECK(left < f.context.dirty_limits().background.count());
  CHECK(left + round >= f.context.dirty_limits().background.count());
  REQUIRE(f.log.works.size() == 1);
  CHECK(f.log.works[0].reason == WriteReason::kBackground);
  CHECK(f.log.works[0].written.count() == 4000 - left);
}

TEST_CASE("background_writeout does nothing below the background limit", "[writeback]") {
  Scenario s = no_periodic("2.6.31");
  s.vm.dirty_background_bytes = 1000 * kPageSize;
  MachineFixture f(s);
  f.start_flusher();
  f.run_until(milliseconds(1));
  f.dirty_pages(f.file(0), 0, 999);
  f.flusher->start_background_writeback(f.bdi(0));
  f.run_until(seconds(60));
  CHECK(f.cache.counters().nr_file_dirty == Pages(999));
  f.dirty_pages(f.file(0), 999, 1);  // at the limit it works: strictly less is needed
  f.flusher->start_background_writeback(f.bdi(0));
  f.run_until(seconds(120));
  CHECK(f.cache.counters().nr_file_dirty == Pages(0));
}

// gen-2.6-pdflush pitfall 1.
TEST_CASE("background_writeout gives up when it wrote less than asked without congestion",
          "[writeback]") {
  MachineFixture f(no_periodic(some_kernel()));
  f.start_flusher();
  f.run_until(milliseconds(1));
  f.dirty_pages(f.file(0), 0, 2000);
  f.bdi(0).pdflush_owner = true;  // another thread is at it
  f.flusher->start_background_writeback(f.bdi(0));
  f.run_until(seconds(3));
  CHECK(f.cache.counters().nr_file_dirty == Pages(2000));
  REQUIRE(f.log.works.size() == 1);
  const Duration waited = f.log.works[0].end - f.log.works[0].start;
  // Before 2.6.31 it waits before it looks whether there was any congestion.
  CHECK(waited == (f.row.name != "2.6.31" ? milliseconds(100) : milliseconds(0)));
}

// Every other page: nothing merges.
void dirty_scattered(MachineFixture& f, Inode& inode, PageIndex count) {
  for (PageIndex i = 0; i < count; ++i)
    f.dirty_pages(inode, 2 * i, 1);
}

TEST_CASE("background_writeout does not sleep for requests, it waits for the congestion to end",
          "[writeback]") {
  Scenario s = no_periodic(some_kernel());
  s.filesystems[0].files[0].size = Bytes(64 << 20);
  MachineFixture f(s);
  f.start_flusher();
  f.run_until(milliseconds(1));
  dirty_scattered(f, f.file(0), 4000);
  f.flusher->start_background_writeback(f.bdi(0));
  f.run_until(seconds(60));
  int most = 0;
  for (const RequestRecord& request : f.log.requests)
    most = std::max(most, request.allocated);
  // It looks after each page, but before 2.6.31 it finishes its batch of 14.
  CHECK(most >= 113);
  CHECK(most <= (f.row.name != "2.6.31" ? 113 + 13 : 113));
  CHECK(f.cache.counters().nr_file_dirty < f.context.dirty_limits().background);
}

TEST_CASE("a congested block device does not hide the others of its superblock", "[writeback]") {
  Scenario s = no_periodic(some_kernel(), 2);
  s.vm.dirty_background_ratio = 0;
  s.devices[0].queue.nr_requests = 4;
  s.devices[0].fixed.overhead = seconds(1);
  MachineFixture f(s);
  f.start_flusher();
  f.run_until(milliseconds(1));
  dirty_scattered(f, f.raw(0), 100);
  TaskStruct writer("writer");
  WritebackControl wbc;
  wbc.bdi = &f.bdi(0);
  wbc.nr_to_write = 100;
  f.sim.spawn("writer", f.flusher->writeback_inodes(wbc, writer), ProcessKind::kDaemon);
  f.run_until(milliseconds(2));
  REQUIRE(f.bdi(0).queue->write_congested());
  f.dirty_pages(f.raw(1), 0, 100);
  f.flusher->start_background_writeback(f.bdi(1));
  f.run_until(milliseconds(50));
  CHECK(f.bdi(1).written.sum() == Pages(100));
}

TEST_CASE("the most recently mounted file system is served first", "[writeback]") {
  Scenario s = no_periodic(some_kernel(), 3);
  s.vm.dirty_background_ratio = 0;
  MachineFixture f(s);
  for (std::size_t disk : {1, 0, 2})
    f.mount_slow_inodes(disk).add();
  f.start_flusher();
  f.run_until(milliseconds(1));
  for (SlowInodes& sb : f.slow_inodes) {
    sb.takes = milliseconds(10);
    mark_inode_dirty(f.vfs, *sb.s_inodes.front(), I_DIRTY_SYNC);
  }
  f.flusher->start_background_writeback(f.bdi(0));
  f.run_until(seconds(1));
  for (SlowInodes& sb : f.slow_inodes)
    REQUIRE(sb.written.size() == 1);
  CHECK(f.slow_inodes[2].written[0].when < f.slow_inodes[1].written[0].when);
  CHECK(f.slow_inodes[1].written[0].when < f.slow_inodes[0].written[0].when);
}

struct Kupdate : MachineFixture {
  // The timer of the first wb_kupdate() fires at `first`.
  Kupdate(std::string_view kernel, Duration first) : MachineFixture(scenario(kernel, first)) {
    for (std::size_t disk : {1, 0}) {
      slow = &mount_slow_inodes(disk);
      slow->add();
    }
    start_flusher();
  }
  static Scenario scenario(std::string_view kernel, Duration first) {
    Scenario s = plain_scenario(std::string(kernel), 2);
    s.run.periodic_start = first - seconds(5);
    return s;
  }
  void dirty_at(Duration when, Inode& inode) {
    at(when, [this, &inode] { mark_inode_dirty(vfs, inode, I_DIRTY_SYNC); });
  }
  std::vector<Duration> starts() const {
    std::vector<Duration> result;
    for (const WorkRecord& work : log.works_because(WriteReason::kPeriodic))
      result.push_back(work.start);
    return result;
  }
  SlowInodes* slow;  // on disk 0, mounted last
};

TEST_CASE("pdflush 9.7: wb_kupdate arms its timer at its end", "[writeback]") {
  struct Row {
    Duration takes, next;
  };
  const Row row = GENERATE(values<Row>({{milliseconds(300), seconds(105)},
                                        {milliseconds(4500), milliseconds(105'500)},
                                        {milliseconds(7000), seconds(108)},
                                        {milliseconds(4000), seconds(105)}}));
  Kupdate f(some_kernel(), seconds(100));
  f.slow->takes = row.takes;
  f.dirty_at(seconds(60), *f.slow->s_inodes.front());
  f.run_until(seconds(109));
  REQUIRE(f.slow->written.size() == 1);
  CHECK(f.slow->written[0].when == TimePoint(seconds(100)));
  const std::vector<Duration> starts = f.starts();
  REQUIRE(starts.size() >= 2);
  CHECK(starts[0] == seconds(100));
  CHECK(starts[1] == row.next);
}

TEST_CASE("pdflush 9.7: the timer of wb_kupdate tries again a second later when no thread is idle",
          "[writeback]") {
  Kupdate f(some_kernel(), seconds(5));
  f.context.vm.dirty_background_ratio = 0;
  for (SlowInodes& sb : f.slow_inodes) {
    sb.takes = milliseconds(2500);
    f.dirty_at(seconds(4), *sb.s_inodes.front());
  }
  for (std::size_t disk : {0, 1})
    f.at(seconds(4), [&f, disk] { f.flusher->start_background_writeback(f.bdi(disk)); });
  f.run_until(seconds(13));
  CHECK(f.starts() == std::vector<Duration>{seconds(7), seconds(12)});
}

TEST_CASE("wb_kupdate writes what was dirtied thirty seconds ago, by the first dirtying",
          "[writeback]") {
  Kupdate f(some_kernel(), seconds(5));
  f.dirty_at(milliseconds(9'999), *f.slow->s_inodes.front());
  f.dirty_at(milliseconds(39'000), *f.slow->s_inodes.front());  // dirty already: not moved
  f.dirty_at(milliseconds(10'001), f.slow->add());
  f.run_until(seconds(50));
  REQUIRE(f.slow->written.size() == 2);
  CHECK(f.slow->written[0].ino == 0);
  CHECK(f.slow->written[0].when == TimePoint(seconds(40)));
  CHECK(f.slow->written[1].when == TimePoint(seconds(45)));
}

TEST_CASE("the age wb_kupdate looks for is fixed when it starts", "[writeback]") {
  Kupdate f(some_kernel(), seconds(100));
  f.slow->takes = seconds(4);
  Inode& young = f.slow->add();
  f.dirty_at(seconds(60), *f.slow->s_inodes.front());
  f.at(seconds(60), [&] { f.dirty_pages(f.file(1), 0, 1500); });  // makes a second round
  f.dirty_at(seconds(71), young);
  f.run_until(milliseconds(104'900));
  CHECK(f.slow->written.size() == 1);
  CHECK(f.cache.counters().nr_file_dirty == Pages(0));
  f.run_until(seconds(110));
  REQUIRE(f.slow->written.size() == 2);
  CHECK(f.slow->written[1].ino == young.i_ino);
  CHECK(f.slow->written[1].when >= TimePoint(seconds(105)));
}

TEST_CASE("with the interval 0 nothing is written by age", "[writeback]") {
  MachineFixture f(no_periodic(some_kernel()));
  f.start_flusher();
  f.run_until(milliseconds(1));
  f.dirty_pages(f.file(0), 0, 100);
  f.run_until(seconds(1000));
  CHECK(f.cache.counters().nr_file_dirty == Pages(100));
  CHECK(f.log.works.empty());
}

// gen-2.6-pdflush 5 and pitfall 10: with more_io, and nothing congested, it is a plain sleep.
TEST_CASE("2.6.31 comes back every 100 ms to an inode that somebody else writes", "[writeback]") {
  const bool periodic = GENERATE(false, true);
  Scenario s = plain_scenario("2.6.31");
  s.vm.dirty_expire_centisecs = 100;
  MachineFixture f(s);
  SlowInodes& sb = f.mount_slow_inodes(0);
  Inode& inode = sb.add();
  sb.takes = milliseconds(350);
  f.start_flusher();
  TaskStruct task("fsync");
  const auto fsync = [](MachineFixture& m, Inode& busy, TaskStruct& by, Duration when) -> Task<> {
    co_await m.sim.delay(when);
    WritebackControl wbc;
    wbc.sync_mode = SyncMode::WB_SYNC_ALL;
    const Errno done = co_await writeback_single_inode(m.context, busy, wbc, by);
    CHECK(done == Errno::kOk);
  };
  const Duration start = periodic ? seconds(5) : seconds(2);
  f.at(milliseconds(1), [&] { mark_inode_dirty(f.vfs, inode, I_DIRTY_SYNC); });
  f.sim.spawn("fsync", fsync(f, inode, task, start - milliseconds(100)));
  f.at(start - milliseconds(50), [&] { mark_inode_dirty(f.vfs, inode, I_DIRTY_SYNC); });
  if (!periodic)
    f.at(start, [&] { f.flusher->wakeup_pdflush(Pages(100)); });
  f.run_until(start + seconds(2));
  REQUIRE(sb.written.size() == 2);
  CHECK(sb.written[1].by != "fsync");
  CHECK(sb.written[1].when.time_since_epoch() == start + milliseconds(300));
}

}  // namespace
}  // namespace wbsim
