// What 2.6.18 does otherwise than 2.6.24: one limit for all, two lists of dirty inodes, and the odd
// cases of block_write_full_page().
#include <algorithm>
#include <catch2/catch.hpp>
#include <optional>

#include "models/fs/buffer_io.hpp"
#include "models/fs/page_scan.hpp"
#include "models/kernel.hpp"
#include "models/machine.hpp"
#include "models/writeback/inode_lists.hpp"
#include "models/writeback/single_inode.hpp"
#include "tests/support/fs_buffer_text.hpp"
#include "tests/support/machine_fixture.hpp"
#include "tests/support/print_units.hpp"

namespace wbsim {
namespace {

using Lists = DirtyInodeLists;
using std::chrono::milliseconds;
using std::chrono::seconds;

// gen-2.6-pdflush section 1, buffer-heads 6.6.
TEST_CASE("the rules of 2.6.18", "[machine]") {
  const KernelRow& row = *find_kernel("2.6.18");
  CHECK(row.flusher == "pdflush");
  CHECK(row.throttle == "congestion_wait");
  CHECK(row.dirty_background_ratio == 10);
  CHECK(row.dirty_ratio == 40);
  CHECK_FALSE(row.pdflush.creation_restarts_clock);
  CHECK(row.pdflush.sync_holds_inodes);
  CHECK_FALSE(row.writeback.reports_more_io);
  CHECK(row.fs.page_scan == PageScanRule::k2624);
  CHECK_FALSE(row.fs.map_delay);
  CHECK_FALSE(row.fs.sync_bios);
  CHECK_FALSE(row.queue.split_by_sync);
  CHECK(row.queue.deadline.lowest_sector_restart);
}

// A disk that never finishes, so that the counters stay as the test sets them. The limits are 1638
// and 6553 of the 16384 pages.
struct Throttled : MachineFixture {
  explicit Throttled(int disk_count = 1) : MachineFixture(scenario(disk_count)), writer("writer") {
    start_flusher();
    run_until(milliseconds(100));
  }
  static Scenario scenario(int disk_count) {
    Scenario s = plain_scenario("2.6.18", disk_count);
    s.vm.dirty_writeback_centisecs = 0;
    for (DeviceConfig& device : s.devices)
      device.fixed.overhead = seconds(100'000);
    for (FilesystemConfig& fs : s.filesystems)
      fs.files[0].size = Bytes(64 << 20);
    return s;
  }
  void balance(std::size_t disk) { sim.spawn("writer", body(disk), ProcessKind::kDaemon); }
  Task<> body(std::size_t disk) {
    co_await throttle->balance_dirty_pages(writer, file(disk).i_data);
    left_at = sim.now();
  }
  bool left() const { return left_at != TimePoint(); }

  TaskStruct writer;
  TimePoint left_at{};
};

TEST_CASE("2.6.18 throttles nobody at the limit, and everybody one page above", "[writeback]") {
  Throttled f(2);
  CHECK(f.context.dirty_limits().background == Pages(1638));
  CHECK(f.context.dirty_limits().dirty == Pages(6553));
  f.dirty_pages(f.file(0), 0, 6553);
  f.balance(0);
  f.run_until(milliseconds(101));
  REQUIRE(f.left());
  CHECK_FALSE(f.context.domain.dirty_exceeded);
  f.left_at = {};
  f.dirty_pages(f.file(0), 6553, 1);
  f.balance(1);  // of a disk that nobody has written to
  f.run_until(milliseconds(300));
  CHECK_FALSE(f.left());
  CHECK(f.context.domain.dirty_exceeded);
}

// 1 GiB, nothing mapped.
TEST_CASE("pdflush 9.1: a real-time writer of 2.6.18 is held a quarter later", "[writeback]") {
  Scenario s = Throttled::scenario(1);
  s.memory.total = Bytes(std::int64_t{1} << 30);
  s.filesystems[0].files[0].size = Bytes(768 << 20);
  MachineFixture f(s);
  f.start_flusher();
  f.run_until(milliseconds(100));
  TaskStruct writer("writer"), rt("rt");
  rt.set_policy(SchedPolicy::kFifo);
  CHECK(f.context.dirty_limits(&writer).dirty == Pages(104857));
  CHECK(f.context.dirty_limits(&rt).background == Pages(32767));
  CHECK(f.context.dirty_limits(&rt).dirty == Pages(131071));
  f.dirty_pages(f.file(0), 0, 131071);
  for (TaskStruct* task : {&rt, &writer})
    f.sim.spawn(task->name(), f.throttle->balance_dirty_pages(*task, f.file(0).i_data),
                ProcessKind::kDaemon);
  f.run_until(milliseconds(300));
  CHECK(rt.throttle_calls == 0);
  CHECK(writer.throttle_calls == 1);
}

// The whole machine, and a disk that never finishes: what a writer may dirty until it is held.
Pages dirtied_until_held(const char* kernel, SchedPolicy policy, std::int64_t free_pages) {
  Scenario s = Throttled::scenario(1);
  s.kernel.preset = kernel;
  s.memory.total = Bytes(std::int64_t{1} << 30);
  s.memory.free_at_start = Pages(free_pages);
  s.memory.file_pages_at_start = Pages(0);
  s.filesystems[0].files[0].size = Bytes(768 << 20);
  s.run.until = RunUntil::kDuration;
  s.run.duration = seconds(10);
  JobConfig& job = s.jobs.emplace_back();
  job.name = "writer";
  job.filename = "fs0/f";
  job.sched_policy = policy;
  TraceLog log;
  return Machine(s, log).run().memory.peak_dirty_and_writeback;
}

TEST_CASE("pdflush 9.1: a real-time job dirties a quarter more before 2.6.18 holds it",
          "[machine]") {
  constexpr Pages kRatelimit{1024};
  const Pages other = dirtied_until_held("2.6.18", SchedPolicy::kOther, 250'000);
  CHECK(other > Pages(104'857));
  CHECK(other <= Pages(104'857) + kRatelimit);
  const Pages fifo = dirtied_until_held("2.6.18", SchedPolicy::kFifo, 250'000);
  CHECK(fifo > Pages(131'071));
  CHECK(fifo <= Pages(131'071) + kRatelimit);
}

// The midpoint of the limits, from which a device without a share is held: 15000 and 18750 pages,
// less what buffer heads and nodes take of the 200001.
TEST_CASE("pdflush 9.2: a real-time job dirties a quarter more before 2.6.24 holds it",
          "[machine]") {
  constexpr Pages kRatelimit{1024};
  const Pages other = dirtied_until_held("2.6.24", SchedPolicy::kOther, 200'000);
  CHECK(other >= Pages(14'950));
  CHECK(other <= Pages(15'000) + kRatelimit);
  const Pages fifo = dirtied_until_held("2.6.24", SchedPolicy::kFifo, 200'000);
  CHECK(fifo >= Pages(18'690));
  CHECK(fifo <= Pages(18'750) + kRatelimit);
}

TEST_CASE("pdflush 3.1: 2.6.18 counts high memory out for block devices alone", "[writeback]") {
  Scenario s = Throttled::scenario(1);
  s.memory.highmem = Bytes(48 << 20);
  MachineFixture f(s);
  f.start_flusher();
  CHECK(f.context.dirty_limits().dirty == Pages(6553));
  CHECK(f.context.dirty_limits(nullptr, &f.file(0).i_data).dirty == Pages(6553));
  CHECK(f.context.dirty_limits(nullptr, &f.raw(0).host().i_data).dirty == Pages(1638));
}

TEST_CASE("above the limit 2.6.18 looks at every eighth page, whatever the device", "[writeback]") {
  Throttled f(2);
  f.context.domain.dirty_exceeded = true;
  for (const std::size_t disk : {0, 1}) {
    for (int i = 0; i < 7; ++i)
      REQUIRE_FALSE(f.throttle->ratelimit(f.writer, f.file(disk).i_data, Pages(1)));
    REQUIRE(f.throttle->ratelimit(f.writer, f.file(disk).i_data, Pages(1)));
  }
  f.balance(0);  // nothing is dirty: the mark goes
  f.run_until(milliseconds(101));
  CHECK(f.left());
  CHECK_FALSE(f.context.domain.dirty_exceeded);
}

TEST_CASE("a writer of 2.6.18 leaves when it has written its chunk", "[writeback]") {
  Scenario s = Throttled::scenario(1);
  s.devices[0].fixed.overhead = std::chrono::microseconds(10);
  MachineFixture f(s);
  f.start_flusher();
  f.run_until(milliseconds(100));
  f.dirty_pages(f.file(0), 0, 12000);
  TaskStruct writer("writer");
  f.sim.spawn("writer", f.throttle->balance_dirty_pages(writer, f.file(0).i_data));
  f.run_until(milliseconds(110));
  const auto works = f.log.works_because(WriteReason::kBalanceDirty);
  REQUIRE(works.size() == 1);
  CHECK(works[0].written >= Pages(768));  // 1.5 * 16384 / 32
  CHECK(works[0].written < Pages(768 + 14));
}

TEST_CASE("memory that processes hold lowers the limits of 2.6.18", "[writeback]") {
  Throttled f;
  REQUIRE(f.cache.try_lock_memory(Pages(8192)));  // half: 50 % unmapped, so 25 % at most
  CHECK(f.context.dirty_limits().dirty == Pages(4096));
  CHECK(f.context.dirty_limits().background == Pages(1638));
}

// Ten dirty pages of an inode that stands on s_io, and a younger inode on s_dirty.
struct OneInode {
  OneInode() : f(plain_scenario("2.6.18")), task("flusher") {
    sb = &f.mount_slow_inodes(0);
    inode = &sb->add();
    inode->i_size = 1 << 20;
    other = &sb->add();
    f.start_flusher();
    f.run_until(milliseconds(10));
    f.dirty_pages(*inode, 0, 10);
    inode->dirty_lists->queue_io(std::nullopt, Lists::SuperblockSort::kNo);
    f.run_until(milliseconds(20));
    mark_inode_dirty(f.vfs, *other, I_DIRTY_SYNC);
  }
  void write(std::int64_t nr, bool periodic) {
    wbc.for_kupdate = periodic;
    wbc.range_cyclic = true;
    wbc.nr_to_write = nr;
    f.sim.spawn("flusher", body(), ProcessKind::kDaemon);
    f.run_until(milliseconds(1000));
  }
  Task<> body() {
    const Errno result = co_await writeback_single_inode(f.context, *inode, wbc, task);
    REQUIRE(result == Errno::kOk);
  }
  const Lists::List& s_dirty() const { return other->dirty_lists->list(Lists::kDirty); }

  MachineFixture f;
  SlowInodes* sb;
  Inode* inode;
  Inode* other;
  TaskStruct task;
  WritebackControl wbc;
};

TEST_CASE("pdflush 6.3 A: 2.6.18 puts a partly written inode to an end of s_dirty", "[writeback]") {
  const bool periodic = GENERATE(true, false);
  CAPTURE(periodic);
  OneInode one;
  one.f.dirty_pages(*one.inode, 10, 20);
  one.write(4, periodic);
  CHECK((one.inode->i_state & I_DIRTY) == I_DIRTY_PAGES);
  REQUIRE(one.s_dirty().size() == 2);
  if (periodic) {
    CHECK(&one.s_dirty().back() == one.inode);  // served next
    CHECK(one.inode->dirtied_when == Jiffies(10));
  } else {
    CHECK(&one.s_dirty().front() == one.inode);
    CHECK(one.inode->dirtied_when == Jiffies(20));
  }
}

TEST_CASE("pdflush 6.3 B: an inode dirtied meanwhile heads s_dirty with its old stamp",
          "[writeback]") {
  OneInode one;
  one.sb->takes = milliseconds(5);
  mark_inode_dirty(one.f.vfs, *one.inode, I_DIRTY_SYNC);
  one.f.at(milliseconds(22), [&one] { one.f.dirty_pages(*one.inode, 20, 1); });
  one.write(1024, GENERATE(true, false));
  REQUIRE(one.s_dirty().size() == 2);
  CHECK(&one.s_dirty().front() == one.inode);
  CHECK(one.inode->dirtied_when == Jiffies(10));
}

TEST_CASE("pdflush 6.3: an inode that somebody writes heads s_dirty, unwritten", "[writeback]") {
  OneInode one;
  one.inode->i_state |= I_SYNC;
  one.write(1024, true);
  CHECK(&one.s_dirty().front() == one.inode);
  CHECK(one.wbc.nr_to_write == 1024);
  CHECK(one.f.cache.counters().nr_file_dirty == Pages(10));
}

// Three inodes dirtied a second apart, on a file system that tells when it wrote them.
struct Aged : MachineFixture {
  Aged() : MachineFixture(plain_scenario("2.6.18")) {
    slow = &mount_slow_inodes(0);
    start_flusher();
    for (int i = 0; i < 3; ++i) {
      Inode& inode = slow->add();
      at(seconds(i + 1), [this, &inode] { mark_inode_dirty(vfs, inode, I_DIRTY_SYNC); });
    }
  }
  SlowInodes* slow;
};

TEST_CASE("pdflush 6.1: 2.6.18 takes all of s_dirty and stops at the first that is too young",
          "[writeback]") {
  Aged f;
  f.run_until(milliseconds(34'990));
  CHECK(f.slow->written.empty());
  f.run_until(milliseconds(36'000));  // kupdate of 35 s: the oldest three are 32 to 34 s old
  REQUIRE(f.slow->written.size() == 3);
  for (std::uint64_t i = 0; i < 3; ++i)
    CHECK(f.slow->written[i].ino == i);
  Inode& young = *f.slow->s_inodes[2];
  mark_inode_dirty(f.vfs, *f.slow->s_inodes[0], I_DIRTY_SYNC);
  f.run_until(milliseconds(38'000));
  mark_inode_dirty(f.vfs, young, I_DIRTY_SYNC);
  f.run_until(milliseconds(69'000));  // 65 s: what was dirtied at 36 s is too young by a second
  CHECK(f.slow->written.size() == 3);
  CHECK(young.dirty_list == Lists::kIo);  // taken there by the pass at 40 s, whatever its age
}

TEST_CASE("pdflush 6.2: 2.6.18 sets a congested block device aside on s_dirty", "[writeback]") {
  Scenario s = plain_scenario("2.6.18");
  s.vm.dirty_writeback_centisecs = 0;
  s.vm.dirty_background_ratio = 0;
  s.devices[0].queue.nr_requests = 4;
  s.devices[0].fixed.overhead = seconds(1);
  MachineFixture f(s);
  f.start_flusher();
  f.run_until(milliseconds(1));
  for (PageIndex i = 0; i < 100; ++i)
    f.dirty_pages(f.raw(0), 2 * i, 1);
  TaskStruct writer("writer");
  WritebackControl wbc;
  wbc.bdi = &f.bdi(0);
  wbc.nr_to_write = 100;
  f.sim.spawn("writer", f.flusher->writeback_inodes(wbc, writer), ProcessKind::kDaemon);
  f.run_until(milliseconds(2));
  REQUIRE(f.bdi(0).queue->write_congested());
  Inode& device = f.raw(0).host();
  DirtyInodeLists& lists = *device.dirty_lists;
  f.flusher->start_background_writeback(f.bdi(0));
  f.run_until(milliseconds(3));
  CHECK(&lists.list(Lists::kDirty).front() == &device);
  CHECK(lists.list(Lists::kMoreIo).empty());
}

FsSetup of_2618() {
  FsSetup setup;
  setup.rules = find_kernel("2.6.18")->fs;
  return setup;
}

// As the page scan does it, with every bio taken at once.
struct PageWrite {
  PageWrite(FsFixture& f, Page& page) {
    wbc.nonblocking = true;
    wbc.nr_to_write = 1024;
    f.lock(page);
    REQUIRE(f.cache.clear_page_dirty_for_io(page));
    block_write_full_page(f.vfs, f.file, page, wbc, write);
    REQUIRE(write.state == FullPageWrite::State::kSubmit);
    locked_in_pass_3 = page.test(PG_locked);
    OpenBio open;
    REQUIRE(submit_buffers(f.vfs, page, wbc, write, open, f.task));
    block_write_full_page_end(f.vfs, page, wbc, write);
  }
  WritebackControl wbc;
  FullPageWrite write;
  bool locked_in_pass_3 = false;
};

TEST_CASE("buffer-heads 6.4: nothing to write counts as skipped in 2.6.18", "[fs]") {
  FsFixture f(of_2618());
  Page& page = add_page(f, 0, {"UM@100", "UM@101", "UM@102", "UM@103"});
  f.cache.set_page_dirty(page, nullptr);
  page.clear(PG_uptodate);
  const PageWrite write(f, page);
  CHECK(write.wbc.pages_skipped == 1);
  CHECK(page.test(PG_uptodate));  // as all its buffers are
  CHECK_FALSE(page.test(PG_writeback));
}

TEST_CASE("buffer-heads 6.5: 2.6.18 unlocks the page before it submits what is mapped", "[fs]") {
  for (const bool is_2618 : {true, false}) {
    FsFixture f(is_2618 ? of_2618() : FsSetup::of_2624());
    f.fs.failures = {{2, GetBlock::kEnospc}, {3, GetBlock::kEnospc}};
    Page& page = add_page(f, 0, {"UDM@100", "UDM@101", "UD", "UD"});
    const PageWrite write(f, page);
    CHECK(write.write.nr_underway == 2);  // example C
    CHECK(write.write.error == Errno::kEnospc);
    CHECK(write.locked_in_pass_3 == !is_2618);
    CHECK_FALSE(page.test(PG_locked));
    CHECK(f.file.i_data.AS_ENOSPC);
  }
}

TEST_CASE("buffer-heads 7: a failed write of a page leaves no Write_EIO in 2.6.18", "[fs]") {
  FsFixture f(of_2618());
  Page& page = add_page(f, 0, {"UDM@100", "UDM@101", "UDM@102", "UDM@103"});
  f.lock(page);
  REQUIRE(f.cache.clear_page_dirty_for_io(page));
  WritebackControl wbc;
  FullPageWrite write;
  block_write_full_page(f.vfs, f.file, page, wbc, write);
  f.cache.unlock_page(page);
  for_each_buffer(f.vfs, page, [&f](BufferHead& bh) { end_buffer_async_write(f.vfs, bh, false); });
  CHECK(page.test(PG_error));
  CHECK(f.file.i_data.AS_EIO);
  for_each_buffer(f.vfs, page, [](const BufferHead& bh) {
    CHECK_FALSE(bh.test(BH_Write_EIO));
    CHECK_FALSE(bh.test(BH_Uptodate));
  });
}

Task<> sync_all(MachineFixture& f, TaskStruct& task, std::optional<TimePoint>& returned) {
  const Errno result = co_await f.flusher->sync(task);
  REQUIRE(result == Errno::kOk);
  returned = f.sim.now();
}

// gen-2.6-pdflush section 7: the inode that was clean, with pages under write-back, is not waited
// for; one that is dirty stays on s_dirty for the second pass, which waits.
TEST_CASE("sync(2) up to 2.6.24 waits for the pages of the inodes it found dirty", "[writeback]") {
  const char* kernel = GENERATE("2.6.18", "2.6.24");
  Scenario s = plain_scenario(kernel, 2);
  s.devices[1].fixed.overhead = seconds(10);
  MachineFixture f(s);
  f.start_flusher();
  f.run_until(milliseconds(1));
  f.dirty_pages(f.file(1), 0, 10);
  TaskStruct task("task");
  WritebackControl wbc;
  wbc.nr_to_write = 100;
  f.sim.spawn("flush", f.flusher->writeback_inodes(wbc, task), ProcessKind::kDaemon);
  f.run_until(milliseconds(2));
  REQUIRE(f.bdi(1).writeback.sum() == Pages(10));
  REQUIRE_FALSE(f.file(1).dirty_lists);
  f.dirty_pages(f.file(0), 0, 100);
  std::optional<TimePoint> returned;
  f.sim.spawn("sync", sync_all(f, task, returned), ProcessKind::kDaemon);
  f.run_until(seconds(1));
  REQUIRE(returned);
  CHECK(f.bdi(0).written.sum() == Pages(100));
  CHECK(f.bdi(0).writeback.sum() == Pages(0));
  CHECK(f.bdi(1).writeback.sum() == Pages(10));
  CHECK_FALSE(f.file(0).dirty_lists);
}

TEST_CASE("WB_SYNC_HOLD keeps a written inode on s_dirty until its pages were waited for",
          "[writeback]") {
  Scenario s = plain_scenario("2.6.24");
  s.devices[0].fixed.overhead = milliseconds(100);
  MachineFixture f(s);
  f.start_flusher();
  f.run_until(milliseconds(1));
  f.dirty_pages(f.file(0), 0, 10);
  TaskStruct task("task");
  std::optional<TimePoint> returned;
  f.sim.spawn("sync", sync_all(f, task, returned), ProcessKind::kDaemon);
  f.run_until(milliseconds(50));
  REQUIRE(f.bdi(0).writeback.sum() == Pages(10));
  CHECK((f.file(0).i_state & I_DIRTY) == 0);
  CHECK(f.file(0).dirty_lists);
  CHECK_FALSE(returned);
  f.run_until(milliseconds(400));
  CHECK(returned);
  CHECK(f.bdi(0).writeback.sum() == Pages(0));
  CHECK_FALSE(f.file(0).dirty_lists);
}

}  // namespace
}  // namespace wbsim
