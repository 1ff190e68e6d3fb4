// Whole machines with random disks, kernels and jobs: what holds in every run.
#include <rapidcheck.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <set>
#include <sstream>
#include <tuple>

#include "models/kernel.hpp"
#include "models/machine.hpp"
#include "tests/support/trace_digest.hpp"

namespace wbsim {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::int64_t kMiB = 1 << 20;

template <class T>
T one_of(std::initializer_list<T> values) {
  return *rc::gen::elementOf(std::vector<T>(values));
}
// Both included, and as likely in the first cases as in the last.
std::int64_t between(std::int64_t low, std::int64_t high) {
  return *rc::gen::resize(rc::kNominalSize, rc::gen::inRange<std::int64_t>(low, high + 1));
}
bool maybe(int one_in) {
  return between(1, one_in) == 1;
}

bool has_buffer_cache(const KernelChoice& kernel) {
  return find_kernel(kernel.preset)->buffer_cache.has_value();
}

KernelChoice random_kernel() {
  KernelChoice kernel;
  kernel.preset = one_of<std::string>({"2.4.0", "2.4.17", "2.6.24", "2.6.31", "2.6.32"});
  kernel.hz = one_of({100, 250, 1000});
  if (has_buffer_cache(kernel))
    return kernel;
  if (maybe(3))
    kernel.flusher = one_of<std::string>({"pdflush", "bdi"});
  if (maybe(3))
    kernel.throttle = one_of<std::string>({"congestion_wait", "pause"});
  return kernel;
}

VmSysctl random_vm() {
  VmSysctl vm;
  if (maybe(2))
    vm.dirty_background_ratio = static_cast<int>(between(0, 40));
  if (maybe(2))
    vm.dirty_ratio = static_cast<int>(between(1, 80));
  vm.dirty_expire_centisecs = one_of({100, 1000, 3000});
  vm.dirty_writeback_centisecs = one_of({100, 500, 500});
  return vm;
}

// Half of it a file system, half of it a raw partition.
DeviceConfig any_device(int number) {
  DeviceConfig d;
  d.name = "d" + std::to_string(number);
  d.capacity = Bytes(256 * kMiB);
  d.driver_depth = static_cast<int>(between(1, 4));
  d.fixed.bandwidth_bytes_per_s = one_of<std::int64_t>({2, 20, 80, 400}) * 1'000'000;
  d.fixed.overhead = microseconds(one_of<std::int64_t>({20, 100, 1000}));
  if (maybe(2)) {
    d.fixed.seek_base = microseconds(between(0, 2000));
    d.fixed.seek_full = microseconds(between(0, 8000));
  }
  d.queue.scheduler = one_of<std::string>({"deadline", "noop", "cfq"});
  d.queue.nr_requests = one_of({4, 16, 128, 128});
  d.queue.max_sectors_kb = one_of({4, 64, 512});
  d.queue.write_cache = one_of<std::string>({"write through", "write back"});
  d.min_ratio = static_cast<int>(between(0, 10));
  d.max_ratio = one_of({100, 100, 30});
  d.soft_block_size = one_of({512, 1024, 4096});
  const Sectors half(128 * kMiB / kSectorSize);
  d.partitions = {{d.name + "p1", Sectors(0), half, {}}, {d.name + "p2", half, half, 1024}};
  return d;
}

FilesystemConfig random_filesystem(int number) {
  FilesystemConfig fs;
  fs.name = "fs" + std::to_string(number);
  fs.device = "d" + std::to_string(number) + "p1";
  fs.block_size = one_of({1024, 2048, 4096});
  fs.metadata = one_of({MetadataMode::kNone, MetadataMode::kPinned});
  fs.barrier = maybe(3);
  fs.extent_blocks = one_of<std::int64_t>({0, 16, 256});
  fs.gap_blocks = fs.extent_blocks > 0 ? between(0, 8) : 0;
  for (int i = 0; i < 2; ++i) {
    FileConfig& file = fs.files.emplace_back();
    file.name = i == 0 ? "full" : "grows";
    file.size = Bytes(i == 0 ? 24 * kMiB : 0);
  }
  return fs;
}

void random_pace(JobConfig& job) {
  if (maybe(4))
    job.rate_bytes_per_s = between(1, 50) * 1'000'000;
  if (maybe(4)) {
    job.thinktime = microseconds(between(1, 3000));
    job.thinktime_blocks = between(1, 50);
  }
  if (maybe(3))
    job.startdelay = milliseconds(between(0, 8000));
  if (maybe(4)) {
    job.time_based = maybe(2);
    job.runtime = milliseconds(between(1, 4000));
  }
}

JobConfig random_job(int number, int devices) {
  JobConfig job;
  job.name = "j" + std::to_string(number);
  if (maybe(12)) {
    job.rw = JobKind::kSync;
    job.period = milliseconds(between(10, 3000));
    job.call_limit = between(1, 6);
    return job;
  }
  job.rw = one_of({JobKind::kWrite, JobKind::kWrite, JobKind::kWrite, JobKind::kRandWrite,
                   JobKind::kRandWrite, JobKind::kRead, JobKind::kRandRead});
  const bool reads = job.rw == JobKind::kRead || job.rw == JobKind::kRandRead;
  const std::string disk = std::to_string(between(0, devices - 1));
  const int target = static_cast<int>(between(0, reads ? 1 : 2));
  job.filename = target == 0   ? "/dev/d" + disk + "p2"
                 : target == 1 ? "fs" + disk + "/full"
                               : "fs" + disk + "/grows";
  job.bs = Bytes(one_of<std::int64_t>({512, 4096, 10'000, 65'536, kMiB}));
  job.size = Bytes(between(job.bs.count(), 12 * kMiB));
  job.offset = Bytes(one_of<std::int64_t>({0, 0, 4096, 12'345, 7 * kMiB}));
  job.io_size = Bytes(std::min<std::int64_t>(between(1, 40) * kMiB, job.bs.count() * 1500));
  job.numjobs = maybe(5) ? 2 : 1;
  job.offset_increment = Bytes(maybe(2) ? kMiB : 0);
  if (job.rw == JobKind::kWrite && maybe(4)) {
    job.zonesize = job.bs * between(1, 20);
    job.zoneskip = Bytes(between(0, 100'000));
  }
  if (maybe(4))
    (maybe(2) ? job.fsync : job.fdatasync) = between(1, 200);
  job.end_fsync = maybe(4);
  if (maybe(6))
    job.call_limit = between(1, 500);
  job.prioclass =
      one_of({PriorityClass::kRealtime, PriorityClass::kBestEffort, PriorityClass::kIdle});
  job.prio = static_cast<int>(between(0, 7));
  random_pace(job);
  if (job.time_based && job.call_limit == 0)
    job.call_limit = 3000;
  return job;
}

Scenario random_scenario(std::int64_t memory_max_mib) {
  Scenario s;
  s.kernel = random_kernel();
  s.cpu.cpus = static_cast<int>(between(1, 2));
  if (maybe(3))
    s.cpu.costs.copy_per_kib = microseconds(between(0, 20));
  s.memory.total = Bytes(between(16, memory_max_mib) * kMiB);
  s.vm = random_vm();
  const int devices = static_cast<int>(between(1, 3));
  for (int i = 0; i < devices; ++i) {
    s.devices.push_back(any_device(i));
    s.filesystems.push_back(random_filesystem(i));
  }
  const int jobs = static_cast<int>(between(1, 4));
  for (int i = 0; i < jobs; ++i)
    s.jobs.push_back(random_job(i, devices));
  s.run.seed = static_cast<std::uint64_t>(between(1, 1000));
  s.run.duration = seconds(400);
  s.run.uptime_at_start = milliseconds(between(0, 5000));
  s.run.periodic_start = milliseconds(between(0, 5000));
  s.run.flusher_threads_at_start = maybe(2);
  s.run.sample_interval = milliseconds(one_of<std::int64_t>({50, 500}));
  return s;
}

std::string describe(const Scenario& s) {
  std::ostringstream out;
  out << s.kernel.preset << '/' << s.kernel.flusher.value_or("-") << '/'
      << s.kernel.throttle.value_or("-") << " hz " << s.kernel.hz << " cpus " << s.cpu.cpus
      << " memory " << s.memory.total.count() / kMiB << " MiB seed " << s.run.seed << '\n';
  for (const DeviceConfig& d : s.devices)
    out << d.name << " rate " << d.fixed.bandwidth_bytes_per_s << " overhead "
        << d.fixed.overhead.count() << " requests " << d.queue.nr_requests.value_or(0) << " max_kb "
        << d.queue.max_sectors_kb.value_or(0) << " soft block " << d.soft_block_size << '\n';
  for (const JobConfig& j : s.jobs)
    out << j.name << " kind " << static_cast<int>(j.rw) << ' ' << j.filename << " bs "
        << j.bs.count() << " size " << (j.size ? j.size->count() : 0) << " offset "
        << j.offset.count() << " io_size " << (j.io_size ? j.io_size->count() : 0) << " fsync "
        << j.fsync << ' ' << j.fdatasync << " numjobs " << j.numjobs << " time_based "
        << j.time_based << '\n';
  return out.str();
}

// Checks every record as it comes.
class Checker : public TraceDigest {
 public:
  explicit Checker(const Scenario& s)
      : earliest_(-s.run.uptime_at_start),
        free_at_(s.devices.size(), Duration::min()),
        counts_buffers_(has_buffer_cache(s.kernel)) {}

  void on_sample(const Sample& s) override {
    TraceDigest::on_sample(s);
    RC_ASSERT(s.time > last_.time || last_.devices.empty());
    for (const Pages pages :
         {s.nr_dirty, s.nr_writeback, s.nr_free_pages, s.nr_file_pages, s.background_threshold})
      RC_ASSERT(pages >= Pages(0));
    RC_ASSERT(s.dirty_threshold >= s.background_threshold);
    RC_ASSERT(s.nr_dirtied >= last_.nr_dirtied);
    RC_ASSERT(s.nr_written >= last_.nr_written);
    RC_ASSERT(s.pdflush >= 0);
    RC_ASSERT(s.pdflush <= 8);
    Pages reclaimable, writeback, written;
    for (std::size_t i = 0; i < s.devices.size(); ++i) {
      const DeviceSample& d = s.devices[i];
      check_device(d, last_.devices.empty() ? DeviceSample{} : last_.devices[i]);
      reclaimable += d.bdi_reclaimable;
      writeback += d.bdi_writeback;
      written += d.bdi_written;
    }
    last_ = s;
    if (counts_buffers_)
      return;  // 2.4 counts bytes, which the samples round to pages
    RC_ASSERT(s.nr_dirtied >= s.nr_written + s.nr_dirty + s.nr_writeback);
    RC_ASSERT(s.flush <= static_cast<int>(s.devices.size()));
    RC_ASSERT(reclaimable == s.nr_dirty);
    RC_ASSERT(writeback == s.nr_writeback);
    RC_ASSERT(written == s.nr_written);
  }
  void on_write(const CallRecord& c) override {
    TraceDigest::on_write(c);
    RC_ASSERT(c.start >= Duration::zero());
    RC_ASSERT(c.latency >= Duration::zero());
    ++calls;
  }
  void on_request(const RequestRecord& r) override {
    TraceDigest::on_request(r);
    RC_ASSERT(r.queued >= earliest_);
    RC_ASSERT(r.started >= r.queued);
    RC_ASSERT(r.service > Duration::zero());
    RC_ASSERT(r.completed >= r.started + r.service);
    RC_ASSERT(r.sectors > Sectors(0));
    RC_ASSERT(r.sector >= Sectors(0));
    RC_ASSERT(r.bios >= 1);
    RC_ASSERT(r.allocated >= 1);
    RC_ASSERT(!r.thread.empty());
    const auto device = static_cast<std::size_t>(r.device);
    RC_ASSERT(r.started >= free_at_.at(device));
    free_at_[device] = r.started + r.service;
    auto& totals = requests[{r.device, r.write}];
    ++totals.first;
    totals.second += r.sectors;
    RC_ASSERT(seen_.insert({r.device, r.started.count()}).second);
  }
  void on_work(const WorkRecord& w) override {
    TraceDigest::on_work(w);
    RC_ASSERT(w.end >= w.start);
    RC_ASSERT(w.written >= Pages(0));
  }

  std::map<std::pair<int, bool>, std::pair<std::int64_t, Sectors>> requests;
  std::int64_t calls = 0;

 private:
  static void check_device(const DeviceSample& now, const DeviceSample& before) {
    for (const std::int64_t value :
         {now.bdi_reclaimable.count(), now.bdi_writeback.count(), now.bdi_dirty_thresh.count(),
          std::int64_t{now.in_flight}, std::int64_t{now.b_dirty}, std::int64_t{now.b_io},
          std::int64_t{now.b_more_io}})
      RC_ASSERT(value >= 0);
    RC_ASSERT(now.rd_ios >= before.rd_ios);
    RC_ASSERT(now.rd_sectors >= before.rd_sectors);
    RC_ASSERT(now.wr_ios >= before.wr_ios);
    RC_ASSERT(now.wr_merges >= before.wr_merges);
    RC_ASSERT(now.wr_sectors >= before.wr_sectors);
    RC_ASSERT(now.wr_time >= before.wr_time);
    RC_ASSERT(now.io_time >= before.io_time);
    RC_ASSERT(now.busy >= before.busy);
    RC_ASSERT(now.bdi_written >= before.bdi_written);
    RC_ASSERT(now.busy <= now.io_time);
  }
  Duration earliest_;
  std::vector<Duration> free_at_;
  bool counts_buffers_;
  std::set<std::pair<int, std::int64_t>> seen_;
  Sample last_{};
};

// At least so many bytes of each device were dirtied: of every file what its busiest job covered.
std::vector<std::int64_t> unique_bytes(const Scenario& s, const RunSummary& result) {
  std::map<std::string, std::int64_t> of_file;
  std::size_t writer = 0;
  for (const JobConfig& job : s.jobs) {
    for (int clone = 0; clone < job.numjobs; ++clone) {
      const WriterSummary& w = result.writers.at(writer++);
      std::int64_t covered = std::min(w.written, job.bs).count();
      if (job.rw == JobKind::kWrite && job.zoneskip == Bytes(0))
        covered = std::min(w.written.count(), job.size->count() / job.bs.count() * job.bs.count());
      of_file[job.filename] = std::max(of_file[job.filename], covered);
    }
  }
  std::vector<std::int64_t> bytes(s.devices.size());
  for (const auto& [file, covered] : of_file)
    for (std::size_t i = 0; i < s.devices.size(); ++i)
      if (file.find("d" + std::to_string(i) + "p2") != std::string::npos ||
          file.find("fs" + std::to_string(i) + "/") != std::string::npos)
        bytes[i] += covered;
  return bytes;
}

void check_summary(const Scenario& s, const RunSummary& result, const Checker& checker) {
  const MemorySummary& m = result.memory;
  RC_ASSERT(result.simulated <= s.run.duration + s.run.sample_interval);
  const bool counts_pages = !has_buffer_cache(s.kernel);
  RC_ASSERT(!counts_pages ||
            m.nr_dirtied >= m.nr_written + m.still_dirty + m.still_writeback + m.discarded);
  std::int64_t calls = 0;
  for (const WriterSummary& w : result.writers) {
    calls += w.write.count;
    RC_ASSERT(w.errors == 0);
    RC_ASSERT(w.throttled >= Duration::zero());
    RC_ASSERT(w.end >= w.start);
  }
  RC_ASSERT(calls == checker.calls);
  for (std::size_t i = 0; i < s.devices.size(); ++i) {
    const DeviceSummary& d = result.devices.at(i);
    const auto totals = [&](bool write) {
      const auto it = checker.requests.find({static_cast<int>(i), write});
      return it == checker.requests.end() ? std::pair<std::int64_t, Sectors>() : it->second;
    };
    RC_ASSERT(d.wr_ios == totals(true).first);
    RC_ASSERT(d.rd_ios == totals(false).first);
    RC_ASSERT(d.written == to_bytes(totals(true).second));
    RC_ASSERT(d.read == to_bytes(totals(false).second));
  }
  if (result.simulated >= s.run.duration)
    return;
  // It ended because it was clean.
  RC_ASSERT(m.still_dirty == Pages(0));
  RC_ASSERT(m.still_writeback == Pages(0));
  RC_ASSERT(!counts_pages || m.nr_dirtied == m.nr_written + m.discarded);
  RC_ASSERT(m.time_to_clean >= Duration::zero());
  const std::vector<std::int64_t> unique = unique_bytes(s, result);
  for (std::size_t i = 0; i < s.devices.size(); ++i)
    RC_ASSERT(result.devices.at(i).written.count() >= unique[i]);
}

std::uint64_t run_checked(const Scenario& s, bool shuffle_ties) {
  Checker checker(s);
  MachineOptions options;
  options.shuffle_ties = shuffle_ties;
  Machine machine(s, checker, options);
  const RunSummary result = machine.run();
  check_summary(s, result, checker);
  return checker.value();
}

void check_machine(std::int64_t memory_max_mib) {
  const Scenario s = random_scenario(memory_max_mib);
  RC_LOG() << describe(s);
  const std::uint64_t digest = run_checked(s, false);
  RC_ASSERT(run_checked(s, false) == digest);
  run_checked(s, true);
}

TEST_CASE("every run ends, conserves pages and requests, and can be repeated",
          "[machine][property]") {
  CHECK(rc::check([] { check_machine(48); }));
}

TEST_CASE("the same holds with more memory and more tries", "[machine][property][slow]") {
  CHECK(rc::check([] {
    for (int i = 0; i < 20; ++i)
      check_machine(128);
  }));
}

}  // namespace
}  // namespace wbsim
