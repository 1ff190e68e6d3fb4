// Jobs: when they call, where they read and write, and when they end.
#include <catch2/catch.hpp>
#include <set>

#include "tests/support/machine_fixture.hpp"
#include "tests/support/print_units.hpp"

namespace wbsim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::int64_t kKiB = 1024;

// Jobs whose calls take no time unless they wait for the disk, on a file of 16 MiB. The times in
// the log count from the origin.
struct Jobs : MachineFixture {
  Jobs() : MachineFixture(scenario()) {
    start_flusher();
    log.after_call = [this] { note_pages(); };
  }
  static Scenario scenario() {
    Scenario s = plain_scenario("2.6.32");
    s.run.uptime_at_start = seconds(1);
    s.vm.dirty_ratio = 100;
    s.vm.dirty_background_ratio = 99;
    return s;
  }
  Job& start(JobConfig job_config, int clone = 0) {
    if (sim.now() > context.origin)
      job_config.startdelay += sim.now() - context.origin;
    JobTarget target;
    if (job_config.rw != JobKind::kSync)
      target = {{{.f_inode = &file(0)}}, 0};
    Job& job = jobs.emplace_back(context, *flusher, job_config, static_cast<int>(jobs.size()),
                                 clone, target);
    sim.spawn(job.task().name(), job.run());
    return job;
  }
  WriterSummary run(const JobConfig& job_config) {
    Job& job = start(job_config);
    run_until(sim.now().time_since_epoch() + seconds(1000));
    REQUIRE(job.finished());
    return job.summary();
  }
  // Which pages a call used: it leaves its mark on them, and we wipe it.
  void note_pages() {
    std::vector<PageIndex> used;
    AddressSpace& mapping = file(0).i_data;
    PageIndex index = mapping.pages.next_present(0);
    for (; index != PageTree::kNone; index = mapping.pages.next_present(index + 1)) {
      Page& p = page(file(0), index);
      if (p.test(PG_referenced))
        used.push_back(index);
      p.clear(PG_referenced);
    }
    calls.push_back(used);
  }
  // The first page of each call.
  std::vector<PageIndex> positions() const {
    std::vector<PageIndex> result;
    for (const auto& used : calls)
      result.push_back(used.at(0));
    return result;
  }
  std::vector<Duration> starts() const {
    std::vector<Duration> result;
    for (const CallRecord& call : log.writes)
      result.push_back(call.start);
    return result;
  }
  std::deque<Job> jobs;
  std::vector<std::vector<PageIndex>> calls;
};

JobConfig writer(std::int64_t bs_kib, std::int64_t size_kib) {
  JobConfig job;
  job.name = "w";
  job.filename = "fs0/f";
  job.bs = Bytes(bs_kib * kKiB);
  job.size = Bytes(size_kib * kKiB);
  return job;
}

using Starts = std::vector<Duration>;
using Positions = std::vector<PageIndex>;

TEST_CASE("a job writes its region once, in order", "[workload]") {
  Jobs f;
  JobConfig job = writer(8, 40);
  job.offset = Bytes(4 * kKiB);
  const WriterSummary w = f.run(job);
  CHECK(f.positions() == Positions{1, 3, 5, 7, 9});
  CHECK(f.calls[0] == Positions{1, 2});
  CHECK(w.written == Bytes(40 * kKiB));
  CHECK(w.write.count == 5);
  CHECK(w.name == "w");
  CHECK(w.errors == 0);
  CHECK(f.log.writes[0].bytes == Bytes(8 * kKiB));
}

TEST_CASE("without a size the region reaches to the end of the file", "[workload]") {
  Jobs f;
  JobConfig job = writer(1024, 0);
  job.size.reset();
  job.offset = Bytes(4 << 20);
  CHECK(f.run(job).written == Bytes(12 << 20));
}

TEST_CASE("io_size goes on from the start of the region", "[workload]") {
  Jobs f;
  JobConfig job = writer(4, 12);
  job.io_size = Bytes(20 * kKiB);
  f.run(job);
  CHECK(f.positions() == Positions{0, 1, 2, 0, 1});
}

TEST_CASE("a rest smaller than a block is passed over when wrapping", "[workload]") {
  Jobs f;
  JobConfig job = writer(8, 20);
  job.io_size = Bytes(32 * kKiB);
  f.run(job);
  CHECK(f.positions() == Positions{0, 2, 0, 2});
}

TEST_CASE("zoneskip leaves holes after each zone, and a new round starts a new zone",
          "[workload]") {
  Jobs f;
  JobConfig job = writer(4, 48);
  job.zonesize = Bytes(8 * kKiB);
  job.zoneskip = Bytes(12 * kKiB);
  job.io_size = Bytes(28 * kKiB);
  f.run(job);
  CHECK(f.positions() == Positions{0, 1, 5, 6, 10, 11, 0});
}

TEST_CASE("random writes stay within the region and are whole blocks of it", "[workload]") {
  Jobs f;
  JobConfig job = writer(8, 64);
  job.rw = JobKind::kRandWrite;
  job.offset = Bytes(4 * kKiB);
  job.io_size = Bytes(1600 * kKiB);
  f.run(job);
  std::set<PageIndex> seen;
  for (const PageIndex page : f.positions()) {
    CHECK((page - 1) % 2 == 0);
    CHECK(page < 17);
    seen.insert(page);
  }
  CHECK(f.calls.size() == 200);
  CHECK(seen.size() == 8);
}

TEST_CASE("a call may cost much and its pages nothing", "[workload]") {
  Jobs f;
  f.vfs.costs.write_syscall = milliseconds(1);
  f.run(writer(20, 40));
  CHECK(f.processors.busy() == milliseconds(2));
}

TEST_CASE("rate spaces the calls by what was written", "[workload]") {
  Jobs f;
  JobConfig job = writer(64, 256);
  job.rate_bytes_per_s = 1 << 20;
  const WriterSummary w = f.run(job);
  const Duration step = milliseconds(62) + std::chrono::microseconds(500);
  CHECK(f.starts() == Starts{Duration(0), step, step * 2, step * 3});
  CHECK(w.start == Duration(0));
}

TEST_CASE("a job behind its rate catches up", "[workload]") {
  Jobs f;
  JobConfig job = writer(64, 512);
  job.rate_bytes_per_s = 1 << 20;
  job.fsync = 3;  // takes about 2 ms, less than there is time
  f.run(job);
  const Duration step = milliseconds(62) + std::chrono::microseconds(500);
  const Starts starts = f.starts();
  REQUIRE(starts.size() == 8);
  for (std::size_t i = 0; i < starts.size(); ++i)
    CHECK(starts[i] == step * static_cast<std::int64_t>(i));
}

TEST_CASE("thinktime follows every thinktime_blocks calls", "[workload]") {
  Jobs f;
  JobConfig job = writer(4, 24);
  job.thinktime = milliseconds(10);
  SECTION("every one") {
    f.run(job);
    CHECK(f.starts() == Starts{milliseconds(0), milliseconds(10), milliseconds(20),
                               milliseconds(30), milliseconds(40), milliseconds(50)});
  }
  SECTION("every third") {
    job.thinktime_blocks = 3;
    f.run(job);
    CHECK(f.starts() == Starts{milliseconds(0), milliseconds(0), milliseconds(0), milliseconds(10),
                               milliseconds(10), milliseconds(10)});
  }
}

TEST_CASE("startdelay counts from the start of the jobs, runtime from there", "[workload]") {
  Jobs f;
  JobConfig job = writer(4, 1024);
  job.time_based = true;
  job.thinktime = milliseconds(100);
  job.startdelay = milliseconds(2000);
  job.runtime = milliseconds(250);
  const WriterSummary w = f.run(job);
  CHECK(f.starts() == Starts{milliseconds(2000), milliseconds(2100), milliseconds(2200)});
  CHECK(w.start == milliseconds(2000));
}

TEST_CASE("no call begins at the end of the runtime", "[workload]") {
  Jobs f;
  JobConfig job = writer(4, 1024);
  job.time_based = true;
  job.thinktime = milliseconds(100);
  job.runtime = milliseconds(300);
  CHECK(f.run(job).write.count == 3);
}

TEST_CASE("runtime cuts a job short, but does not prolong it", "[workload]") {
  Jobs f;
  JobConfig job = writer(4, 12);
  job.runtime = seconds(100);
  CHECK(f.run(job).written == Bytes(12 * kKiB));
}

TEST_CASE("time_based goes round until the runtime is over", "[workload]") {
  Jobs f;
  JobConfig job = writer(4, 8);
  job.time_based = true;
  job.thinktime = milliseconds(10);
  job.runtime = milliseconds(45);
  f.run(job);
  CHECK(f.positions() == Positions{0, 1, 0, 1, 0});
}

TEST_CASE("rounds begin at multiples of the period", "[workload]") {
  Jobs f;
  JobConfig job = writer(64, 64 * 4);
  job.startdelay = milliseconds(30);
  job.period = milliseconds(100);
  SECTION("when each is over in time") {
    job.fsync = 1;
    f.run(job);
    CHECK(f.starts() ==
          Starts{milliseconds(30), milliseconds(130), milliseconds(230), milliseconds(330)});
  }
  SECTION("also when a call takes no time at all") {
    f.run(job);
    CHECK(f.starts() ==
          Starts{milliseconds(30), milliseconds(130), milliseconds(230), milliseconds(330)});
  }
  SECTION("a round that takes longer makes the next wait for the next multiple") {
    job.fsync = 1;
    job.period = milliseconds(1);  // write and fsync of 64 KiB: 100 us + 655 us
    job.bs = Bytes(128 * kKiB);    // 1.41 ms
    f.run(job);
    CHECK(f.starts() == Starts{milliseconds(30), milliseconds(32)});
  }
}

TEST_CASE("call_limit ends a job", "[workload]") {
  Jobs f;
  JobConfig job = writer(4, 1024);
  job.call_limit = 7;
  CHECK(f.run(job).write.count == 7);
}

TEST_CASE("fsync and fdatasync come after every so many writes", "[workload]") {
  Jobs f;
  JobConfig job = writer(4, 40);
  SECTION("fsync") {
    job.fsync = 3;
  }
  SECTION("fdatasync") {
    job.fdatasync = 3;
  }
  const WriterSummary w = f.run(job);
  CHECK(w.fsync.count == 3);
  REQUIRE(f.log.fsyncs.size() == 3);
  CHECK(f.log.fsyncs[0].start == f.log.writes[2].start);
  CHECK(f.log.fsyncs[0].write_latency == f.log.writes[2].latency);
  CHECK(f.log.fsyncs[0].latency > Duration(0));
  CHECK(f.cache.counters().nr_written >= Pages(9));
}

TEST_CASE("end_fsync syncs once at the end, and the job ends after it", "[workload]") {
  Jobs f;
  JobConfig job = writer(4, 40);
  job.end_fsync = true;
  const WriterSummary w = f.run(job);
  CHECK(w.fsync.count == 1);
  CHECK(f.cache.counters().nr_written == Pages(10));
  CHECK(w.end >= f.log.requests.back().completed);
}

TEST_CASE("clones have names, offsets and random numbers of their own", "[workload]") {
  Jobs f;
  JobConfig job = writer(4, 512);
  job.numjobs = 3;
  job.rw = JobKind::kRandWrite;
  job.io_size = Bytes(128 * kKiB);
  job.offset_increment = Bytes(1 << 20);
  std::vector<Positions> of_clone;
  for (int clone = 0; clone < 3; ++clone) {
    f.calls.clear();
    Job& started = f.start(job, clone);
    f.run_until(seconds(10 * (clone + 1)));
    REQUIRE(started.finished());
    CHECK(started.summary().name == "w-" + std::to_string(clone));
    of_clone.push_back(f.positions());
    for (PageIndex& page : of_clone.back()) {
      CHECK(page >= static_cast<PageIndex>(clone) * 256);
      page -= static_cast<PageIndex>(clone) * 256;
      CHECK(page < 128);
    }
  }
  CHECK(of_clone[0] != of_clone[1]);
  CHECK(of_clone[1] != of_clone[2]);
}

TEST_CASE("the numbers of a job do not depend on the jobs beside it", "[workload]") {
  JobConfig job = writer(4, 512);
  job.rw = JobKind::kRandWrite;
  job.io_size = Bytes(64 * kKiB);
  Jobs alone, after_another;
  alone.run(job);
  JobConfig other = job;
  other.name = "other";
  after_another.run(other);
  after_another.calls.clear();
  after_another.run(job);
  CHECK(alone.positions() == after_another.positions());
}

TEST_CASE("a reader reads its region and its reads are counted", "[workload]") {
  Jobs f;
  JobConfig job = writer(16, 64);
  job.rw = JobKind::kRead;
  const WriterSummary w = f.run(job);
  CHECK(w.read == Bytes(64 * kKiB));
  CHECK(w.written == Bytes(0));
  CHECK(w.read_latency.count == 4);
  CHECK(w.write.count == 0);
  CHECK(f.log.reads.size() == 4);
  for (const RequestRecord& request : f.log.requests)
    CHECK_FALSE(request.write);
  CHECK(f.positions() == Positions{0, 4, 8, 12});
}

TEST_CASE("sync jobs call sync once, or every period", "[workload]") {
  Jobs f;
  JobConfig job;
  job.name = "sync";
  job.rw = JobKind::kSync;
  SECTION("once") {
    CHECK(f.run(job).fsync.count == 1);
  }
  SECTION("every period until the runtime is over") {
    job.period = seconds(1);
    job.runtime = milliseconds(3500);
    const WriterSummary w = f.run(job);
    CHECK(w.fsync.count == 4);
    CHECK(w.write.count == 0);
  }
  SECTION("so many times") {
    job.period = seconds(1);
    job.call_limit = 2;
    CHECK(f.run(job).fsync.count == 2);
    REQUIRE(f.log.fsyncs.size() == 2);
    CHECK(f.log.fsyncs[1].start == seconds(1));
    CHECK(f.log.fsyncs[1].fsync_start == seconds(1));
  }
}

TEST_CASE("calls that take no time at all do not stop the clock", "[workload]") {
  Jobs f;
  JobConfig job = writer(4, 4);
  job.time_based = true;
  job.runtime = seconds(1);
  f.start(job);
  CHECK_THROWS_AS(f.run_until(seconds(2)), SimulatedDeadlock);
}

TEST_CASE("writes longer than a millisecond are stalls", "[workload]") {
  Scenario s = Jobs::scenario();
  Jobs f;
  f.vfs.costs.write_syscall = milliseconds(1);
  JobConfig job = writer(4, 8);
  CHECK(f.run(job).stalls == 0);  // exactly one is not longer
  f.vfs.costs.write_syscall = milliseconds(1) + Duration(1);
  job.name = "slower";
  CHECK(f.run(job).stalls == 2);
}

TEST_CASE("the files that are written are each named once", "[workload]") {
  Scenario s;
  const std::pair<JobKind, const char*> jobs[] = {{JobKind::kWrite, "fs0/b"},
                                                  {JobKind::kRead, "fs0/c"},
                                                  {JobKind::kRandWrite, "fs0/a"},
                                                  {JobKind::kRandWrite, "fs0/b"}};
  for (const auto& [kind, file] : jobs) {
    s.jobs.emplace_back();
    s.jobs.back().rw = kind;
    s.jobs.back().filename = file;
  }
  CHECK(written_files(s) == std::vector<std::string>{"fs0/b", "fs0/a"});
}

}  // namespace
}  // namespace wbsim
