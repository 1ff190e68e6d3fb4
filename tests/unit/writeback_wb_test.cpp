// The flusher as a delayed work item: when it runs, how much of an inode it takes, and on which
// list it leaves it.
#include <catch2/catch.hpp>
#include <string_view>

#include "models/writeback/dirty_domain.hpp"
#include "tests/support/machine_fixture.hpp"
#include "tests/support/print_units.hpp"

namespace wbsim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct WbTest : MachineFixture {
  explicit WbTest(const Scenario& s) : MachineFixture(s) { start_flusher(); }
  static Scenario scenario(std::string_view kernel) {
    Scenario s = plain_scenario(std::string(kernel), 1);
    s.memory.total = Bytes(256 << 20);
    s.filesystems[0].files[0].size = Bytes(128 << 20);
    return s;
  }
  void dirty_at(Duration when, PageIndex first, PageIndex pages) {
    at(when, [this, first, pages] { dirty_pages(file(0), first, pages); });
  }
  // All completions of late were this device's, so that its share of the limits is all of them.
  void give_share(std::size_t disk) {
    bdi(disk).flex_completions = FlexLocal{PercpuCounter(std::int64_t{1} << 40)};
  }
  // So many dirty pages, and the flusher woken for them.
  void write_back(PageIndex pages) {
    dirty_at(milliseconds(1), 0, pages);
    at(milliseconds(2), [this] {
      give_share(0);
      flusher->start_background_writeback(bdi(0));
    });
  }
};

std::string_view any_kernel() {
  return GENERATE(as<std::string_view>{}, "3.10", "6.1");
}

// The work runs once 5 s after the first dirtying; the share of a device nobody wrote to is 0, so
// that anything is over its background limit. Recorded on 6.1 as surprise 1.
TEST_CASE("a cold device is written at the first wake-up", "[writeback]") {
  WbTest f(WbTest::scenario(any_kernel()));
  f.dirty_at(milliseconds(2), 0, 100);
  f.run_until(milliseconds(5001));
  CHECK(f.log.inodes_written.empty());
  f.run_until(seconds(6));
  REQUIRE(f.log.inodes_written.size() == 1);
  CHECK(f.log.inodes_written[0].wrote == 100);
  CHECK(f.log.works.back().reason == WriteReason::kBackground);
}

TEST_CASE("a warm device is written when its data is old", "[writeback]") {
  WbTest f(WbTest::scenario("3.10"));
  f.dirty_at(milliseconds(2), 0, 100);
  f.at(milliseconds(1), [&f] { f.give_share(0); });
  f.run_until(seconds(30));
  CHECK(f.log.inodes_written.empty());
  f.run_until(seconds(36));
  REQUIRE(f.log.inodes_written.size() == 1);
  CHECK(f.log.works_because(WriteReason::kPeriodic).size() >= 6);
  CHECK(f.bdi(0).dirty_inodes[DirtyInodeLists::kDirty] == 0);
}

// Work that is pending cannot be queued again: a second run, 5 s later, would be a periodic one.
TEST_CASE("a flusher that waits for a processor is woken for one run only", "[writeback]") {
  Scenario s = WbTest::scenario("6.1");
  s.cpu.costs.context_switch = milliseconds(1);
  s.devices[0].fixed.bandwidth_bytes_per_s = 5'000'000;
  s.vm.dirty_background_bytes = 1000 * kPageSize;
  s.vm.dirty_bytes = 40000 * kPageSize;
  WbTest f(s);
  f.write_back(12000);
  f.at(milliseconds(2) + milliseconds(1) / 2,
       [&f] { f.flusher->start_background_writeback(f.bdi(0)); });
  f.run_until(seconds(30));
  const auto background = f.log.works_because(WriteReason::kBackground);
  const auto periodic = f.log.works_because(WriteReason::kPeriodic);
  REQUIRE(background.size() == 1);
  REQUIRE(!periodic.empty());
  CHECK(background[0].end - background[0].start > seconds(5));
  CHECK(periodic[0].start >= background[0].end + seconds(5));
}

// gen-3.x section 6: __bdi_update_bandwidth() returns before 200 ms, balance_dirty_pages() asks for
// more than that before it is called.
TEST_CASE("a tick before a writer may, a flusher of 3.10 looks at the bandwidth", "[writeback]") {
  WbTest f(WbTest::scenario("3.10"));
  f.run_until(seconds(1));
  const Jiffies now = f.context.now(), interval = bandwidth_interval(f.context.vfs.ticks.hz());
  const TaskStruct writer("writer");
  const auto flusher_looks = [&](Jiffies elapsed) {
    f.bdi(0).rates.bw_time_stamp = now - elapsed;
    round_written(f.context, f.bdi(0), now - elapsed);
    return f.bdi(0).rates.bw_time_stamp == now;
  };
  const auto writer_looks = [&](Jiffies elapsed) {
    f.bdi(0).rates.bw_time_stamp = now - elapsed;
    update_bandwidth(f.context, f.bdi(0), dirty_state(f.context, f.bdi(0), writer), nullptr, now,
                     writer.name());
    return f.bdi(0).rates.bw_time_stamp == now;
  };
  CHECK_FALSE(flusher_looks(interval - Jiffies(1)));
  CHECK(flusher_looks(interval));
  CHECK_FALSE(writer_looks(interval));
  CHECK(writer_looks(interval + Jiffies(1)));
}

// E14 of the 6.1 recordings: the estimate changes at 3.25 s, when pages are written, and at 3.30 s,
// 200 ms after the last of those before.
TEST_CASE("200 ms after an inode's last page 6.1 looks at the bandwidth, looked at or not",
          "[writeback]") {
  WbTest f(WbTest::scenario("6.1"));
  f.dirty_at(milliseconds(2), 0, 100);
  f.run_until(milliseconds(5150));
  REQUIRE(f.bdi(0).written.sum().count() == 100);
  restart_estimate(f.bdi(0), f.context.now());
  const Jiffies looked = f.bdi(0).rates.bw_time_stamp;
  const std::int64_t bandwidth = f.bdi(0).rates.write_bandwidth;
  f.run_until(milliseconds(5300));
  CHECK(f.bdi(0).rates.bw_time_stamp > looked);
  CHECK(f.bdi(0).rates.bw_time_stamp < looked + bandwidth_interval(f.context.vfs.ticks.hz()));
  CHECK(f.bdi(0).rates.write_bandwidth < bandwidth);  // nothing was written meanwhile
}

TEST_CASE("an idle device wakes nobody", "[writeback]") {
  WbTest f(WbTest::scenario(any_kernel()));
  f.run_until(seconds(60));
  CHECK(f.log.works.empty());
}

// ioless 9.2: a chunk is bandwidth/2 or limit/8, rounded up to a multiple of 1024 past itself.
TEST_CASE("an inode is written in chunks that fit the device and the limit", "[writeback]") {
  Scenario s = WbTest::scenario(any_kernel());
  s.vm.dirty_background_bytes = 1000 * kPageSize;
  s.vm.dirty_bytes = 40000 * kPageSize;
  WbTest f(s);
  f.write_back(12000);
  f.run_until(seconds(3));
  REQUIRE(f.log.inodes_written.size() >= 3);
  CHECK(f.log.inodes_written[0].nr_to_write == 5120);
  CHECK(f.log.inodes_written[0].wrote == 5120);
  CHECK(f.log.inodes_written[1].wrote == 5120);
}

TEST_CASE("background write-back stops at the background limit, the inode waits", "[writeback]") {
  Scenario s = WbTest::scenario(any_kernel());
  s.vm.dirty_background_bytes = 10000 * kPageSize;
  s.vm.dirty_bytes = 30000 * kPageSize;
  WbTest f(s);
  f.write_back(12000);
  f.run_until(seconds(2));
  CHECK(f.log.inodes_written.size() == 1);
  CHECK(f.cache.counters().nr_file_dirty == Pages(12000 - 4096));
  CHECK(f.bdi(0).dirty_inodes[DirtyInodeLists::kMoreIo] == 1);
  // Surprise 2 of the recordings: the next periodic pass writes it, whatever its age.
  f.run_until(seconds(9));
  CHECK(f.cache.counters().nr_file_dirty == Pages(0));
}

// The round that wrote a chunk of the file lasted more than 100 ms, so the next one has the
// device's inode alone, whose page is under write-back already. Recorded on 3.10.4: the work goes
// on.
TEST_CASE("a round that could write nothing is followed by one of what is left", "[writeback]") {
  Scenario s = WbTest::scenario(any_kernel());
  s.vm.dirty_background_bytes = 1000 * kPageSize;
  s.vm.dirty_bytes = 40000 * kPageSize;
  s.devices[0].queue.nr_requests = 4;
  WbTest f(s);
  f.dirty_at(milliseconds(1), 0, 12000);
  f.at(milliseconds(2), [&f] {
    f.dirty_pages(f.raw(0), 0, 1);
    Page& page = f.page(f.raw(0), 0);
    page.set(PG_locked);
    REQUIRE(f.cache.clear_page_dirty_for_io(page));
    f.cache.set_page_writeback(page);
    f.cache.unlock_page(page);
    f.cache.set_page_dirty(page, nullptr);
    f.give_share(0);
    f.flusher->start_background_writeback(f.bdi(0));
  });
  f.run_until(seconds(4));
  CHECK(f.log.works_because(WriteReason::kBackground).size() == 1);
  CHECK(f.cache.counters().nr_file_dirty < Pages(1000));
}

TEST_CASE("pages put back unwritten send the inode to the dirty list", "[writeback]") {
  WbTest f(WbTest::scenario("3.10"));
  f.dirty_pages(f.file(0), 0, 1);
  WritebackControl wbc;
  wbc.nr_to_write = 10;
  wbc.pages_skipped = 1;
  requeue_inode(f.context, f.file(0), wbc);
  CHECK(f.bdi(0).dirty_inodes[DirtyInodeLists::kDirty] == 1);
  wbc.pages_skipped = 0;
  wbc.nr_to_write = 0;
  requeue_inode(f.context, f.file(0), wbc);
  CHECK(f.bdi(0).dirty_inodes[DirtyInodeLists::kMoreIo] == 1);
}

TEST_CASE("fsync takes a clean inode off its list and leaves a dirty one", "[writeback]") {
  WbTest f(WbTest::scenario(any_kernel()));
  TaskStruct task("fsync");
  f.dirty_pages(f.file(0), 0, 10);
  struct Call {
    static Task<> fsync(WbTest& test, TaskStruct& by) {
      File open{.f_inode = &test.file(0)};
      const Errno done = co_await vfs_fsync(test.context, open, SyncWhat::kFsync, by);
      CHECK(done == Errno::kOk);
    }
  };
  f.sim.spawn("fsync", Call::fsync(f, task));
  f.run_until(seconds(1));
  CHECK(f.bdi(0).dirty_inodes[DirtyInodeLists::kDirty] == 0);
  CHECK(f.cache.counters().nr_written == Pages(10));
}

TEST_CASE("sync(2) leaves nothing dirty of a file system, nor of a block device", "[writeback]") {
  WbTest f(WbTest::scenario(any_kernel()));
  TaskStruct task("sync");
  f.dirty_pages(f.file(0), 0, 3000);
  f.dirty_pages(f.raw(0), 25000, 50);
  struct Call {
    static Task<> sync(WbTest& test, TaskStruct& by) {
      const Errno done = co_await test.flusher->sync(by);
      CHECK(done == Errno::kOk);
    }
  };
  f.sim.spawn("sync", Call::sync(f, task));
  f.run_until(seconds(3));
  CHECK(f.cache.counters().nr_written == Pages(3050));
  CHECK(f.cache.counters().nr_file_dirty == Pages(0));
}

// N equal writers get equal parts of the disk, in the long run: on 6.1 a bio of some 24 MiB ends at
// once, for one of them, and what the first of them had before all were throttled stays his.
TEST_CASE("four equal writers write equally much", "[writeback]") {
  Scenario s = WbTest::scenario(any_kernel());
  s.kernel.hz = 250;
  s.cpu.costs = CpuCosts{};
  s.memory.total = Bytes(1 << 30);
  s.devices[0].capacity = Bytes(std::int64_t{32} << 30);
  s.filesystems[0].files.clear();
  for (int i = 0; i < 4; ++i) {
    FileConfig file;
    file.name = "f" + std::to_string(i);
    file.size = Bytes(std::int64_t{7} << 30);
    s.filesystems[0].files.push_back(file);
  }
  WbTest f(s);
  std::deque<Job> jobs;
  for (int i = 0; i < 4; ++i) {
    JobConfig config;
    config.name = "dd" + std::to_string(i);
    config.runtime = seconds(180);
    jobs.emplace_back(f.context, *f.flusher, config, i, 0,
                      JobTarget{{{.f_inode = &f.file(0, static_cast<std::size_t>(i))}}});
  }
  for (Job& job : jobs)
    f.sim.spawn(job.task().name(), job.run());
  const auto written_at = [&](Duration when) {
    f.run_until(when);
    std::vector<double> bytes;
    for (const Job& job : jobs)
      bytes.push_back(static_cast<double>(job.summary().written.count()));
    return bytes;
  };
  const std::vector<double> early = written_at(seconds(20)), late = written_at(seconds(181));
  CHECK(late[0] - early[0] > 160 * 20e6);
  for (std::size_t i = 1; i < jobs.size(); ++i)
    CHECK(late[i] - early[i] == Approx(late[0] - early[0]).epsilon(0.03));
}

// Surprise 14 of the recordings: 2.6 % over the ceiling, though the share is a tenth of the limit.
TEST_CASE("max_ratio does not hold a device below the free-run ceiling", "[writeback]") {
  Scenario s = WbTest::scenario("6.1");
  s.kernel.hz = 250;
  s.cpu.costs = CpuCosts{};
  s.memory.total = Bytes(std::int64_t{1} << 30);
  s.vm.dirty_background_bytes = 20000 * kPageSize;
  s.vm.dirty_bytes = 40000 * kPageSize;
  s.devices[0].max_ratio = 10;
  s.devices[0].capacity = Bytes(std::int64_t{4} << 30);
  s.filesystems[0].files[0].size = Bytes(std::int64_t{2} << 30);
  WbTest f(s);
  JobConfig config;
  config.name = "dd";
  config.runtime = seconds(15);
  Job job(f.context, *f.flusher, config, 0, 0, JobTarget{{{.f_inode = &f.file(0)}}});
  f.sim.spawn("dd", job.run());
  for (const Duration when : {seconds(6), seconds(10), seconds(14)}) {
    f.run_until(when);
    const VmCounters& vm = f.cache.counters();
    CHECK(vm.nr_file_dirty + vm.nr_writeback > Pages(29500));
    CHECK(vm.nr_file_dirty + vm.nr_writeback < Pages(32000));
  }
  CHECK(f.context.bdi_thresh(f.bdi(0), Pages(40000)) <= Pages(4000));
}

TEST_CASE("ioless 9.2: a flusher waits for the inode that somebody else writes", "[writeback]") {
  MachineFixture f(plain_scenario(std::string(any_kernel())));
  SlowInodes& sb = f.mount_slow_inodes(0);
  Inode& inode = sb.add();
  sb.takes = seconds(1);
  f.start_flusher();
  TaskStruct task("fsync");
  const auto fsync = [](MachineFixture& m, Inode& busy, TaskStruct& by) -> Task<> {
    WritebackControl wbc;
    wbc.sync_mode = SyncMode::WB_SYNC_ALL;
    co_await m.sim.delay(milliseconds(2));
    const Errno done = co_await writeback_single_inode(m.context, busy, wbc, by);
    CHECK(done == Errno::kOk);
  };
  f.at(milliseconds(1), [&] { mark_inode_dirty(f.vfs, inode, I_DIRTY_SYNC); });
  f.sim.spawn("fsync", fsync(f, inode, task));
  f.at(milliseconds(500), [&] { mark_inode_dirty(f.vfs, inode, I_DIRTY_SYNC); });
  f.at(milliseconds(600), [&] { f.flusher->wakeup_pdflush(Pages(100)); });
  f.run_until(seconds(4));
  REQUIRE(sb.written.size() == 2);
  CHECK(sb.written[0].by == "fsync");
  CHECK(sb.written[1].by != "fsync");
  CHECK(sb.written[1].when.time_since_epoch() == milliseconds(1002));
}

TEST_CASE("each device has a flusher of its own", "[writeback]") {
  MachineFixture f(plain_scenario(std::string(any_kernel()), 2));
  f.start_flusher();
  f.at(milliseconds(2), [&f] { f.dirty_pages(f.file(1), 0, 100); });
  f.run_until(seconds(40));
  REQUIRE(!f.log.works.empty());
  for (const WorkRecord& work : f.log.works)
    CHECK(work.thread.ends_with("d1"));
}

}  // namespace
}  // namespace wbsim
