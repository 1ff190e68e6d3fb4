// Small runs, compared byte for byte with the files beside this one. After a change that is meant
// to change them, WBSIM_UPDATE_GOLDEN=1 writes them anew: look at the difference before it is kept.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "models/machine.hpp"

namespace wbsim {
namespace {

constexpr std::int64_t kMiB = 1 << 20;
constexpr std::size_t kRecords = 200;

// The first records of a run, a line each.
class RecordText : public TraceSink {
 public:
  void on_write(const CallRecord& c) override { call("write", c); }
  void on_read(const CallRecord& c) override { call("read", c); }
  void on_fsync(const FsyncRecord& f) override {
    line() << "fsync " << f.start.count() << " by " << f.writer << " write "
           << f.write_latency.count() << " took " << f.latency.count() << '\n';
  }
  bool wants_requests() const override { return true; }
  void on_request(const RequestRecord& r) override {
    line() << "request " << r.queued.count() << " started " << r.started.count() << " completed "
           << r.completed.count() << " disk " << r.device << (r.write ? " write " : " read ")
           << r.sector.count() << '+' << r.sectors.count() << " head " << r.head_before.count()
           << " bios " << r.bios << " allocated " << r.allocated << (r.sync ? " sync" : "")
           << (r.idle_start ? " idle" : "") << " meta " << r.meta_sectors.count() << " for "
           << to_string(r.reason) << " by " << r.thread << '\n';
  }
  void on_work(const WorkRecord& w) override {
    line() << "work " << w.start.count() << " to " << w.end.count() << " for "
           << to_string(w.reason) << " by " << w.thread << " pages " << w.written.count() << '\n';
  }
  std::string text() const { return text_.str(); }

 private:
  void call(const char* what, const CallRecord& c) {
    line() << what << ' ' << c.start.count() << " by " << c.writer << " bytes " << c.bytes.count()
           << " took " << c.latency.count() << '\n';
  }
  std::ostream& line() {
    if (++records_ <= kRecords)
      return text_;
    nowhere_.str("");
    return nowhere_;
  }
  std::size_t records_ = 0;
  std::ostringstream text_, nowhere_;
};

void put(std::ostream& out, const char* name, const LatencySummary& l) {
  if (l.count == 0)
    return;
  out << "  " << name << ' ' << l.count << " sum " << l.sum << " min " << l.min << " max " << l.max;
  for (const LatencySummary::Percentile& p : l.percentiles)
    if (p.percent == 50 || p.percent == 99)
      out << " p" << static_cast<int>(p.percent) << ' ' << p.value;
  out << '\n';
}

std::string summary_text(const RunSummary& r) {
  std::ostringstream out;
  out << "kernel " << r.kernel << ' ' << r.flusher << ' ' << r.throttle << '\n'
      << "simulated " << r.simulated.count() << " writers_end " << r.writers_end.count()
      << " first_throttle " << r.first_throttle.count() << '\n';
  for (const WriterSummary& w : r.writers) {
    out << "writer " << w.name << " written " << w.written.count() << " read " << w.read.count()
        << " from " << w.start.count() << " to " << w.end.count() << " stalls " << w.stalls
        << " errors " << w.errors << " throttled " << w.throttled.count() << " in "
        << w.throttle_calls << '\n';
    put(out, "write", w.write);
    put(out, "read", w.read_latency);
    put(out, "fsync", w.fsync);
  }
  for (const DeviceSummary& d : r.devices)
    out << "device " << d.name << " reads " << d.rd_ios << ' ' << d.read.count() << " writes "
        << d.wr_ios << ' ' << d.written.count() << " merges " << d.wr_merges << " metadata "
        << d.metadata.count() << " busy " << d.busy.count() << " first " << d.first_write.count()
        << " last " << d.last_write.count() << " seeks " << d.seeks << '\n';
  const FlusherSummary& f = r.flushers;
  out << "flushers " << f.max_threads << " background " << f.background_works << " periodic "
      << f.periodic_works << " first_background " << f.first_background.count() << '\n';
  const MemorySummary& m = r.memory;
  out << "memory limits " << m.background_threshold_at_start.count() << ' '
      << m.dirty_threshold_at_start.count() << " peaks " << m.peak_dirty.count() << ' '
      << m.peak_writeback.count() << ' ' << m.peak_dirty_and_writeback.count() << " dirtied "
      << m.nr_dirtied.count() << " written " << m.nr_written.count() << " redirtied "
      << m.nr_redirtied.count() << " discarded " << m.discarded.count() << " left "
      << m.still_dirty.count() << ' ' << m.still_writeback.count() << " clean_after "
      << m.time_to_clean.count() << '\n';
  return out.str();
}

Scenario one_disk(const char* kernel) {
  Scenario s;
  s.kernel.preset = kernel;
  s.memory.total = Bytes(64 * kMiB);
  DeviceConfig& d = s.devices.emplace_back();
  d.name = "d0";
  d.capacity = Bytes(1024 * kMiB);
  d.queue.scheduler = "deadline";
  d.fixed.bandwidth_bytes_per_s = 50'000'000;
  d.fixed.seek_base = std::chrono::milliseconds(2);
  d.fixed.seek_full = std::chrono::milliseconds(6);
  FilesystemConfig& fs = s.filesystems.emplace_back();
  fs.name = "fs0";
  fs.device = "d0";
  fs.metadata = MetadataMode::kPinned;
  fs.extent_blocks = 256;
  fs.gap_blocks = 1;
  fs.files.emplace_back();
  fs.files.back().name = "f0";
  fs.files.back().size = Bytes(48 * kMiB);
  JobConfig& job = s.jobs.emplace_back();
  job.name = "dd";
  job.filename = "fs0/f0";
  job.bs = Bytes(kMiB / 2);
  return s;
}

// A writer over the limit, and pages left to their age.
Scenario throttled_writer() {
  Scenario s = one_disk("2.6.31");
  s.vm.dirty_expire_centisecs = 500;
  return s;
}

// Two writers, one of them with fsync, and a reader, on blocks of 1 KiB.
Scenario fsync_beside_writer() {
  Scenario s = one_disk("2.6.32");
  s.cpu.cpus = 2;
  s.filesystems[0].block_size = 1024;
  s.filesystems[0].files.emplace_back();
  s.filesystems[0].files.back().name = "log";
  JobConfig log;
  log.name = "log";
  log.filename = "fs0/log";
  log.bs = Bytes(1000);
  log.size = Bytes(kMiB);
  log.fsync = 1;
  log.call_limit = 20;
  s.jobs.push_back(log);
  JobConfig read;
  read.name = "read";
  read.rw = JobKind::kRandRead;
  read.filename = "fs0/f0";
  read.bs = Bytes(8192);
  read.io_size = Bytes(kMiB);
  s.jobs.push_back(read);
  return s;
}

// Random writes to a raw device of 512-byte blocks next to a fast disk, and sync(2).
Scenario two_disks() {
  Scenario s = one_disk("2.6.24");
  DeviceConfig slow = s.devices[0];
  slow.name = "d1";
  slow.fixed.bandwidth_bytes_per_s = 10'000'000;
  slow.soft_block_size = 512;
  s.devices.push_back(slow);
  s.jobs[0].rate_bytes_per_s = 20'000'000;
  s.jobs[0].io_size = Bytes(16 * kMiB);
  JobConfig random;
  random.name = "random";
  random.rw = JobKind::kRandWrite;
  random.filename = "/dev/d1";
  random.bs = Bytes(512);
  random.size = Bytes(8 * kMiB);
  random.io_size = Bytes(512 * 400);
  s.jobs.push_back(random);
  JobConfig sync;
  sync.name = "sync";
  sync.rw = JobKind::kSync;
  sync.startdelay = std::chrono::milliseconds(300);
  s.jobs.push_back(sync);
  return s;
}

std::string run_to_text(const Scenario& s) {
  RecordText records;
  Machine machine(s, records);
  const RunSummary summary = machine.run();
  return summary_text(summary) + records.text();
}

void compare_with_file(const std::string& name, const std::string& text) {
  const std::string path = WBSIM_SOURCE_DIR "/tests/golden/" + name + ".txt";
  const char* update = std::getenv("WBSIM_UPDATE_GOLDEN");
  if (update && std::string(update) == "1") {
    std::ofstream(path, std::ios::binary) << text;
    return;
  }
  std::ifstream file(path, std::ios::binary);
  INFO("missing or different: " << path << "; WBSIM_UPDATE_GOLDEN=1 writes it");
  REQUIRE(file.good());
  std::ostringstream expected;
  expected << file.rdbuf();
  std::istringstream expected_lines(expected.str()), lines(text);
  std::string expected_line, line;
  for (int number = 1; std::getline(expected_lines, expected_line); ++number) {
    INFO("line " << number);
    REQUIRE(std::getline(lines, line));
    REQUIRE(line == expected_line);
  }
  CHECK(text == expected.str());
}

TEST_CASE("small runs do what they did", "[machine][golden]") {
  SECTION("throttled-writer") {
    compare_with_file("throttled-writer", run_to_text(throttled_writer()));
  }
  SECTION("fsync-beside-writer") {
    compare_with_file("fsync-beside-writer", run_to_text(fsync_beside_writer()));
  }
  SECTION("two-disks") {
    compare_with_file("two-disks", run_to_text(two_disks()));
  }
}

}  // namespace
}  // namespace wbsim
