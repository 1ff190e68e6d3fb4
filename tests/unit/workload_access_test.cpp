// How a job's calls reach a file: past the cache, through a mapping, several files in turn, after
// another job.
#include <catch2/catch.hpp>

#include "models/machine.hpp"
#include "tests/support/machine_fixture.hpp"
#include "tests/support/print_units.hpp"

namespace wbsim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::int64_t kKiB = 1024;

struct Access : MachineFixture {
  explicit Access(const Scenario& s = scenario()) : MachineFixture(s) { start_flusher(); }
  static Scenario scenario() {
    Scenario s = plain_scenario("2.6.32");
    s.vm.dirty_ratio = 100;
    s.vm.dirty_background_ratio = 99;
    s.filesystems[0].files.emplace_back();
    s.filesystems[0].files.back().name = "g";
    return s;
  }
  Job& start(const JobConfig& job_config, const std::vector<Inode*>& inodes) {
    std::vector<File> files;
    for (Inode* inode : inodes)
      files.push_back({.f_inode = inode});
    Job& job = jobs.emplace_back(context, *flusher, job_config, static_cast<int>(jobs.size()), 0,
                                 JobTarget{std::move(files), 32});
    sim.spawn(job.task().name(), job.run());
    return job;
  }
  WriterSummary run(const JobConfig& job_config) {
    Job& job = start(job_config, {&file(0)});
    run_until(sim.now().time_since_epoch() + seconds(100));
    REQUIRE(job.finished());
    return job.summary();
  }
  std::vector<Sectors> sizes(bool write) const {
    std::vector<Sectors> found;
    for (const RequestRecord& rq : log.requests)
      if (rq.write == write)
        found.push_back(rq.sectors);
    return found;
  }
  std::deque<Job> jobs;
};

JobConfig writer(std::int64_t bs_kib, std::int64_t size_kib) {
  JobConfig job;
  job.name = "w";
  job.bs = Bytes(bs_kib * kKiB);
  job.size = Bytes(size_kib * kKiB);
  return job;
}

TEST_CASE("a direct write is on the medium when it returns, and dirties nothing", "[workload]") {
  Access f;
  JobConfig job = writer(64, 256);
  job.direct = true;
  const WriterSummary w = f.run(job);
  CHECK(w.written == Bytes(256 * kKiB));
  CHECK(f.cache.counters().nr_dirtied == Pages(0));
  CHECK(f.sizes(true) == std::vector<Sectors>(4, Sectors(128)));
  // 100 us and 64 KiB at 100 MB/s, one after the other.
  for (const CallRecord& call : f.log.writes)
    CHECK(call.latency == Duration(100'000 + 655'360));
}

TEST_CASE("a direct call larger than a request becomes several", "[workload]") {
  Access f;
  JobConfig job = writer(1280, 1280);
  job.direct = true;
  SECTION("written") {
    f.run(job);
    CHECK(f.sizes(true) == std::vector<Sectors>{Sectors(1024), Sectors(1024), Sectors(512)});
  }
  SECTION("read") {
    job.rw = JobKind::kRead;
    CHECK(f.run(job).read == Bytes(1280 * kKiB));
    CHECK(f.sizes(false) == std::vector<Sectors>{Sectors(1024), Sectors(1024), Sectors(512)});
    CHECK(f.file(0).i_data.nrpages == 0);
  }
}

TEST_CASE("a direct call of more pages than a request has segments becomes several", "[workload]") {
  Scenario s = Access::scenario();
  s.devices[0].queue.max_segments = 6;
  Access f(s);
  JobConfig job = writer(64, 64);
  job.direct = true;
  f.run(job);
  CHECK(f.sizes(true) == std::vector<Sectors>{Sectors(48), Sectors(48), Sectors(32)});
}

TEST_CASE("a direct write first writes out what the cache holds, and drops it", "[workload]") {
  Access f;
  f.dirty_pages(f.file(0), 0, 32);
  JobConfig job = writer(64, 64);
  job.direct = true;
  f.start(job, {&f.file(0)});
  f.run_until(seconds(2));
  CHECK(f.cache.counters().nr_written == Pages(16));
  CHECK(f.file(0).i_data.nrpages == 16);
  CHECK(f.tagged(f.file(0), PageTag::kDirty).size() == 16);
  CHECK(f.sizes(true) == std::vector<Sectors>(2, Sectors(128)));
  f.cache.check();
}

TEST_CASE("a direct read finds what was written into the cache on the disk", "[workload]") {
  Access f;
  f.dirty_pages(f.file(0), 0, 16);
  JobConfig job = writer(64, 64);
  job.direct = true;
  job.rw = JobKind::kRead;
  f.run(job);
  REQUIRE(f.log.requests.size() == 2);
  CHECK(f.log.requests[0].write);
  CHECK(f.log.requests[1].started >= f.log.requests[0].completed);
  CHECK(f.file(0).i_data.nrpages == 16);
}

TEST_CASE("a store through a mapping reads the page around, and makes it dirty", "[workload]") {
  Access f;
  JobConfig job = writer(4, 512);
  job.ioengine = IoEngine::kMmap;
  const WriterSummary w = f.run(job);
  CHECK(w.write.count == 128);
  CHECK(f.cache.counters().nr_dirtied == Pages(128));
  // Windows of 32 pages, the second begun 8 pages before its time and the others a window before.
  Sectors total;
  for (const Sectors sectors : f.sizes(false)) {
    CHECK(sectors.count() % (32 * 8) == 0);
    total += sectors;
  }
  CHECK(total == Sectors(160 * 8));
  CHECK(f.file(0).i_data.nrpages == 160);
}

TEST_CASE("a second store to a dirty page is free, one after its write-back faults", "[workload]") {
  Access f;
  f.vfs.costs.page_fault = milliseconds(1);
  JobConfig job = writer(4, 4);
  job.ioengine = IoEngine::kMmap;
  job.io_size = Bytes(12 * kKiB);
  job.fsync = 2;
  f.run(job);
  REQUIRE(f.log.writes.size() == 3);
  CHECK(f.log.writes[0].latency > milliseconds(1));  // with a read
  CHECK(f.log.writes[1].latency == Duration(0));
  CHECK(f.log.writes[2].latency == milliseconds(1));
  CHECK(f.cache.counters().nr_dirtied == Pages(2));
}

// E14: free and cached memory fall by a page for each 512 that are mapped.
TEST_CASE("each 512 pages of a mapping take a page table, once", "[workload]") {
  const auto used = [](JobConfig job, IoEngine engine) {
    Access f;
    job.ioengine = engine;
    job.rw = JobKind::kRead;
    const Pages before = f.cache.free_pages() + f.cache.file_pages();
    f.run(job);
    return before - f.cache.free_pages() - f.cache.file_pages();
  };
  for (const auto& [kib, tables] : {std::pair{2048, 1}, {2052, 2}, {8192, 4}}) {
    CAPTURE(kib);
    JobConfig job = writer(4, kib);
    job.io_size = Bytes(3 * kib * kKiB);
    CHECK(used(job, IoEngine::kMmap) - used(job, IoEngine::kPsync) == Pages(tables));
  }
}

TEST_CASE("a store behind the end of the file fails, as SIGBUS would end the process",
          "[workload]") {
  Access f;
  JobConfig job = writer(4, 8);
  job.ioengine = IoEngine::kMmap;
  const Job& started = f.start(job, {&f.file(0, 1)});
  f.run_until(seconds(1));
  CHECK(started.finished());
  CHECK(started.summary().errors == 2);
  CHECK(f.cache.counters().nr_dirtied == Pages(0));
}

TEST_CASE("random loads through a mapping stop reading ahead after a hundred misses",
          "[workload]") {
  Access f;
  JobConfig job = writer(4, 16 * 1024);
  job.ioengine = IoEngine::kMmap;
  job.rw = JobKind::kRandRead;
  job.io_size = Bytes(2000 * 4 * kKiB);
  const WriterSummary w = f.run(job);
  CHECK(w.read == Bytes(2000 * 4 * kKiB));
  CHECK(f.cache.counters().nr_dirtied == Pages(0));
  CHECK(f.sizes(false).front() > Sectors(8));
}

TEST_CASE("several files are written one after the other, each to its end", "[workload]") {
  Access f;
  JobConfig job = writer(8, 40);
  job.nrfiles = 2;
  Job& started = f.start(job, {&f.file(0, 0), &f.file(0, 1)});
  f.run_until(seconds(100));
  REQUIRE(started.finished());
  std::vector<Bytes> lengths;
  for (const CallRecord& call : f.log.writes)
    lengths.push_back(call.bytes);
  const Bytes full(8 * kKiB), rest(4 * kKiB);
  CHECK(lengths == std::vector<Bytes>{full, full, rest, full, full, rest});
  CHECK(f.file(0, 0).i_data.nrpages == 5);
  CHECK(f.file(0, 1).i_size == 20 * kKiB);
}

TEST_CASE("a job that waits begins a startdelay after the other one's end", "[workload]") {
  Access f;
  JobConfig first = writer(4, 12);
  first.thinktime = milliseconds(10);
  JobConfig second = writer(4, 4);
  second.startdelay = milliseconds(5);
  second.runtime = seconds(1);
  Job& before = f.start(first, {&f.file(0)});
  Job& after = f.start(second, {&f.file(0)});
  after.wait_for(before);
  f.run_until(seconds(10));
  REQUIRE(after.finished());
  CHECK(after.summary().start == before.summary().end + milliseconds(5));
  CHECK(after.summary().written == Bytes(4 * kKiB));
}

TEST_CASE("late rounds are made up for with catch_up", "[workload]") {
  Access f;
  JobConfig job = writer(128, 128 * 4);
  job.fsync = 1;  // write and fsync: 100 us + 1311 us
  job.period = milliseconds(1);
  job.catch_up = true;
  f.run(job);
  REQUIRE(f.log.writes.size() == 4);
  for (std::size_t i = 1; i < 4; ++i)
    CHECK(f.log.writes[i].start == f.log.fsyncs[i - 1].start + f.log.fsyncs[i - 1].latency);
}

TEST_CASE("memory that a job locks is not there for the page cache until it ends", "[workload]") {
  Access f;
  const Pages free = f.cache.free_pages();
  JobConfig job = writer(4, 8);
  job.lockmem = Bytes(8 << 20);
  job.thinktime = milliseconds(100);
  Job& started = f.start(job, {&f.file(0)});
  f.run_until(milliseconds(50));
  CHECK(free - f.cache.free_pages() >= Pages(2048));
  f.run_until(seconds(10));
  REQUIRE(started.finished());
  CHECK(free - f.cache.free_pages() < Pages(10));
}

// Costs of one kind at a time, in a machine where nothing else takes time.
Duration time_of_pages(Duration CpuCosts::*cost, int pages) {
  Access f;
  f.vfs.costs.*cost = milliseconds(1);
  const WriterSummary w = f.run(writer(4, 4 * pages));
  return Duration(w.write.sum);
}

TEST_CASE("new pages are charged in batches of 14, and of 31 with their buffers' slabs",
          "[workload]") {
  CHECK(time_of_pages(&CpuCosts::lru_batch, 140) == milliseconds(10));
  // 310 pages are ten batches and nine slabs of buffer heads; the first of each is at hand.
  CHECK(time_of_pages(&CpuCosts::refill, 31) == milliseconds(0));
  CHECK(time_of_pages(&CpuCosts::refill, 32) == milliseconds(1));
  CHECK(time_of_pages(&CpuCosts::refill, 310) == milliseconds(9 + 8));
}

TEST_CASE("a node of the page tree is charged when the first page under it is made", "[workload]") {
  CHECK(time_of_pages(&CpuCosts::tree_node, 64) == milliseconds(1));
  CHECK(time_of_pages(&CpuCosts::tree_node, 65) == milliseconds(3));  // the second leaf, and a root
  CHECK(time_of_pages(&CpuCosts::tree_node, 128) == milliseconds(3));
}

TEST_CASE("a page is charged for becoming dirty, each time it was clean", "[workload]") {
  Access f;
  f.vfs.costs.dirty_page = milliseconds(1);
  JobConfig job = writer(4, 40);
  job.io_size = Bytes(80 * kKiB);  // twice over the same ten pages
  CHECK(f.run(job).write.sum == Duration(milliseconds(10)).count());
  REQUIRE(f.context.counters().nr_file_dirty == Pages(0));  // they were written out since
  job.name = "again";
  CHECK(f.run(job).write.sum == Duration(milliseconds(10)).count());
}

TEST_CASE("a new block is charged once, when it is allocated", "[workload]") {
  Access f;
  f.vfs.costs.allocate_block = milliseconds(1);
  JobConfig job = writer(4, 40);
  job.io_size = Bytes(80 * kKiB);
  Job& grows = f.start(job, {&f.file(0, 1)});
  f.run_until(seconds(50));
  REQUIRE(grows.finished());
  CHECK(grows.summary().write.sum == Duration(milliseconds(10)).count());
  job.name = "again";
  CHECK(f.run(job).write.sum == 0);  // a file that was preallocated
}

TEST_CASE("each page of a file costs the indirect blocks on the way to its block", "[workload]") {
  // Blocks of 4 KiB: 12 direct ones, 1024 behind an indirect block, the others behind two.
  CHECK(time_of_pages(&CpuCosts::indirect_block, 12) == milliseconds(0));
  CHECK(time_of_pages(&CpuCosts::indirect_block, 12 + 1024) == milliseconds(1024));
  CHECK(time_of_pages(&CpuCosts::indirect_block, 12 + 1024 + 10) == milliseconds(1024 + 20));

  Access f;
  f.vfs.costs.indirect_block = milliseconds(1);
  JobConfig job = writer(4, 4 * 20);
  CHECK(f.run(job).write.sum == Duration(milliseconds(8)).count());
  job.name = "again";
  CHECK(f.run(job).write.sum == 0);  // its buffers are mapped
}

TEST_CASE("locking memory waits until write-back has made room", "[workload]") {
  Access f;
  f.dirty_pages(f.file(0), 0, 4096);
  JobConfig job = writer(4, 4);
  job.lockmem = to_bytes(f.cache.free_pages() + Pages(1000));
  Job& started = f.start(job, {&f.file(0)});
  f.run_until(seconds(20));
  CHECK_FALSE(started.finished());
  f.run_until(seconds(100));  // the pages have aged and are clean
  CHECK(started.finished());
}

TEST_CASE("an fsync job syncs its file once", "[workload]") {
  Access f;
  f.dirty_pages(f.file(0), 0, 16);
  JobConfig job;
  job.name = "fsync";
  job.rw = JobKind::kFsync;
  job.startdelay = milliseconds(7);
  CHECK(f.run(job).fsync.count == 1);
  REQUIRE(f.log.fsyncs.size() == 1);
  CHECK(f.log.fsyncs[0].start == milliseconds(7));
  CHECK(f.cache.counters().nr_written == Pages(16));
}

TEST_CASE("a replay keeps the time between its calls, their moments, or neither", "[workload]") {
  Scenario s = plain_scenario("2.6.32");
  s.cpu.costs.user_call = milliseconds(1);
  ReplayConfig& replay = s.replays.emplace_back();
  replay.name = "replay";
  replay.files = {"fs0/f"};
  for (const int start : {0, 10}) {
    ReplayOp& op = replay.ops.emplace_back();
    op.kind = ReplayCall::kWrite;
    op.start = milliseconds(start);
    op.duration = milliseconds(4);
    op.length = 4096;
  }
  std::vector<Duration> starts;
  const auto run = [&](ReplayPace pace) {
    replay.pace = pace;
    TraceLog log;
    Machine(s, log).run();
    starts.clear();
    for (const CallRecord& call : log.writes)
      starts.push_back(call.start);
  };
  // The program takes a millisecond before each call; a call takes none here.
  run(ReplayPace::kThink);
  CHECK(starts == std::vector<Duration>{milliseconds(1), milliseconds(1 + 1 + 6)});
  run(ReplayPace::kTimestamps);
  CHECK(starts == std::vector<Duration>{milliseconds(1), milliseconds(10)});
  run(ReplayPace::kClosedLoop);
  CHECK(starts == std::vector<Duration>{milliseconds(1), milliseconds(2)});
}

TEST_CASE("a store to the page that the file ends in is within it", "[workload]") {
  Access f;
  f.file(0, 1).i_size = 2 * kPageSize + 1;
  JobConfig job = writer(4, 16);
  job.ioengine = IoEngine::kMmap;
  const Job& started = f.start(job, {&f.file(0, 1)});
  f.run_until(seconds(1));
  CHECK(started.summary().errors == 1);
  CHECK(f.cache.counters().nr_dirtied == Pages(3));
}

}  // namespace
}  // namespace wbsim
