#include <map>
#include <optional>
#include <set>
#include <string>

#include "app/scenario_check.hpp"
#include "app/summary_json.hpp"
#include "app/units_parse.hpp"

namespace wbsim {
namespace {

// What a job works on.
struct Target {
  std::int64_t size = 0;   // of the file or the device
  std::int64_t limit = 0;  // the most it can become
};

class WorkloadCheck {
 public:
  WorkloadCheck(const Scenario& s, Problems& problems) : s_(s), problems_(problems) {
    for (const DeviceConfig& d : s_.devices) {
      add("/dev/" + d.name, {d.capacity.count(), d.capacity.count()});
      for (const PartitionConfig& p : d.partitions)
        add("/dev/" + p.name, {to_bytes(p.length).count(), to_bytes(p.length).count()});
    }
    for (const FilesystemConfig& fs : s_.filesystems) {
      mounted_["/dev/" + fs.device] = fs.name;
      const auto device = targets_.find("/dev/" + fs.device);
      const std::int64_t room = device == targets_.end() ? 0 : device->second.size;
      for (const FileConfig& f : fs.files)
        add(fs.name + "/" + f.name, {f.size.count(), f.size.count() > 0 ? f.size.count() : room});
    }
  }

  void run() {
    cgroups();
    std::set<std::string> names;
    for (std::size_t i = 0; i < s_.jobs.size(); ++i) {
      const JobConfig& j = s_.jobs[i];
      const std::string at = child("/workloads", i);
      waits_for_earlier(j, at, names);
      in_cgroup(j, at);
      if (problems_.usable(at + "/name") && !names.insert(j.name).second)
        problems_.error(at + "/name", shown(j.name) + " names another workload already");
      if (problems_.usable(at + "/rw"))
        job(j, at);
    }
    unique_clones();
  }

 private:
  // Their names stand beside those of the devices in samples.csv.
  void cgroups() {
    constexpr std::size_t kMost = 100;
    std::set<std::string> devices;
    for (const DeviceConfig& d : s_.devices)
      devices.insert(d.name);
    for (std::size_t i = 0; i < s_.cgroups.size(); ++i) {
      const std::string& name = s_.cgroups[i].name;
      const std::string at = child("/cgroups", i) + "/name";
      if (problems_.usable(at) && (devices.contains(name) || !cgroups_.insert(name).second))
        problems_.error(at, shown(name) + " names something else already");
    }
    if (s_.cgroups.size() > kMost)
      problems_.error("/cgroups", "are more than " + std::to_string(kMost));
  }
  void in_cgroup(const JobConfig& j, const std::string& at) {
    if (j.cgroup && !cgroups_.contains(*j.cgroup) && problems_.usable_below("/cgroups", "name"))
      problems_.error(at + "/cgroup", shown(*j.cgroup) + " is no cgroup",
                      name_hint(*j.cgroup, {cgroups_.begin(), cgroups_.end()}));
  }
  void waits_for_earlier(const JobConfig& j, const std::string& at,
                         const std::set<std::string>& earlier) {
    if (!j.wait_for || earlier.contains(*j.wait_for) ||
        !problems_.usable_below("/workloads", "name"))
      return;
    problems_.error(at + "/wait_for", shown(*j.wait_for) + " is no workload above this one",
                    name_hint(*j.wait_for, {earlier.begin(), earlier.end()}));
  }

  // The clones of one workload may have the name of another: "dd" twice and "dd-0".
  void unique_clones() {
    if (!problems_.usable_below("/workloads", "name") ||
        !problems_.usable_below("/workloads", "numjobs"))
      return;
    std::set<std::string> names;
    for (const std::string& name : writer_names(s_)) {
      if (!names.insert(name).second)
        problems_.error("/workloads", "two writers are called " + shown(name));
    }
  }

  void add(const std::string& name, Target target) {
    targets_[name] = target;
    target_names_.push_back(name);
  }

  bool all_usable(const std::string& at, std::initializer_list<const char*> keys) const {
    for (const char* key : keys) {
      if (!problems_.usable(child(at, key)))
        return false;
    }
    return true;
  }

  void job(const JobConfig& j, const std::string& at) {
    if (all_usable(at, {"time_based", "runtime"}) && j.time_based && !j.runtime)
      problems_.error(at + "/time_based", "needs runtime");
    if (problems_.usable(at + "/startdelay") && problems_.usable("/run/duration") &&
        j.startdelay >= s_.run.duration)
      problems_.error(at + "/startdelay", duration_text(j.startdelay.count()) +
                                              " is not before the end of the run, " +
                                              duration_text(s_.run.duration.count()));
    if (whole_pages(s_.memory.total) < round_up_pages(j.lockmem) * j.numjobs &&
        problems_.usable("/machine/memory"))
      problems_.error(at + "/lockmem",
                      "is more than memory, " + size_text(s_.memory.total.count()));
    if (j.rw == JobKind::kSync || j.rw == JobKind::kFsync) {
      if (j.rw == JobKind::kFsync)
        find_target(j, at);
      if (j.period && !j.runtime && j.call_limit == 0 && ends_by_itself(at))
        problems_.error(at, "never ends", "give number_ios or runtime, or run until duration");
      return;
    }
    if (j.direct)
      whole_sectors(j, at);
    if (j.nrfiles > 1) {
      many_files(j, at);
      return;
    }
    if (j.zoneskip.count() > 0 && j.zonesize.count() == 0 && problems_.usable(at + "/zonesize"))
      problems_.error(at + "/zoneskip", "needs zonesize");
    if (j.zonesize.count() > 0 && j.zonesize < j.bs && all_usable(at, {"zonesize", "bs"}))
      problems_.error(at + "/zonesize", size_text(j.zonesize.count()) + " is less than bs, " +
                                            size_text(j.bs.count()));
    if (const std::optional<Target> target = find_target(j, at))
      region(j, *target, at);
  }

  void whole_sectors(const JobConfig& j, const std::string& at) {
    const auto check = [&](const char* key, std::int64_t bytes) {
      if (bytes % kSectorSize != 0)
        problems_.error(child(at, key),
                        size_text(bytes) + " is not in whole sectors, as direct is");
    };
    check("bs", j.bs.count());
    check("offset", j.offset.count());
    check("offset_increment", j.offset_increment.count());
    check("zoneskip", j.zoneskip.count());
    check("blockalign", j.blockalign.value_or(Bytes(0)).count());
  }

  // New files: there is a file system for them, and it is known how long they become.
  void many_files(const JobConfig& j, const std::string& at) {
    std::vector<std::string> names;
    bool found = false;
    for (const FilesystemConfig& fs : s_.filesystems) {
      names.push_back(fs.name + "/" + j.name);
      found = found || j.filename.starts_with(fs.name + "/");
    }
    if (!found && problems_.usable(at + "/filename") &&
        problems_.usable_below("/filesystems", "name"))
      problems_.error(at + "/filename", shown(j.filename) + " is in no file system",
                      name_hint(j.filename, names));
    if (j.ioengine == IoEngine::kMmap)
      problems_.error(at + "/nrfiles", "makes new files, which are empty: nothing to map");
    if (!j.size && problems_.usable(at + "/size"))
      problems_.error(at + "/size", "is missing: the new files share it");
    else if (j.size && j.direct && (j.size->count() / j.nrfiles) % kSectorSize != 0)
      problems_.error(at + "/size", size_text(j.size->count()) +
                                        " are not whole sectors in each of " +
                                        std::to_string(j.nrfiles) + " files, as direct is");
    else if (j.size && j.size->count() < j.nrfiles)
      problems_.error(at + "/size", size_text(j.size->count()) + " leaves nothing for each of " +
                                        std::to_string(j.nrfiles) + " files");
  }

  // Must the job end for the run to end?
  bool ends_by_itself(const std::string& at) const {
    return s_.run.until != RunUntil::kDuration && problems_.usable("/run/until") &&
           all_usable(at, {"runtime", "number_ios", "period"});
  }

  std::optional<Target> find_target(const JobConfig& j, const std::string& at) {
    const std::string pointer = at + "/filename";
    const bool names_known = problems_.usable_below("/devices", "name") &&
                             problems_.usable_below("/filesystems", "name");
    if (!problems_.usable(pointer) || !names_known)
      return std::nullopt;
    const auto found = targets_.find(j.filename);
    if (found == targets_.end()) {
      problems_.error(pointer, shown(j.filename) + " is no file and no device of this scenario",
                      name_hint(j.filename, target_names_));
      return std::nullopt;
    }
    if (const auto fs = mounted_.find(j.filename); fs != mounted_.end()) {
      problems_.error(pointer, shown(j.filename) + " holds file system " + shown(fs->second));
      return std::nullopt;
    }
    const bool sizes_known = problems_.usable_below("/devices", "capacity") &&
                             problems_.usable_below("/devices", "size") &&
                             problems_.usable_below("/filesystems", "size");
    return sizes_known ? std::optional<Target>(found->second) : std::nullopt;
  }

  // Where the last byte ends that a workload leaves in the file of `j` before that one begins.
  std::int64_t written_before(const JobConfig& j) const {
    std::int64_t end = 0;
    const JobConfig* later = &j;
    for (auto other = s_.jobs.rbegin(); other != s_.jobs.rend(); ++other) {
      if (later->wait_for != other->name || &*other == later)
        continue;
      later = &*other;
      const bool writes = other->rw == JobKind::kWrite && other->ioengine != IoEngine::kMmap;
      if (writes && other->filename == j.filename && other->size)
        end = std::max(end, other->offset.count() + other->size->count());
    }
    return end;
  }

  // Of a file that is empty at the start.
  void mapping(const JobConfig& j, const std::string& at) {
    const std::int64_t end = round_up_pages(Bytes(written_before(j))).count() * kPageSize;
    if (end == 0)
      problems_.error(at + "/filename", shown(j.filename) +
                                            " is empty: nothing to map, unless a "
                                            "workload that this one waits for "
                                            "writes there");
    else if (!j.size || j.offset.count() + j.size->count() > end)
      problems_.error(at + "/size", "must be given, and end within the " + size_text(end) +
                                        " of pages that are written before");
  }

  void region(const JobConfig& j, const Target& target, const std::string& at) {
    if (!all_usable(at, {"offset", "offset_increment", "size", "bs", "numjobs"}))
      return;
    const bool reads = j.rw == JobKind::kRead || j.rw == JobKind::kRandRead;
    const bool grows = target.size == 0;
    if (reads && grows) {
      problems_.error(at + "/filename", shown(j.filename) + " is empty: nothing to read");
      return;
    }
    if (grows && j.ioengine == IoEngine::kMmap)
      return mapping(j, at);
    if (grows && !j.size) {
      problems_.error(at + "/size",
                      "is missing: " + shown(j.filename) + " is empty and grows up to it");
      return;
    }
    std::int64_t last_offset = 0;
    if (__builtin_mul_overflow(j.offset_increment.count(), std::int64_t{j.numjobs - 1},
                               &last_offset) ||
        __builtin_add_overflow(last_offset, j.offset.count(), &last_offset) ||
        last_offset >= target.limit) {
      problems_.error(
          at + (j.offset.count() >= target.limit ? "/offset" : "/offset_increment"),
          "begins beyond the end of " + shown(j.filename) + ", " + size_text(target.limit));
      return;
    }
    if (j.size && j.size->count() > target.limit - last_offset)
      problems_.error(at + "/size", size_text(j.size->count()) + " from " + size_text(last_offset) +
                                        " on ends beyond " + shown(j.filename) + ", " +
                                        size_text(target.limit));
    const std::int64_t length = j.size ? j.size->count() : target.limit - last_offset;
    if (!j.direct && length > kMostCached - last_offset)
      problems_.error(at + "/size", "the region ends at " + size_text(last_offset + length) +
                                        "; the page cache numbers less than 16TiB of a file");
    if (j.bs.count() > length)
      problems_.error(at + "/bs",
                      size_text(j.bs.count()) + " is more than the region, " + size_text(length));
  }

  const Scenario& s_;
  Problems& problems_;
  std::set<std::string> cgroups_;
  std::map<std::string, Target> targets_;
  std::vector<std::string> target_names_;
  std::map<std::string, std::string> mounted_;
};

void check_memory(const Scenario& s, Problems& problems) {
  const Pages total = whole_pages(s.memory.total);
  const Pages taken = s.memory.free_at_start.value_or(total * 94 / 100) +
                      s.memory.file_pages_at_start.value_or(Pages(0)) +
                      s.memory.pcp_at_start.value_or(Pages(0)) + s.memory.slab_at_start;
  if (taken > total && problems.usable("/machine/memory"))
    problems.error("/machine",
                   "free_at_start, pcp_at_start, slab_at_start and file_cache_at_start are more "
                   "than memory, " +
                       size_text(s.memory.total.count()));
  const Bytes cached = to_bytes(s.memory.file_pages_at_start.value_or(total / 100));
  if (to_bytes(s.memory.unfreeable_at_start) > cached)
    problems.error("/machine/unfreeable_at_start",
                   "is more than file_cache_at_start, " + size_text(cached.count()));
  constexpr std::int64_t kLeastLowmem = std::int64_t{16} << 20;
  if (s.memory.highmem > Bytes(0) && (s.memory.total - s.memory.highmem).count() < kLeastLowmem)
    problems.error("/machine/highmem",
                   "leaves less than " + size_text(kLeastLowmem) + " of low memory");
  if (s.memory.free_at_start && s.memory.free_at_start->count() == 0)
    problems.error("/machine/free_at_start", "without free memory nothing can be cached");
  const Bytes lowmem = s.memory.total - s.memory.highmem;
  if (s.vm.min_free_kbytes && Bytes(1024) * *s.vm.min_free_kbytes > lowmem / 4)
    problems.error("/vm/min_free_kbytes",
                   "is more than a quarter of (low) memory, " + size_text(lowmem.count()));
}

void check_vm(const VmSysctl& vm, Problems& problems) {
  if (vm.dirty_ratio && vm.dirty_bytes)
    problems.error("/vm/dirty_bytes", "excludes dirty_ratio: give one of the two");
  if (vm.dirty_background_ratio && vm.dirty_background_bytes)
    problems.error("/vm/dirty_background_bytes",
                   "excludes dirty_background_ratio: give one of the two");
  if (vm.dirty_background_bytes && *vm.dirty_background_bytes < kPageSize)
    problems.warn("/vm/dirty_background_bytes",
                  "is less than a page: flusher threads write whenever anything is dirty");
  if (vm.dirty_ratio && vm.dirty_background_ratio && *vm.dirty_background_ratio >= *vm.dirty_ratio)
    problems.warn("/vm/dirty_background_ratio",
                  "is not below dirty_ratio: the kernel takes half of the upper limit");
}

// Data at risk is followed from write(2) through the page cache to the medium.
void check_durability(const Scenario& s, Problems& problems) {
  if (!s.run.power_cut && !s.run.data_at_risk)
    return;
  const char* at = s.run.power_cut ? "/run/power_cut" : "/run/data_at_risk";
  for (const JobConfig& j : s.jobs)
    if (j.direct || j.ioengine == IoEngine::kMmap)
      problems.error(
          at, "follows write(2) through the page cache, not the direct or mapped I/O of " + j.name +
                  ": leave one of the two out");
  for (const JobConfig& j : s.jobs)
    if (j.nrfiles > 1)
      problems.error(at, "follows files that exist from the start, not the nrfiles of " + j.name +
                             ": leave one of the two out");
  if (!s.replays.empty())
    problems.error(at, "does not follow replayed calls: leave one of the two out");
}

void check_run(const RunConfig& r, Problems& problems) {
  constexpr std::int64_t kMostSamples = 10'000'000;
  if (r.power_cut && problems.usable("/run/power_cut") && problems.usable("/run/duration") &&
      *r.power_cut > r.duration)
    problems.error("/run/power_cut",
                   "comes after the end of the run, at " + duration_text(r.duration.count()));
  if (problems.usable("/run/duration") && problems.usable("/run/sample_interval") &&
      r.duration / r.sample_interval > kMostSamples)
    problems.error("/run/sample_interval",
                   "more than " + std::to_string(kMostSamples) + " samples in duration");
  if (r.periodic_start > r.uptime_at_start && problems.usable("/run/uptime_at_start") &&
      problems.usable("/run/periodic_start"))
    problems.error("/run/periodic_start",
                   "is more than uptime_at_start, " + duration_text(r.uptime_at_start.count()));
  if (r.samples_before_start > r.uptime_at_start && problems.usable("/run/uptime_at_start") &&
      problems.usable("/run/samples_before_start"))
    problems.error("/run/samples_before_start",
                   "is more than uptime_at_start, " + duration_text(r.uptime_at_start.count()));
}

}  // namespace

void check_workloads(const Scenario& s, Problems& problems) {
  check_memory(s, problems);
  check_vm(s.vm, problems);
  check_run(s.run, problems);
  check_durability(s, problems);
  WorkloadCheck(s, problems).run();
}

}  // namespace wbsim
