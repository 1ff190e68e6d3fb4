// What a sample says, and the processor time that whoever records a run takes from the writers.
#include <algorithm>
#include <catch2/catch.hpp>

#include "models/machine.hpp"
#include "tests/support/machine_fixture.hpp"

namespace wbsim {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

// One call of 100 us after the other, and samples that take 300 us, or 2 ms with a census.
struct Recorded {
  explicit Recorded(const char* kernel = "2.6.31") : scenario(plain_scenario(kernel, 2)) {
    scenario.cpu.costs.write_syscall = microseconds(100);
    scenario.run.sample_cost = microseconds(300);
    scenario.run.thread_census = microseconds(1700);
    JobConfig job;
    job.name = "writer";
    job.filename = "fs0/f";
    job.bs = Bytes(4096);
    job.size = Bytes(1 << 20);
    job.time_based = true;
    job.runtime = milliseconds(650);
    scenario.jobs.push_back(job);
  }
  // How much longer than usual the longest call about then was, in tenths of a millisecond.
  std::int64_t longer_at(Duration when) {
    if (log.writes.empty())
      Machine(scenario, log).run();
    Duration longest{0};
    for (const CallRecord& call : log.writes)
      if (call.start > when - milliseconds(1) && call.start < when + milliseconds(1))
        longest = std::max(longest, call.latency);
    return (longest - microseconds(100)) / microseconds(100);
  }
  // With a sample, after another job was forked.
  void begin_with_a_sample() {
    scenario.run.recorder_competes = true;
    scenario.jobs.front().startdelay = microseconds(2'100'050);
    scenario.jobs.push_back(scenario.jobs.front());
    scenario.jobs.back().name = "youngest";
    scenario.jobs.back().startdelay = seconds(4);
  }
  Duration longest() {
    Machine(scenario, log).run();
    Duration longest{0};
    for (const CallRecord& call : log.writes)
      longest = std::max(longest, call.latency);
    return longest;
  }

  Scenario scenario;
  TraceLog log;
};

TEST_CASE("a sample takes its time from the call it falls into", "[sampler]") {
  Recorded f;
  CHECK(f.longer_at(milliseconds(100)) == 3);
  CHECK(f.longer_at(milliseconds(400)) == 3);
}

TEST_CASE("the first and each fifth sample after it count threads", "[sampler]") {
  Recorded f;
  CHECK(f.longer_at(milliseconds(500)) == 20);
  CHECK(f.longer_at(milliseconds(600)) == 3);
}

TEST_CASE("a recorder that gets the processor late takes its first sample then", "[sampler]") {
  Recorded f;
  f.scenario.run.first_sample_delay = milliseconds(8);
  CHECK(f.longer_at(milliseconds(8)) == 20);
  CHECK(f.longer_at(milliseconds(100)) == 3);
}

TEST_CASE("ends of writes to a device node take longer once the recorder's table is full",
          "[sampler]") {
  Recorded f;
  f.scenario.run.kept_pages = Pages(3);
  f.scenario.run.kept_pages_search = milliseconds(8);
  JobConfig fsyncs;
  fsyncs.name = "fsyncs";
  fsyncs.filename = "/dev/d1";
  fsyncs.bs = Bytes(5 * 4096);
  fsyncs.size = fsyncs.bs;
  fsyncs.fsync = 1;
  f.scenario.jobs.push_back(fsyncs);
  CHECK(f.longest() >= milliseconds(16));
  CHECK(f.longest() < milliseconds(24));
}

// The sample is due together with the job's first call, and the job was there first: the recorder
// waits for a tick that finds the job to have had min_granularity.
TEST_CASE("a recorder that competes waits for whoever woke with it", "[sampler]") {
  Recorded f("6.1");
  f.begin_with_a_sample();
  CHECK(f.longer_at(milliseconds(2101)) == 3);
  CHECK(f.log.writes.front().latency == microseconds(100));
  CHECK(f.longer_at(milliseconds(2200)) == 3);
  CHECK(f.longer_at(milliseconds(2500)) == 20);
}

TEST_CASE("a recorder that competes sees what others did before it had the processor",
          "[sampler]") {
  Recorded f("6.1");
  f.begin_with_a_sample();
  Machine(f.scenario, f.log).run();
  const Sample& at_start = f.log.samples.at(21);
  CHECK(at_start.time >= milliseconds(2101));
  CHECK(at_start.nr_dirty >= Pages(8));
  CHECK(f.log.samples.at(20).time < milliseconds(2001));
  CHECK(f.log.samples.at(22).time < milliseconds(2201));
}

// 50 us of the timers' slack; the job that is woken with the recorder runs once that is done.
TEST_CASE("a recorder that competes takes its first sample before the jobs begin", "[sampler]") {
  Recorded f("6.1");
  f.scenario.run.recorder_competes = true;
  f.scenario.cpu.costs.context_switch = microseconds(4);
  f.scenario.jobs.front().startdelay = microseconds(50);
  Machine(f.scenario, f.log).run();
  CHECK(f.log.samples.front().time == microseconds(54));
  CHECK(f.log.writes.front().start == microseconds(50 + 2000 + 4));
}

TEST_CASE("what a sample says of the devices adds up to what it says of memory", "[sampler]") {
  Recorded f(GENERATE("2.6.31", "2.6.32"));
  f.scenario.vm.dirty_background_bytes = 16 * kPageSize;
  JobConfig other = f.scenario.jobs.front();
  other.name = "other";
  other.filename = "fs1/f";
  f.scenario.jobs.push_back(other);
  Machine(f.scenario, f.log).run();
  Pages most_dirty{0};
  for (const Sample& sample : f.log.samples) {
    Pages reclaimable{0}, writeback{0}, dirtied{0}, written{0};
    for (const DeviceSample& device : sample.devices) {
      reclaimable += device.bdi_reclaimable;
      writeback += device.bdi_writeback;
      dirtied += device.bdi_dirtied;
      written += device.bdi_written;
      const bool listed = device.b_dirty + device.b_io + device.b_more_io > 0;
      CHECK((listed || device.bdi_reclaimable == Pages(0)));
    }
    CHECK(reclaimable == sample.nr_dirty);
    CHECK(writeback == sample.nr_writeback);
    CHECK(dirtied == sample.nr_dirtied);
    CHECK(written == sample.nr_written);
    most_dirty = std::max(most_dirty, reclaimable);
  }
  CHECK(most_dirty > Pages(0));
  CHECK(f.log.samples.back().nr_written > Pages(0));
}

}  // namespace
}  // namespace wbsim
