// The search for data that an fsync(2) had promised and a power cut took away: random machines,
// schedules and moments.
#include <boost/random/uniform_int_distribution.hpp>
#include <catch2/catch.hpp>

#include "models/kernel.hpp"
#include "models/machine.hpp"

namespace wbsim {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr std::int64_t kMiB = std::int64_t{1} << 20;

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : random_(seed, "power cut") {}
  std::int64_t between(std::int64_t low, std::int64_t high) {
    boost::random::uniform_int_distribution<std::int64_t> pick(low, high);
    return pick(random_);
  }
  template <class T>
  T one_of(std::initializer_list<T> values) {
    return values.begin()[between(0, static_cast<std::int64_t>(values.size()) - 1)];
  }

 private:
  RandomStream random_;
};

// Of every fourth machine.
std::vector<FaultConfig> random_faults(Dice& dice) {
  std::vector<FaultConfig> faults;
  for (std::int64_t n = dice.between(-5, 2); n > 0; --n) {
    FaultConfig& f = faults.emplace_back();
    f.kind =
        dice.one_of({FaultKind::kError, FaultKind::kSlow, FaultKind::kHang, FaultKind::kRemove});
    f.start = microseconds(dice.between(0, 700'000));
    f.duration = milliseconds(dice.between(1, 300));
    f.op = dice.one_of({FaultOp::kAny, FaultOp::kRead, FaultOp::kWrite});
    f.probability = dice.one_of({0.05, 0.5, 1.0});
  }
  return faults;
}

enum class Cache : std::uint8_t { kNone, kVolatile };

DeviceConfig any_device(Dice& dice, Cache cache) {
  DeviceConfig d;
  d.name = "d0";
  d.capacity = Bytes(256 * kMiB);
  d.queue.scheduler = dice.one_of<const char*>({"deadline", "noop", "cfq"});
  d.queue.nr_requests = dice.one_of({4, 16, 128});
  d.driver_depth = static_cast<int>(dice.between(1, 32));
  d.model = cache == Cache::kVolatile
                ? dice.one_of<const char*>({"hdd", "ssd"})
                : dice.one_of<const char*>({"fixed", "hdd", "ssd", "nvme", "usb", "raid0"});
  if (d.model == "usb") {
    d.driver_depth.reset();
    d.usb.erase_stall = milliseconds(5);
  }
  d.hdd.write_cache = cache == Cache::kVolatile ? Bytes(8 * kMiB) : Bytes(0);
  d.flash.power_loss_protection = cache == Cache::kNone;
  d.flash.write_bytes_per_s = 20'000'000;
  d.flash.gc_stall = milliseconds(dice.between(0, 3));
  d.fixed.bandwidth_bytes_per_s = dice.one_of<std::int64_t>({5, 50, 500}) * 1'000'000;
  d.fixed.completion_latency = microseconds(dice.one_of<std::int64_t>({0, 100}));
  d.array.members.resize(3, d);
  for (DeviceConfig& member : d.array.members)
    member.model = "fixed", member.capacity = Bytes(128 * kMiB);
  d.capacity = device_capacity(d);
  d.faults = random_faults(dice);
  return d;
}

JobConfig random_job(Dice& dice, int number) {
  JobConfig job;
  job.name = "j" + std::to_string(number);
  job.rw = dice.one_of({JobKind::kWrite, JobKind::kRandWrite});
  job.filename = dice.one_of<const char*>({"fs0/a", "fs0/b"});
  job.bs = Bytes(dice.one_of<std::int64_t>({512, 4096, 10'000, 65'536}));
  job.size = Bytes(dice.between(1, 4) * kMiB);
  job.time_based = true;
  (dice.between(0, 1) == 0 ? job.fsync : job.fdatasync) = dice.between(1, 30);
  job.thinktime = microseconds(dice.between(50, 3000));
  return job;
}

bool has_ext4(const KernelRow& row) {  // 2.6.28
  return row.name != "2.6.18" && row.name != "2.6.24" && !row.buffer_cache;
}

Scenario random_scenario(std::uint64_t seed, Cache cache) {
  Dice dice(seed);
  const std::vector<KernelRow>& rows = kernels();
  Scenario s;
  const auto row =
      static_cast<std::size_t>(dice.between(0, static_cast<std::int64_t>(rows.size()) - 1));
  s.kernel.preset = std::string(rows[row].name);
  s.kernel.hz = dice.one_of({100, 1000});
  s.memory.total = Bytes(dice.between(16, 48) * kMiB);
  s.vm.dirty_expire_centisecs = dice.one_of({10, 100, 3000});
  s.vm.dirty_writeback_centisecs = dice.one_of({5, 50, 500});
  s.devices.push_back(any_device(dice, cache));
  if (rows[row].queue.kind == QueueKind::kMulti) {
    s.devices[0].queue.scheduler = dice.one_of<const char*>({"mq-deadline", "none", "bfq"});
    s.devices[0].queue.nr_requests.reset();
  }
  FilesystemConfig& fs = s.filesystems.emplace_back();
  fs.name = "fs0";
  fs.device = "d0";
  fs.block_size = dice.one_of({1024, 4096});
  fs.metadata = dice.one_of({MetadataMode::kNone, MetadataMode::kPinned});
  fs.files.resize(2);
  fs.files[0].name = "a";
  fs.files[0].size = Bytes(8 * kMiB);
  fs.files[1].name = "b";
  for (int i = 0; i < 3; ++i)
    s.jobs.push_back(random_job(dice, i));
  s.run.seed = seed;
  s.run.duration = s.run.sample_interval = milliseconds(2000);
  s.run.power_cut = microseconds(dice.between(1000, 700'000));
  if (has_ext4(rows[row])) {
    fs.driver = dice.one_of({FsDriver::kExt2, FsDriver::kExt4});
    fs.journal = fs.driver == FsDriver::kExt4 && dice.between(0, 1) == 1;
  }
  return s;
}

bool is_24(const Scenario& s) {
  return find_kernel(s.kernel.preset)->buffer_cache.has_value();
}

struct Found {
  Bytes broken{}, at_risk{}, durable{}, lost{};
};

Found cut_power(std::uint64_t seed, Cache cache, bool barrier = false) {
  Scenario s = random_scenario(seed, cache);
  s.filesystems[0].barrier = barrier;
  INFO("seed " << seed << ": " << s.kernel.preset << " on " << s.devices[0].model);
  TraceSink sink;
  MachineOptions options;
  options.shuffle_ties = seed % 3 == 0;
  const RunSummary run = Machine(s, sink, options).run();
  REQUIRE(run.power_cut.has_value());
  CHECK(run.power_cut->time == *s.run.power_cut);
  Found found;
  for (const FileAtCut& f : run.power_cut->files) {
    found.broken += f.promised_and_lost;
    found.at_risk += f.in_memory + f.in_flight + f.in_volatile_cache;
    found.durable += f.durable;
    found.lost += f.lost_by_errors;
    if (cache == Cache::kNone && !is_24(s))
      CHECK(f.promised_and_lost == Bytes(0));
  }
  return found;
}

void search(std::uint64_t first, std::uint64_t last) {
  Found sum;
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    const Found found = cut_power(seed, Cache::kNone);
    sum.at_risk += found.at_risk;
    sum.durable += found.durable;
    sum.lost += found.lost;
  }
  CHECK(sum.at_risk > Bytes(100 * 1024));  // the cuts did hit something
  CHECK(sum.durable > Bytes(100 * 1024));
  CHECK(sum.lost > Bytes(0));  // by errors that were reported
}

void search_with_barriers(std::uint64_t first, std::uint64_t last) {
  Bytes at_risk{};
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    if (is_24(random_scenario(seed, Cache::kVolatile)))
      continue;  // 2.4 cannot flush a drive's cache
    const Found found = cut_power(seed, Cache::kVolatile, /*barrier=*/true);
    CHECK(found.broken == Bytes(0));
    at_risk += found.at_risk;
  }
  CHECK(at_risk > Bytes(100 * 1024));
}

TEST_CASE("no power cut takes what an fsync promised", "[device]") {
  search(1, 300);
}

TEST_CASE("no power cut takes what an fsync promised, thousands of times", "[device][slow]") {
  search(1000, 6000);
}

// gen-2.4-bdflush section 8: its ll_rw_block(WRITE) skips a locked buffer.
TEST_CASE("an fsync of 2.4 may miss a buffer that was dirtied again while it was written",
          "[device]") {
  CHECK(is_24(random_scenario(3243, Cache::kNone)));
  CHECK(cut_power(3243, Cache::kNone).broken > Bytes(0));
}

// ext2 of these kernels sends no cache flush: the drive's cache makes fsync(2) a liar.
TEST_CASE("with a volatile cache an fsync without a flush is a broken promise", "[device]") {
  Bytes broken{};
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    if (random_scenario(seed, Cache::kVolatile).kernel.preset.starts_with("2.6."))
      broken += cut_power(seed, Cache::kVolatile).broken;
  }
  CHECK(broken > Bytes(0));
}

// A journalling file system's fsync(2): every kernel flushes, up to 2.6.36 by draining the queue.
TEST_CASE("with a volatile cache and barriers every later kernel keeps its promise", "[device]") {
  search_with_barriers(1, 150);
}

TEST_CASE("with a volatile cache and barriers every later kernel keeps it, thousands of times",
          "[device][slow]") {
  search_with_barriers(1000, 4000);
}

// 6.1: fsync(2) of a file ends with a flush of its drive.
TEST_CASE("with a volatile cache an fsync that flushes keeps its promise", "[device]") {
  int runs = 0;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    if (random_scenario(seed, Cache::kVolatile).kernel.preset != "6.1")
      continue;
    INFO("seed " << seed);
    CHECK(cut_power(seed, Cache::kVolatile).broken == Bytes(0));
    ++runs;
  }
  CHECK(runs > 20);
}

}  // namespace
}  // namespace wbsim
