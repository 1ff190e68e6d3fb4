// A scenario asks for nothing that its kernel does not have.
#include <string>

#include "app/scenario_check.hpp"
#include "models/kernel.hpp"

namespace wbsim {
namespace {

// The kernel sees a store only when the mapping is synced or goes.
constexpr const char* kMappedFiles = "mapped files, whose dirty pages nobody counts before 2.6.19";

class KernelCheck {
 public:
  KernelCheck(const Scenario& s, const KernelRow& row, Problems& problems)
      : s_(s), row_(row), problems_(problems) {}

  void run() {
    const bool buffers = row_.buffer_cache.has_value();
    if (s_.kernel.flusher && (*s_.kernel.flusher == "bdflush") != buffers)
      fits_not("/kernel/flusher", *s_.kernel.flusher);
    if (s_.kernel.throttle && (*s_.kernel.throttle == "balance_dirty") != buffers)
      fits_not("/kernel/throttle", *s_.kernel.throttle);
    if (s_.vm.watermark_scale_factor && row_.writeback.limits != LimitsRule::k61)
      lacks("/vm/watermark_scale_factor", "4.6 brought it");
    if (buffers)
      run_24();
    else
      run_26();
  }

 private:
  void fits_not(const std::string& pointer, const std::string& name) {
    problems_.error(pointer, shown(name) + " does not go with kernel " + std::string(row_.name),
                    "bdflush and balance_dirty belong to the buffer cache of 2.4");
  }
  void lacks(const std::string& pointer, const std::string& hint) {
    problems_.error(pointer, "kernel " + std::string(row_.name) + " does not have it", hint);
  }
  void is_not_modelled(const std::string& pointer, const std::string& what,
                       const std::string& from = "2.6.18") {
    problems_.error(pointer, "not modelled under kernel " + std::string(row_.name) + ": " + what,
                    "take a kernel from " + from + " on");
  }
  void run_26() {
    const LimitsRule limits = row_.writeback.limits;
    if (limits <= LimitsRule::k2624) {
      const std::string instead = "2.6.29 brought it; take the ratio";
      if (s_.vm.dirty_bytes)
        lacks("/vm/dirty_bytes", instead);
      if (s_.vm.dirty_background_bytes)
        lacks("/vm/dirty_background_bytes", instead);
      if (s_.vm.highmem_is_dirtyable != 0)
        lacks("/vm/highmem_is_dirtyable", "2.6.25 brought it");
    }
    for (std::size_t i = 0; i < s_.devices.size(); ++i)
      limits_of(s_.devices[i], child("/devices", i), limits);
    cgroups();
    bool lazytime = false;
    for (std::size_t i = 0; i < s_.filesystems.size(); ++i) {
      times_of(s_.filesystems[i], child("/filesystems", i));
      lazytime = lazytime || s_.filesystems[i].lazytime;
    }
    if (s_.vm.dirtytime_expire_seconds && !lazytime)
      problems_.error("/vm/dirtytime_expire_seconds", "no file system has lazytime");
    if (limits == LimitsRule::k2618)
      for (std::size_t i = 0; i < s_.jobs.size(); ++i)
        if (s_.jobs[i].ioengine == IoEngine::kMmap)
          is_not_modelled(child("/workloads", i) + "/ioengine", kMappedFiles, "2.6.24");
  }
  void cgroups() {
    if (s_.cgroups.empty())
      return;
    const std::string what = "the write-back of cgroups";
    if (row_.writeback.rates != RateRule::k61)
      lacks("/cgroups", "4.2 brought " + what);
    if (s_.kernel.flusher.value_or("bdi_wq") != "bdi_wq")
      problems_.error("/kernel/flusher", shown(*s_.kernel.flusher) + " does not know " + what);
    if (s_.kernel.throttle.value_or("ioless") != "ioless")
      problems_.error("/kernel/throttle", shown(*s_.kernel.throttle) + " does not know " + what);
  }
  void times_of(const FilesystemConfig& fs, const std::string& at) {
    if (row_.writeback.limits == LimitsRule::k2618 && fs.atime == AtimeMode::kRelatime)
      lacks(at + "/atime", "2.6.20 brought relatime");
    if (fs.lazytime && row_.writeback.rates != RateRule::k61)
      lacks(at + "/lazytime", "4.0 brought it");
    else if (fs.lazytime && s_.kernel.flusher.value_or("bdi_wq") != "bdi_wq")
      problems_.error(at + "/lazytime",
                      "flusher " + shown(*s_.kernel.flusher) + " knows no b_dirty_time",
                      "bdi_wq does");
  }
  void limits_of(const DeviceConfig& d, const std::string& at, LimitsRule limits) {
    if (limits <= LimitsRule::k2624 && d.min_ratio > 0)
      lacks(at + "/min_ratio", "2.6.26 brought it");
    if (limits <= LimitsRule::k2624 && d.max_ratio < 100)
      lacks(at + "/max_ratio", "2.6.26 brought it");
  }
  void run_24() {
    const std::string instead = "2.4 has vm.bdflush.nfract and nfract_sync";
    if (s_.vm.dirty_ratio)
      lacks("/vm/dirty_ratio", instead);
    if (s_.vm.dirty_background_ratio)
      lacks("/vm/dirty_background_ratio", instead);
    if (s_.vm.dirty_bytes)
      lacks("/vm/dirty_bytes", instead);
    if (s_.vm.dirty_background_bytes)
      lacks("/vm/dirty_background_bytes", instead);
    if (s_.vm.min_free_kbytes)
      lacks("/vm/min_free_kbytes", "2.6 brought it");
    if (s_.vm.laptop_mode != 0)
      lacks("/vm/laptop_mode", "vm.bdflush.interval and age_buffer make the disk rest");
    if (s_.memory.highmem > Bytes(0))
      is_not_modelled("/machine/highmem", "high memory, which its disks reach by bounce buffers");
    for (std::size_t i = 0; i < s_.devices.size(); ++i)
      device(s_.devices[i], child("/devices", i));
    if (!s_.cgroups.empty())
      lacks("/cgroups", "4.2 brought the write-back of cgroups; take a kernel from 6.1 on");
    if (s_.vm.dirtytime_expire_seconds)
      lacks("/vm/dirtytime_expire_seconds", "4.0 brought it");
    for (std::size_t i = 0; i < s_.filesystems.size(); ++i)
      filesystem(s_.filesystems[i], child("/filesystems", i));
    for (std::size_t i = 0; i < s_.jobs.size(); ++i)
      job(s_.jobs[i], child("/workloads", i));
    for (std::size_t i = 0; i < s_.replays.size(); ++i)
      replay(s_.replays[i], child("/replays", i) + "/file");
    const int hz = s_.kernel.hz;
    const int longest = *row_.buffer_cache == v24::Release::k240 ? 600 : 10'000;
    jiffies("interval", s_.vm.bdflush.interval, 0, longest * hz);
    jiffies("age_buffer", s_.vm.bdflush.age_buffer, hz, 6'000 * hz);
  }
  void device(const DeviceConfig& d, const std::string& at) {
    const std::string instead = "2.4 has no limits for a device";
    if (d.min_ratio > 0)
      lacks(at + "/min_ratio", instead);
    if (d.max_ratio < 100)
      lacks(at + "/max_ratio", instead);
    if (d.strict_limit)
      lacks(at + "/strict_limit", instead);
  }
  void filesystem(const FilesystemConfig& fs, const std::string& at) {
    if (fs.atime != AtimeMode::kNoatime)
      is_not_modelled(at + "/atime", "access times");
    if (fs.lazytime)
      lacks(at + "/lazytime", "4.0 brought it");
  }
  void job(const JobConfig& j, const std::string& at) {
    if (j.ioengine == IoEngine::kMmap)
      is_not_modelled(at + "/ioengine", kMappedFiles, "2.6.24");
    if (j.direct)
      is_not_modelled(at + "/direct", "O_DIRECT");
  }
  // Each kind of call once.
  void replay(const ReplayConfig& r, const std::string& at) {
    bool direct = false, ranges = false, truncates = false;
    for (const ReplayOp& op : r.ops) {
      direct = direct || op.direct;
      ranges = ranges || op.kind == ReplayCall::kSyncFileRange;
      truncates = truncates || op.kind == ReplayCall::kTruncate;
    }
    if (direct)
      is_not_modelled(at, "O_DIRECT");
    if (ranges)
      problems_.error(at, "kernel " + std::string(row_.name) + " has no sync_file_range(2)",
                      "2.6.17 brought it");
    if (truncates)
      is_not_modelled(at, "ftruncate(2)");
  }
  void jiffies(const std::string& key, std::optional<int> value, int low, int high) {
    if (value && (*value < low || *value > high))
      problems_.error("/vm/bdflush/" + key, std::to_string(*value) + " is out of range",
                      std::to_string(low) + " to " + std::to_string(high) +
                          " jiffies at HZ=" + std::to_string(s_.kernel.hz));
  }

  const Scenario& s_;
  const KernelRow& row_;
  Problems& problems_;
};

}  // namespace

void check_kernel(const Scenario& s, Problems& problems) {
  if (const KernelRow* row = find_kernel(s.kernel.preset))
    KernelCheck(s, *row, problems).run();
}

}  // namespace wbsim
