// fsync(2), fdatasync(2) and sync(2): what is on the disk when they return.
#include <algorithm>
#include <catch2/catch.hpp>
#include <string_view>

#include "tests/support/machine_fixture.hpp"
#include "tests/support/print_units.hpp"

namespace wbsim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr const char* kAll[] = {"2.6.18", "2.6.24", "2.6.31", "2.6.32"};
std::string_view any_kernel() {
  return GENERATE(from_range(std::begin(kAll), std::end(kAll)));
}

struct Syncing : MachineFixture {
  explicit Syncing(const Scenario& s) : MachineFixture(s), task("task") {
    start_flusher();
    run_until(milliseconds(10));
  }
  Task<> fsync_body(Inode& inode, SyncWhat what) {
    File file{.f_inode = &inode};
    const Errno result = co_await vfs_fsync(context, file, what, task);
    REQUIRE(result == Errno::kOk);
    returned = sim.now();
  }
  Task<> sync_body() {
    const Errno result = co_await flusher->sync(task);
    REQUIRE(result == Errno::kOk);
    returned = sim.now();
  }
  void run_until_returned() {
    while (returned == TimePoint() && sim.now() < TimePoint(seconds(1000)))
      sim.run_until(sim.now() + Duration(100'000));
    REQUIRE(returned != TimePoint());
  }
  void fsync(Inode& inode, SyncWhat what = SyncWhat::kFsync) {
    sim.spawn("fsync", fsync_body(inode, what));
    run_until_returned();
  }
  void sync() {
    sim.spawn("sync", sync_body());
    run_until_returned();
  }
  void check_clean(Inode& inode, PageIndex pages) {
    CHECK(tagged(inode, PageTag::kDirty).empty());
    CHECK(tagged(inode, PageTag::kWriteback).empty());
    for (PageIndex i = 0; i < pages; ++i) {
      REQUIRE_FALSE(page(inode, i).test(PG_dirty));
      REQUIRE_FALSE(page(inode, i).test(PG_writeback));
      REQUIRE(was_written(on_disk(inode, i), Sectors(8)));
    }
  }
  TaskStruct task;
  TimePoint returned{};
};

TEST_CASE("after fsync what was dirty is on the disk", "[writeback]") {
  Syncing f(plain_scenario(std::string(any_kernel())));
  SECTION("a file") {
    f.dirty_pages(f.file(0), 0, 700);
    f.fsync(f.file(0));
    f.check_clean(f.file(0), 700);
  }
  SECTION("a file that a flusher is writing") {
    f.context.vm.dirty_background_ratio = 0;
    f.dirty_pages(f.file(0), 0, 1800);
    f.flusher->start_background_writeback(f.bdi(0));
    f.run_until(milliseconds(14));
    REQUIRE(f.cache.counters().nr_writeback > Pages(0));
    f.fsync(f.file(0));
    f.check_clean(f.file(0), 1800);
  }
  SECTION("pages dirtied again while under write-back are written again") {
    f.dirty_pages(f.file(0), 0, 100);
    TaskStruct other("other");
    WritebackControl wbc;
    wbc.bdi = &f.bdi(0);
    wbc.nr_to_write = 100;
    f.sim.spawn("other", f.flusher->writeback_inodes(wbc, other), ProcessKind::kDaemon);
    f.run_until(milliseconds(10));
    REQUIRE(f.cache.counters().nr_writeback == Pages(100));
    f.dirty_pages(f.file(0), 0, 100);
    f.fsync(f.file(0));
    f.check_clean(f.file(0), 100);
    CHECK(f.cache.counters().nr_written == Pages(200));
  }
  SECTION("a raw device") {
    f.dirty_pages(f.raw(0), 0, 300);
    f.fsync(f.raw(0));
    f.check_clean(f.raw(0), 300);
  }
  SECTION("other files stay dirty") {
    f.dirty_pages(f.raw(0), 0, 30);
    f.dirty_pages(f.file(0), 0, 10);
    f.fsync(f.file(0));
    f.check_clean(f.file(0), 10);
    CHECK(f.tagged(f.raw(0), PageTag::kDirty).size() == 30);
  }
}

TEST_CASE("a job that calls fsync finds its pages on the disk each time", "[writeback]") {
  Scenario s = plain_scenario(std::string(any_kernel()));
  s.vm.dirty_background_ratio = 1;
  JobConfig job_config;
  job_config.name = "j";
  job_config.filename = "fs0/f";
  job_config.size = Bytes(8 << 20);
  job_config.fsync = 5;
  job_config.startdelay = milliseconds(20);
  Syncing f(s);
  Job job(f.context, *f.flusher, job_config, 0, 0, {{{.f_inode = &f.file(0)}}, 32});
  int checks = 0;
  f.log.after_fsync = [&] {
    ++checks;
    REQUIRE(f.tagged(f.file(0), PageTag::kDirty).empty());
    REQUIRE(f.tagged(f.file(0), PageTag::kWriteback).empty());
    REQUIRE(f.cache.counters().nr_written == f.cache.counters().nr_dirtied);
  };
  f.sim.spawn("j", job.run());
  f.run_until(seconds(100));
  REQUIRE(job.finished());
  CHECK(checks == 128 / 5);
}

Scenario with_inode_table(std::string_view kernel) {
  Scenario s = plain_scenario(std::string(kernel));
  s.filesystems[0].metadata = MetadataMode::kPinned;
  s.filesystems[0].files[0].inode_table_block = 6;
  s.filesystems[0].files.emplace_back();
  s.filesystems[0].files[1].name = "grows";
  s.filesystems[0].files[1].inode_table_block = 9;
  return s;
}

Task<> write_a_page(Syncing& f, Inode& inode) {
  const Errno result = co_await generic_file_write(f.vfs, inode, 0, kPageSize, f.task);
  REQUIRE(result == Errno::kOk);
}

TEST_CASE("fdatasync leaves an inode of which only the times are dirty", "[writeback]") {
  Syncing f(with_inode_table(any_kernel()));
  Inode& inode = f.file(0);
  f.sim.spawn("write", write_a_page(f, inode));
  f.run_until(milliseconds(20));
  REQUIRE((inode.i_state & I_DIRTY_SYNC) != 0);
  REQUIRE((inode.i_state & I_DIRTY_DATASYNC) == 0);
  f.fsync(inode, SyncWhat::kFdatasync);
  f.check_clean(inode, 1);
  CHECK_FALSE(f.was_written(Sectors(6 * 8), Sectors(8)));
  CHECK((inode.i_state & I_DIRTY_SYNC) != 0);
  CHECK(inode.dirty_lists != nullptr);
  f.returned = TimePoint();
  f.fsync(inode);
  CHECK(f.was_written(Sectors(6 * 8), Sectors(8)));
  CHECK((inode.i_state & I_DIRTY) == 0);
  CHECK(inode.dirty_lists == nullptr);
}

TEST_CASE("fdatasync writes an inode that has grown", "[writeback]") {
  Syncing f(with_inode_table(any_kernel()));
  Inode& inode = f.file(0, 1);
  f.sim.spawn("write", write_a_page(f, inode));
  f.run_until(milliseconds(20));
  REQUIRE((inode.i_state & I_DIRTY_DATASYNC) != 0);
  f.fsync(inode, SyncWhat::kFdatasync);
  f.check_clean(inode, 1);
  CHECK(f.was_written(Sectors(9 * 8), Sectors(8)));
}

TEST_CASE("fsync of a clean file does nothing", "[writeback]") {
  Syncing f(with_inode_table(any_kernel()));
  f.fsync(f.file(0));
  CHECK(f.log.requests.empty());
  CHECK(f.returned <= TimePoint(milliseconds(11)));
}

TEST_CASE("after sync everything that was dirty is on the disk", "[writeback]") {
  const std::string_view kernel = any_kernel();
  const char* flusher = GENERATE("pdflush", "bdi");
  CAPTURE(kernel, flusher);
  Scenario s = plain_scenario(std::string(kernel), 2);
  s.kernel.flusher = flusher;
  Syncing f(s);
  f.dirty_pages(f.file(0), 0, 1500);
  f.dirty_pages(f.file(1), 0, 300);
  f.dirty_pages(f.raw(0), 0, 20);
  f.dirty_pages(f.raw(1), 5000, 2500);
  SECTION("alone") {}
  SECTION("while background write-back is under way") {
    f.context.vm.dirty_background_ratio = 0;
    f.flusher->start_background_writeback(f.bdi(1));
    f.run_until(milliseconds(15));
    REQUIRE(f.cache.counters().nr_writeback > Pages(0));
  }
  f.sync();
  f.check_clean(f.file(0), 1500);
  f.check_clean(f.file(1), 300);
  f.check_clean(f.raw(0), 20);
  CHECK(f.tagged(f.raw(1), PageTag::kDirty).empty());
  CHECK(f.cache.counters().nr_written == Pages(1500 + 300 + 20 + 2500));
  CHECK(f.cache.counters().nr_file_dirty == Pages(0));
}

// iterate_bdevs(): it waits for slots of the last device before it comes to the first.
TEST_CASE("the caller of sync begins with the block device that came last", "[writeback]") {
  Scenario s = plain_scenario(GENERATE("3.10", "6.1"), 3);
  for (DeviceConfig& device : s.devices)
    device.queue.nr_requests = 4;
  Syncing f(s);
  f.dirty_pages(f.file(2), 0, 1500);
  f.at(milliseconds(12), [&f] {  // while sync waits for the file
    for (PageIndex i = 0; i < 20; ++i)
      for (const std::size_t disk : {0, 1})
        f.dirty_pages(f.raw(disk), 100'000 + 10 * i, 1);
  });
  f.sync();
  Duration first[3] = {Duration::max(), Duration::max(), Duration::max()};
  for (const RequestRecord& rq : f.log.requests)
    if (rq.sector >= Sectors(800'000))
      first[rq.device] = std::min(first[rq.device], rq.queued);
  CHECK(first[1] < first[0]);
  CHECK(TimePoint(first[0]) < f.returned);
}

// Not of 2.6.18: there pdflush, which sync(2) wakes, has the inode in work and files it as clean,
// and nobody waits for its page; nor of 2.6.24 under cfq, where that write ends last.
TEST_CASE("sync writes the inodes too", "[writeback]") {
  const char* kernel = GENERATE("2.6.24", "2.6.31", "2.6.32");
  const char* flusher = GENERATE("pdflush", "bdi");
  CAPTURE(kernel, flusher);
  Scenario s = with_inode_table(kernel);
  s.kernel.flusher = flusher;
  s.devices[0].queue.scheduler = "deadline";
  Syncing f(s);
  f.sim.spawn("write", write_a_page(f, f.file(0)));
  f.run_until(milliseconds(20));
  f.sync();
  f.check_clean(f.file(0), 1);
  CHECK(f.was_written(Sectors(6 * 8), Sectors(8)));
  CHECK((f.file(0).i_state & I_DIRTY) == 0);
}

TEST_CASE("sync does not wait for what a writer dirties behind it", "[writeback]") {
  Scenario s = plain_scenario(std::string(any_kernel()));
  s.kernel.flusher = GENERATE("pdflush", "bdi");
  s.filesystems[0].files.emplace_back();
  s.filesystems[0].files[1].name = "g";
  s.filesystems[0].files[1].size = Bytes(16 << 20);
  Syncing f(s);
  f.dirty_pages(f.file(0), 0, 500);
  for (int i = 0; i < 2000; ++i)
    f.at(milliseconds(11 + i),
         [&f, i] { f.dirty_pages(f.file(0, 1), static_cast<PageIndex>(i), 1); });
  f.sync();
  CHECK(f.returned < TimePoint(milliseconds(500)));
  f.check_clean(f.file(0), 500);
}

}  // namespace
}  // namespace wbsim
