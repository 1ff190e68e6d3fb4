// Laptop mode: when everything is written, and when nothing is.
#include <algorithm>
#include <catch2/catch.hpp>
#include <string>

#include "models/machine.hpp"
#include "tests/support/machine_fixture.hpp"
#include "tests/support/print_units.hpp"

namespace wbsim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr const char* kAll[] = {"2.6.18", "2.6.24", "2.6.31", "2.6.32", "3.10", "6.1"};

JobConfig job(const std::string& name, JobKind rw, Bytes size, Duration startdelay) {
  JobConfig job;
  job.name = name;
  job.rw = rw;
  job.filename = "fs0/f";
  job.bs = Bytes(65536);
  job.size = size;
  job.startdelay = startdelay;
  return job;
}

struct Laptop {
  Laptop() : scenario(plain_scenario(GENERATE(from_range(std::begin(kAll), std::end(kAll))))) {
    scenario.vm.laptop_mode = 5;
    scenario.vm.dirty_writeback_centisecs = 0;
    scenario.run.until = RunUntil::kDuration;
    scenario.run.duration = seconds(60);
  }
  // The first write since then, kNever without one.
  Duration first_write(Duration since = Duration(0)) {
    if (!done)
      summary = Machine(scenario, log).run();
    done = true;
    for (const RequestRecord& request : log.requests)
      if (request.write && request.queued >= since)
        return request.queued;
    return kNever;
  }
  static constexpr Duration kNever = Duration::max();

  Scenario scenario;
  TraceLog log;
  RunSummary summary;
  bool done = false;
};

TEST_CASE("in laptop mode everything is written some time after the last request", "[writeback]") {
  Laptop f;
  f.scenario.jobs.push_back(job("writer", JobKind::kWrite, Bytes(1 << 20), Duration(0)));
  for (const int second : {10, 13}) {
    JobConfig reader =
        job("reader" + std::to_string(second), JobKind::kRead, Bytes(65536), seconds(second));
    reader.offset = Bytes((4 << 20) + (second << 16));
    f.scenario.jobs.push_back(reader);
  }
  CHECK(f.first_write() >= seconds(18));
  // The timer wheel of 6.1 rounds up by half a second.
  CHECK(f.first_write() <= milliseconds(18600));
  CHECK(f.summary.memory.nr_written == Pages(256));
}

TEST_CASE("in laptop mode sync(2) stops the timer", "[writeback]") {
  Laptop f;
  f.scenario.jobs.push_back(job("first", JobKind::kWrite, Bytes(1 << 20), Duration(0)));
  JobConfig sync = job("sync", JobKind::kSync, Bytes(0), seconds(2));
  sync.size.reset();
  f.scenario.jobs.push_back(sync);
  f.scenario.jobs.push_back(job("second", JobKind::kWrite, Bytes(1 << 20), seconds(3)));
  CHECK(f.first_write() >= seconds(2));
  CHECK(f.first_write() < milliseconds(2010));
  CHECK(f.first_write(seconds(3)) == Laptop::kNever);
}

TEST_CASE("in laptop mode much dirty memory does not start background write-back", "[writeback]") {
  Laptop f;
  f.scenario.vm.dirty_background_ratio = 2;
  f.scenario.vm.dirty_ratio = 80;
  f.scenario.jobs.push_back(job("writer", JobKind::kWrite, Bytes(8 << 20), Duration(0)));
  SECTION("laptop mode") {
    CHECK(f.first_write() == Laptop::kNever);
  }
  SECTION("without it") {
    f.scenario.vm.laptop_mode = 0;
    CHECK(f.first_write() < seconds(1));
  }
}

TEST_CASE("from 2.6.36 on each device is written some time after its own last request",
          "[writeback]") {
  const bool each = GENERATE(false, true);
  Scenario s = plain_scenario(each ? "2.6.39" : "2.6.32", 2);
  s.vm.laptop_mode = 5;
  s.vm.dirty_writeback_centisecs = 0;
  s.run.until = RunUntil::kDuration;
  s.run.duration = seconds(60);
  for (const int disk : {0, 1}) {
    const std::string file = "fs" + std::to_string(disk) + "/f";
    JobConfig writer =
        job("writer" + std::to_string(disk), JobKind::kWrite, Bytes(1 << 20), Duration(0));
    JobConfig reader =
        job("reader" + std::to_string(disk), JobKind::kRead, Bytes(65536), seconds(10 + 3 * disk));
    writer.filename = reader.filename = file;
    reader.offset = Bytes(4 << 20);
    s.jobs.push_back(writer);
    s.jobs.push_back(reader);
  }
  TraceLog log;
  Machine(s, log).run();
  std::vector<Duration> first(2, Laptop::kNever);
  for (const RequestRecord& request : log.requests)
    if (request.write)
      first.at(static_cast<std::size_t>(request.device)) =
          std::min(first.at(static_cast<std::size_t>(request.device)), request.queued);
  CHECK(first[0] >= seconds(each ? 15 : 18));
  CHECK(first[0] < milliseconds(each ? 15100 : 18100));
  CHECK(first[1] >= seconds(18));
  CHECK(first[1] < milliseconds(18100));
}

}  // namespace
}  // namespace wbsim
