// Times that are put off: which inode waits on b_dirty_time, and what makes it be written.
#include <catch2/catch.hpp>

#include "tests/support/machine_fixture.hpp"
#include "tests/support/print_units.hpp"

namespace wbsim {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

struct LazyTest : MachineFixture {
  explicit LazyTest(Duration uptime = Duration(0)) : MachineFixture(plain_scenario("6.1")) {
    sb.lazytime = true;
    sb.atime = AtimeMode::kStrictatime;
    start_flusher();
    at(uptime + milliseconds(1), [this] { file_accessed(vfs, inode); });
  }
  void call(Duration when, Task<Errno> what) {
    sim.spawn("call", later(sim, TimePoint(when), std::move(what)), ProcessKind::kDaemon);
  }
  static Task<> later(Simulator& sim, TimePoint when, Task<Errno> what) {
    co_await sim.delay_until(when);
    const Errno result = co_await std::move(what);
    CHECK(result == Errno::kOk);
  }
  int on(DirtyInodeLists::Which which) { return bdi(0).dirty_inodes[which]; }
  bool times_only() const { return (inode.i_state & I_DIRTY_ALL) == I_DIRTY_TIME; }

  SlowInodes& sb = mount_slow_inodes(0);
  Inode& inode = sb.add();
  File open{.f_inode = &inode};
  TaskStruct task{"task"};
};

TEST_CASE("worked example 10.7: an access time alone waits for 12 hours", "[writeback]") {
  LazyTest f;
  f.run_until(hours(12));
  CHECK(f.sb.written.empty());
  CHECK(f.log.works.empty());  // b_dirty_time wakes nobody
  CHECK(f.on(DirtyInodeLists::kDirtyTime) == 1);
  CHECK(f.times_only());
  // The pass over such inodes comes 12 hours after boot, and so late as the timer wheel is coarse.
  f.run_until(hours(13));
  REQUIRE(f.sb.written.size() == 1);
  CHECK(f.inode.i_state == 0);
  CHECK(f.on(DirtyInodeLists::kDirtyTime) == 0);
}

TEST_CASE("worked example 10.7: sync(2) writes it with the inode", "[writeback]") {
  Scenario s = plain_scenario("6.1");
  s.filesystems[0].metadata = MetadataMode::kPinned;
  s.filesystems[0].atime = AtimeMode::kStrictatime;
  s.filesystems[0].lazytime = true;
  MachineFixture f(s);
  f.start_flusher();
  TaskStruct task("sync");
  f.at(milliseconds(1), [&f] { file_accessed(f.vfs, f.file(0)); });
  f.sim.spawn("sync", LazyTest::later(f.sim, TimePoint(seconds(100)), f.flusher->sync(task)),
              ProcessKind::kDaemon);
  f.run_until(seconds(99));
  CHECK(f.cache.counters().nr_dirtied == Pages(0));
  f.run_until(seconds(101));
  CHECK(f.cache.counters().nr_written == Pages(1));  // of the inode table
  CHECK(f.file(0).i_state == 0);
}

TEST_CASE("worked example 10.7: a write turns it into an inode that is 30 s old at 230 s",
          "[writeback]") {
  LazyTest f;
  f.at(seconds(200), [&f] { mark_inode_dirty(f.vfs, f.inode, I_DIRTY_DATASYNC); });
  f.run_until(seconds(201));
  CHECK(f.inode.i_state == I_DIRTY_DATASYNC);  // which absorbs the time
  CHECK(f.inode.dirtied_when == Jiffies(200'000));
  CHECK(f.on(DirtyInodeLists::kDirty) == 1);
  CHECK(f.on(DirtyInodeLists::kDirtyTime) == 0);
  f.run_until(seconds(230));
  CHECK(f.sb.written.empty());
  f.run_until(seconds(236));
  CHECK(f.sb.written.size() == 1);
}

TEST_CASE("dirty pages go without the inode, whose times go on waiting", "[writeback]") {
  Scenario s = plain_scenario("6.1");
  s.filesystems[0].metadata = MetadataMode::kPinned;
  s.filesystems[0].lazytime = true;
  MachineFixture f(s);
  f.start_flusher();
  Inode& inode = f.file(0);
  f.at(seconds(1), [&] {
    file_update_time(f.vfs, inode);
    f.dirty_pages(inode, 0, 10);
  });
  f.run_until(seconds(2));
  CHECK(inode.i_state == (I_DIRTY_TIME | I_DIRTY_PAGES));
  CHECK(f.bdi(0).dirty_inodes[DirtyInodeLists::kDirty] == 1);
  f.run_until(seconds(40));
  CHECK(f.cache.counters().nr_written == Pages(10));
  CHECK(inode.i_state == I_DIRTY_TIME);
  CHECK(f.bdi(0).dirty_inodes[DirtyInodeLists::kDirtyTime] == 1);
  CHECK(inode.dirtied_when > inode.dirtied_time_when);
}

TEST_CASE("fsync(2) writes the times, fdatasync(2) leaves them", "[writeback]") {
  LazyTest f;
  f.call(seconds(1), vfs_fsync(f.context, f.open, SyncWhat::kFdatasync, f.task));
  f.run_until(seconds(2));
  CHECK(f.sb.written.empty());
  CHECK(f.times_only());
  f.call(seconds(3), vfs_fsync(f.context, f.open, SyncWhat::kFsync, f.task));
  f.run_until(seconds(4));
  CHECK(f.sb.written.size() == 1);
  CHECK(f.inode.i_state == 0);
}

TEST_CASE("an inode that is dirty itself needs no mark for its times", "[writeback]") {
  LazyTest f;
  mark_inode_dirty(f.vfs, f.inode, I_DIRTY_SYNC);
  f.run_until(seconds(1));
  CHECK(f.inode.i_state == I_DIRTY_SYNC);
}

TEST_CASE("relatime dates an inode that was written since, or is a day behind", "[fs]") {
  const auto [kernel, daily] =
      GENERATE(table<std::string, bool>({{"2.6.24", false}, {"2.6.32", true}, {"6.1", true}}));
  Scenario s = plain_scenario(kernel);
  s.filesystems[0].metadata = MetadataMode::kPinned;
  s.filesystems[0].atime = AtimeMode::kRelatime;
  MachineFixture f(s);
  f.start_flusher();
  Inode& inode = f.file(0);
  const auto read_at = [&](Duration when) {
    f.at(when, [&] { file_accessed(f.vfs, inode); });
    f.run_until(when);
    return inode.i_atime;
  };
  CHECK(read_at(seconds(10)) == seconds(10));
  CHECK(read_at(seconds(20)) == seconds(10));
  f.at(seconds(30), [&] { file_update_time(f.vfs, inode); });
  CHECK(read_at(seconds(40)) == seconds(40));
  CHECK(read_at(seconds(50)) == seconds(40));
  CHECK(read_at(seconds(39) + hours(24)) == seconds(40));
  const Duration day_later = seconds(40) + hours(24);
  CHECK(read_at(day_later) == (daily ? day_later : Duration(seconds(40))));
}

}  // namespace
}  // namespace wbsim
