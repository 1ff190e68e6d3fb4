#include "models/machine.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "models/block/request_queue.hpp"
#include "models/device/device.hpp"
#include "models/fs/block_device.hpp"
#include "models/fs/buffer.hpp"
#include "models/fs/durability.hpp"
#include "models/fs/ext4.hpp"
#include "models/kernel.hpp"
#include "models/mm/out_of_memory.hpp"
#include "models/mm/vmstat_work.hpp"
#include "models/mm/watermarks.hpp"
#include "models/sampler.hpp"
#include "models/trace_fan.hpp"
#include "models/workload/job.hpp"
#include "models/workload/replay_job.hpp"
#include "models/writeback/balance_dirty.hpp"
#include "models/writeback/bdi_flusher.hpp"
#include "models/writeback/cgroup_writeback.hpp"
#include "models/writeback/ioless_throttle.hpp"
#include "models/writeback/kernel24.hpp"
#include "models/writeback/laptop_mode.hpp"
#include "models/writeback/pdflush.hpp"
#include "models/writeback/vm_writeout.hpp"
#include "models/writeback/wb_flusher.hpp"
#include "models/writeback/writer_throttle.hpp"
#include "sim/assert.hpp"

namespace wbsim {

namespace {

const KernelRow& kernel_of(const Scenario& scenario) {
  const KernelRow* row = find_kernel(scenario.kernel.preset);
  if (!row)
    throw std::invalid_argument("unknown kernel " + scenario.kernel.preset);
  return *row;
}

bool counts_in_steps(const Scenario& scenario, const KernelRow& row) {
  return row.counts_in_steps && scenario.kernel.smp;
}

// Counts the threads a flusher had at most, and what they did.
class FlusherCounter : public TraceSink {
 public:
  void on_sample(const Sample& sample) override {
    summary.max_threads = std::max({summary.max_threads, sample.pdflush, sample.flush});
  }
  void on_work(const WorkRecord& record) override {
    if (record.reason == WriteReason::kBackground) {
      ++summary.background_works;
      if (summary.first_background < Duration::zero())
        summary.first_background = record.start;
    }
    if (record.reason == WriteReason::kPeriodic && record.written > Pages(0)) {
      ++summary.periodic_works;
      summary.periodic_starts.push_back(record.start);
    }
  }
  FlusherSummary summary;
};

Pages total_pages(const Scenario& scenario) {
  return whole_pages(scenario.memory.total);
}

WatermarkParams watermark_params(const Scenario& scenario, LimitsRule rule) {
  const Pages total = total_pages(scenario);
  const Pages lowmem = total - whole_pages(scenario.memory.highmem);
  return {.rule = rule,
          .total = total,
          .min_free_kib = scenario.vm.min_free_kbytes.value_or(default_min_free_kib(rule, lowmem)),
          .scale_factor = scenario.vm.watermark_scale_factor.value_or(kDefaultWatermarkScale)};
}

MemoryParams memory_params(const Scenario& scenario, const KernelRow& row) {
  MemoryParams params;
  params.total = total_pages(scenario);
  params.free_at_start = scenario.memory.free_at_start.value_or(params.total * 94 / 100);
  params.file_pages_at_start = scenario.memory.file_pages_at_start.value_or(params.total / 100);
  if (row.unfreeable_on_lru)
    params.unfreeable_at_start = scenario.memory.unfreeable_at_start;
  params.highmem = whole_pages(scenario.memory.highmem);
  params.highmem_is_dirtyable = scenario.vm.highmem_is_dirtyable != 0;
  const WatermarkParams watermarks = watermark_params(scenario, row.writeback.limits);
  params.min_free = whole_pages(Bytes(1024) * watermarks.min_free_kib);
  params.watermark_gap = watermark_gap(watermarks);
  if (!row.buffer_cache)
    params.lowmem_reserve = lowmem_reserve(watermarks);
  params.shadow_entries = row.shadow_entries;
  if (counts_in_steps(scenario, row))
    params.stat_threshold = stat_threshold(largest_zone(watermarks), scenario.cpu.cpus);
  params.undirtyable = undirtyable_pages(watermarks);
  params.undirtyable_of_all = reserve_is_of_all_pages(row.writeback.limits);
  params.at_hand_at_start = scenario.memory.pcp_at_start;
  params.slab_at_start = scenario.memory.slab_at_start;
  params.batches = row.batches;
  return params;
}

VmParams vm_params(const Scenario& scenario, const KernelRow& row) {
  const RatiosAtBoot at_boot = ratios_at_boot(row, scenario.memory);
  VmParams vm;
  vm.dirty_ratio = scenario.vm.dirty_ratio.value_or(at_boot.dirty);
  vm.dirty_background_ratio = scenario.vm.dirty_background_ratio.value_or(at_boot.background);
  vm.dirty_bytes = scenario.vm.dirty_bytes.value_or(0);
  vm.dirty_background_bytes = scenario.vm.dirty_background_bytes.value_or(0);
  return vm;
}

// The dirty limit was written to a sysctl after boot, which takes the tracked one from it too. The
// background limit leaves that as it is.
bool limit_was_written(const VmSysctl& vm, const KernelRow& row) {
  return vm.dirty_bytes || vm.dirty_ratio.value_or(row.dirty_ratio) != row.dirty_ratio;
}

// The period of the floating proportions follows from the dirty limit at boot.
Proportions proportions_at_boot(const Scenario& scenario, const KernelRow& row) {
  const MemoryParams memory = memory_params(scenario, row);
  const VmParams vm = vm_params(scenario, row);
  const Pages dirtyable =
      memory.free_at_start + memory.file_pages_at_start - memory.undirtyable_highmem();
  const Pages dirty_total =
      vm.dirty_bytes != 0 ? whole_pages(Bytes(vm.dirty_bytes)) : dirtyable * vm.dirty_ratio / 100;
  return Proportions(Proportions::period_shift(dirty_total));
}

bool counts_risk(const Scenario& scenario) {
  return scenario.run.power_cut || scenario.run.data_at_risk;
}

int log2_of(int power_of_two) {
  int bits = 0;
  while ((1 << bits) < power_of_two)
    ++bits;
  return bits;
}

}  // namespace

class Machine::Impl {
 public:
  Impl(const Scenario& scenario, TraceSink& sink, const MachineOptions& options);
  ~Impl() { sim_.destroy_processes(); }
  RunSummary run();

 private:
  struct Disk {
    std::unique_ptr<Device> device;
    std::unique_ptr<RequestQueue> queue;
    BackingDevInfo bdi;
  };

  void add_disks();
  void watch_durability(const DeviceConfig& config, Disk& disk);
  void add_block_devices(const DeviceConfig& config, Disk& disk);
  void add_filesystems();
  FlexProportions new_shares() const;
  void start_domain();
  void make_cgroups();
  void dirty_written_devices();
  void make_flusher();
  void make_wb_flusher();
  void make_throttle();
  void add_jobs();
  void add_replays();
  void start_sampler();
  JobTarget target_of(const JobConfig& job);
  std::vector<File> new_files(const JobConfig& job);
  void link_jobs();
  int device_of(const Inode& inode) const { return inode.i_mapping->bdi->id; }
  // Passes the waits of a writer on.
  struct Waits final : WaitListener {
    Waits(Impl& machine, int number, const TaskStruct& writer)
        : impl(machine), writer_number(number), task(writer) {}
    void waited(const WaitSite& site, TimePoint since) override;
    Impl& impl;
    int writer_number;
    const TaskStruct& task;
  };
  void watch(Process& process, const Workload& job);
  Task<> run_job(Workload& job);
  void look_around(Duration now);
  bool interrupted() const {
    return options_.interrupted && options_.interrupted->load(std::memory_order_relaxed);
  }
  RunSummary summarise();
  DeviceSummary summarise(const DeviceConfig& config, const Disk& disk, std::size_t i) const;
  MemorySummary summarise_memory() const;
  PowerCutSummary summarise_power_cut();

  Scenario scenario_;
  const KernelRow& row_;
  MachineOptions options_;
  FlusherCounter counter_;
  TraceFan sink_;
  Simulator sim_;
  TickClock ticks_;
  Processors processors_;
  PageCache cache_;
  VmstatWork vmstat_work_;
  Vfs vfs_;
  BlockLayer block_;
  TaskQueueDisk tq_disk_;
  Durability durability_;
  WritebackContext context_;
  std::optional<FsTrace> fs_trace_;
  std::deque<Disk> disks_;
  RootFsSuperBlock root_;
  BlockDevSuperBlock block_devices_;
  std::map<std::string, Inode*> devices_;  // block devices by name
  std::vector<std::unique_ptr<Ext2>> filesystems_;
  std::unique_ptr<Kernel24> kernel24_;    // of a kernel of 2.4; it lists inodes
  std::map<std::string, Inode*> files_;   // "FS/NAME", "/dev/NAME"
  std::optional<MemoryCgroups> cgroups_;  // if there are any
  std::optional<CgroupWriteback> cgroup_writeback_;
  std::unique_ptr<Flusher> flusher_;
  std::unique_ptr<LaptopMode> laptop_;
  std::unique_ptr<DirtyThrottle> throttle_;
  std::optional<VmWriteoutThrottle> vm_writeout_;
  std::deque<Job> jobs_;
  std::deque<ReplayJob> replays_;
  std::vector<Workload*> workloads_;  // both, in the order of RunSummary::writers
  std::deque<Waits> waits_;
  std::unique_ptr<Sampler> sampler_;
  DirtyLimits limits_at_start_;
};

Machine::Impl::Impl(const Scenario& scenario, TraceSink& sink, const MachineOptions& options)
    : scenario_(scenario),
      row_(kernel_of(scenario)),
      options_(options),
      sink_({&counter_, &sink}),
      sim_({.seed = scenario.run.seed,
            .shuffle_ties = options.shuffle_ties,
            .interrupted =
                [](const void* self) { return static_cast<const Impl*>(self)->interrupted(); },
            .interrupt_context = this}),
      ticks_(scenario.kernel.hz),
      processors_(sim_, ticks_, scenario.cpu.cpus, row_.sched, scenario.cpu.costs.context_switch,
                  scenario.cpu.sched_clock, scenario.cpu.costs.timer_tick),
      cache_(memory_params(scenario, row_), proportions_at_boot(scenario, row_),
             proportions_at_boot(scenario, row_)),
      vmstat_work_(cache_.stats(), processors_),
      vfs_(sim_, ticks_, processors_, scenario.cpu.costs, cache_, row_.fs, total_pages(scenario)),
      context_(vfs_, block_.congestion, sink_) {
  processors_.on_tick_stopped(
      {[](void* work, std::uint64_t) { static_cast<VmstatWork*>(work)->quiet_vmstat(); },
       &vmstat_work_});
  context_.rules = row_.writeback;
  context_.vm = vm_params(scenario, row_);
  context_.dirty_expire_interval =
      ticks_.from_duration(std::chrono::milliseconds(scenario.vm.dirty_expire_centisecs * 10));
  context_.dirty_writeback_interval =
      ticks_.from_duration(std::chrono::milliseconds(scenario.vm.dirty_writeback_centisecs * 10));
  context_.dirtytime_expire_interval =
      context_.hz() * scenario.vm.dirtytime_expire_seconds.value_or(43200);
  context_.congestion_index = row_.queue.write_index();
  context_.ratelimit_pages = writeback_ratelimit(total_pages(scenario), scenario.cpu.cpus);
  context_.origin = TimePoint(scenario.run.uptime_at_start);
  if (sink.wants_page_events())
    vfs_.trace = &fs_trace_.emplace(vfs_, sink_, context_.origin);
  context_.periodic_start = TimePoint(scenario.run.periodic_start);
  context_.other_inodes = scenario.memory.inodes_at_start;
  context_.super_blocks.push_back(&root_);
  block_devices_.s_number = static_cast<int>(context_.super_blocks.size());
  context_.super_blocks.push_back(&block_devices_);
  if (row_.buffer_cache)
    kernel24_ =
        std::make_unique<Kernel24>(context_, tq_disk_, *row_.buffer_cache,
                                   v24::bdf_prm(scenario.vm, *row_.buffer_cache, ticks_.hz()));
  add_disks();
  add_filesystems();
  start_domain();
  make_cgroups();
  make_flusher();
  add_jobs();
  add_replays();
  start_sampler();
}

void Machine::Impl::add_disks() {
  for (const DeviceConfig& config : scenario_.devices) {
    Disk& disk = disks_.emplace_back();
    disk.device = make_device(config);
    QueueParams params = queue_params(config);
    params.cpus = scenario_.cpu.cpus;
    params.memory = scenario_.memory.total;
    params.device_index = static_cast<int>(disks_.size()) - 1;
    params.origin = context_.origin;
    params.interrupt_cost = scenario_.cpu.costs.complete_request;
    params.kept_pages = scenario_.run.kept_pages;
    params.kept_pages_search = scenario_.run.kept_pages_search;
    params.processors = &processors_;
    params.tq_disk = &tq_disk_;
    disk.queue = make_request_queue(sim_, ticks_, *disk.device, params, row_.queue, block_, sink_);
    disk.device->arm_faults(config.faults, context_.origin);
    disk.bdi.id = params.device_index;
    disk.bdi.name = config.name;
    disk.bdi.queue = disk.queue.get();
    disk.bdi.min_ratio = config.min_ratio;
    disk.bdi.max_ratio = config.max_ratio;
    disk.bdi.strict_limit = config.strict_limit;
    if (counts_in_steps(scenario_, row_))
      disk.bdi.count_in(bdi_stat_batch(scenario_.cpu.cpus));
    context_.add_device(disk.bdi);
    add_block_devices(config, disk);
    if (counts_risk(scenario_))
      watch_durability(config, disk);
  }
}

void Machine::Impl::watch_durability(const DeviceConfig& config, Disk& disk) {
  int block = config.soft_block_size;
  for (const FilesystemConfig& fs : scenario_.filesystems)
    block = std::min(block, fs.block_size);
  durability_.add_device(*disk.device, Sectors(block / kSectorSize));
  vfs_.durability = &durability_;
}

void Machine::Impl::add_block_devices(const DeviceConfig& config, Disk& disk) {
  const Sectors capacity = disk.device->capacity();
  const auto add = [&](const std::string& name, Sectors start, Sectors length, int block_size) {
    Inode& device = block_devices_.add(vfs_, disk.bdi, start, length, log2_of(block_size));
    devices_.emplace(name, &device);
    files_.emplace("/dev/" + name, &root_.make_node(vfs_, device));
  };
  add(config.name, Sectors(0), capacity, config.soft_block_size);
  for (const PartitionConfig& part : config.partitions)
    add(part.name, part.start, part.length, part.soft_block_size.value_or(config.soft_block_size));
}

namespace {
Inode* find_named(const std::map<std::string, Inode*>& files, const std::string& name) {
  const auto it = files.find(name);
  return it == files.end() ? nullptr : it->second;
}
}  // namespace

void Machine::Impl::add_filesystems() {
  for (const FilesystemConfig& config : scenario_.filesystems) {
    Inode* device = find_named(devices_, config.device);
    if (!device)
      throw std::invalid_argument("unknown device " + config.device);
    Ext2& fs = *filesystems_.emplace_back(make_filesystem(vfs_, *device, config));
    fs.s_number = static_cast<int>(context_.super_blocks.size());
    context_.super_blocks.push_back(&fs);
    for (const FileConfig& file : config.files)
      files_.emplace(config.name + "/" + file.name, &fs.create(file));
  }
}

FlexProportions Machine::Impl::new_shares() const {
  constexpr std::int64_t kSharePeriodSeconds = 3;  // VM_COMPLETIONS_PERIOD_LEN
  return {context_.hz() * kSharePeriodSeconds, context_.wheel,
          scenario_.kernel.smp ? FlexBatches::smp(scenario_.cpu.cpus) : FlexBatches{}};
}

// Before the flusher, which has a worker for each wb.
void Machine::Impl::make_cgroups() {
  if (scenario_.cgroups.empty())
    return;
  const Pages total = total_pages(scenario_);
  cgroups_.emplace(total, FlexShares{new_shares(), &sim_});
  for (const CgroupConfig& config : scenario_.cgroups) {
    const Bytes most = to_bytes(total);
    cgroups_->add(config.name,
                  whole_pages(std::min(config.max.value_or(most), config.high.value_or(most))));
  }
  cache_.use_cgroups(*cgroups_);
  context_.cgroups = &cgroup_writeback_.emplace(context_, *cgroups_);
}

// Shares, timers and the tracked limit, before anybody looks at them.
void Machine::Impl::start_domain() {
  context_.wheel = TimerWheel(row_.writeback.timers, ticks_, scenario_.run.first_tick);
  if (has_flex_shares(row_.writeback.limits))
    cache_.use_flex_shares(new_shares(), sim_);
  Pages limit = context_.dirty_limits().dirty;
  if (!limit_was_written(scenario_.vm, row_))
    limit = dirty_limit_after_boot(
        row_.writeback.limits, context_.vm,
        total_pages(scenario_) - memory_params(scenario_, row_).undirtyable_highmem(), limit);
  context_.domain.dirty_limit = scenario_.memory.dirty_limit_at_start.value_or(limit);
  for (std::size_t i = 0; i < disks_.size(); ++i) {
    const Pages written = whole_pages(scenario_.devices[i].written_at_start);
    cache_.count_written_before(disks_[i].bdi, written, ticks_.jiffies_at(context_.periodic_start));
    disks_[i].bdi.rates.written_stamp = -written;
  }
}

namespace {
// Where a written inode goes belongs to whose lists it is on.
SingleInodeRule single_inode_rule_of(std::string_view flusher) {
  if (flusher == "bdi_wq")
    return SingleInodeRule::k310;
  return flusher == "bdi" ? SingleInodeRule::k2632 : SingleInodeRule::k2631;
}
}  // namespace

void Machine::Impl::make_wb_flusher() {
  auto flusher = std::make_unique<WbFlusher>(context_);
  if (cgroup_writeback_)
    cgroup_writeback_->set_flusher(*flusher);
  flusher_ = std::move(flusher);
}

void Machine::Impl::make_flusher() {
  const std::string flusher = scenario_.kernel.flusher.value_or(std::string(row_.flusher));
  if (flusher != row_.flusher)
    context_.rules.single_inode = single_inode_rule_of(flusher);
  if (flusher == "bdflush" && kernel24_)
    flusher_ = std::make_unique<Bdflush>(context_, kernel24_->buffers, kernel24_->inodes);
  else if (flusher == "pdflush" && !kernel24_)
    flusher_ = std::make_unique<PdflushPool>(context_, row_.pdflush);
  else if (flusher == "bdi" && !kernel24_)
    flusher_ = std::make_unique<BdiFlusher>(context_,
                                            scenario_.run.flusher_threads_at_start
                                                ? BdiFlusher::ThreadsAtStart::kAll
                                                : BdiFlusher::ThreadsAtStart::kNone,
                                            row_.bdi);
  else if (flusher == "bdi_wq" && !kernel24_)
    make_wb_flusher();
  else
    throw std::invalid_argument("no flusher " + flusher + " in this kernel");
  vfs_.dirty_listener = flusher_.get();
  if (scenario_.vm.laptop_mode > 0) {
    const Jiffies delay = context_.hz() * scenario_.vm.laptop_mode;
    const LaptopTimers timers =
        row_.writeback.laptop_timer_per_device ? LaptopTimers::kPerDevice : LaptopTimers::kOne;
    laptop_ = std::make_unique<LaptopMode>(context_, *flusher_, delay, timers);
    context_.laptop = laptop_.get();
  }
  make_throttle();
  vfs_.throttle = throttle_.get();
  vfs_.reclaim_throttle = &vm_writeout_.emplace(context_, *flusher_);
}

// The files NAME.0, NAME.1, ... that a job writes one after the other.
std::vector<File> Machine::Impl::new_files(const JobConfig& job) {
  const std::size_t slash = job.filename.find('/');
  for (std::size_t i = 0; i < filesystems_.size(); ++i) {
    if (scenario_.filesystems[i].name != job.filename.substr(0, slash))
      continue;
    std::vector<File> files;
    for (int number = 0; number < job.nrfiles; ++number) {
      FileConfig file;
      file.name = job.filename.substr(slash + 1) + "." + std::to_string(number);
      files.push_back({.f_inode = &filesystems_[i]->create(file)});
    }
    return files;
  }
  throw std::invalid_argument("no file system for " + job.filename);
}

void Machine::Impl::make_throttle() {
  const Pages dirtied = scenario_.memory.dirtied_at_start;
  const std::string throttle = scenario_.kernel.throttle.value_or(std::string(row_.throttle));
  const int cpus = scenario_.cpu.cpus;
  if (throttle == "balance_dirty" && kernel24_)
    throttle_ = std::make_unique<BalanceDirty>(context_, kernel24_->buffers);
  else if (throttle == "ioless" && !kernel24_)
    throttle_ = std::make_unique<IolessThrottle>(context_, *flusher_, cpus);
  else if (throttle == "pause" && !kernel24_)
    throttle_ =
        std::make_unique<WriterThrottle>(context_, *flusher_, ThrottleWait::kPause, cpus, dirtied);
  else if (throttle == "congestion_wait" && !kernel24_)
    throttle_ = std::make_unique<WriterThrottle>(context_, *flusher_, ThrottleWait::kCongestion,
                                                 cpus, dirtied);
  else
    throw std::invalid_argument("no throttle " + throttle + " in this kernel");
}

JobTarget Machine::Impl::target_of(const JobConfig& job) {
  JobTarget target;
  if (job.rw == JobKind::kSync)
    return target;
  if (job.nrfiles > 1)
    target.files = new_files(job);
  else if (Inode* file = find_named(files_, job.filename))
    target.files.push_back({.f_inode = file});
  else
    throw std::invalid_argument("unknown file " + job.filename);
  const auto device = static_cast<std::size_t>(device_of(*target.files.front().f_inode));
  target.ra_pages = scenario_.devices[device].queue.read_ahead_kb / 4;
  return target;
}

// All clones of the job that is waited for.
void Machine::Impl::link_jobs() {
  std::map<std::string, std::vector<Job*>> by_name;
  std::size_t next = 0;
  for (const JobConfig& config : scenario_.jobs)
    for (int clone = 0; clone < config.numjobs; ++clone) {
      Job& job = jobs_[next++];
      by_name[config.name].push_back(&job);
      if (!config.wait_for)
        continue;
      if (!by_name.contains(*config.wait_for) || config.wait_for == config.name)
        throw std::invalid_argument("no job before it is called " + *config.wait_for);
      for (Job* other : by_name[*config.wait_for])
        job.wait_for(*other);
    }
}

void Machine::Impl::add_jobs() {
  for (const JobConfig& config : scenario_.jobs)
    for (int clone = 0; clone < config.numjobs; ++clone) {
      Job& job = jobs_.emplace_back(context_, *flusher_, config,
                                    static_cast<int>(workloads_.size()), clone, target_of(config));
      if (config.cgroup)
        job.join(cgroups_->find(*config.cgroup));
      workloads_.push_back(&job);
    }
  link_jobs();
}

void Machine::Impl::add_replays() {
  for (const ReplayConfig& config : scenario_.replays) {
    std::vector<ReplayFile> files;
    for (const std::string& name : config.files) {
      Inode* inode = find_named(files_, name);
      if (!inode)
        throw std::invalid_argument("unknown file " + name);
      const auto device = static_cast<std::size_t>(device_of(*inode));
      files.push_back({{.f_inode = inode}, scenario_.devices[device].queue.read_ahead_kb / 4});
    }
    workloads_.push_back(&replays_.emplace_back(
        context_, *flusher_, config, static_cast<int>(workloads_.size()), std::move(files)));
  }
}

void Machine::Impl::start_sampler() {
  std::vector<RequestQueue*> queues;
  std::vector<const Device*> devices;
  for (const Disk& disk : disks_) {
    queues.push_back(disk.queue.get());
    devices.push_back(disk.device.get());
  }
  sampler_ =
      std::make_unique<Sampler>(context_, *flusher_, scenario_.run, queues, devices,
                                std::vector<const Workload*>(workloads_.begin(), workloads_.end()));
  sampler_->set_hook([](void* self, Duration now) { static_cast<Impl*>(self)->look_around(now); },
                     this);
}

void Machine::Impl::Waits::waited(const WaitSite& site, TimePoint since) {
  const TimePoint now = impl.sim_.now();
  if (now == since)
    return;
  WaitRecord record;
  record.writer = writer_number;
  record.start = since - impl.context_.origin;
  record.end = now - impl.context_.origin;
  record.what = site.what;
  record.timed = site.timed;
  record.throttled = task.throttled_by;
  impl.sink_.on_wait(record);
}

void Machine::Impl::watch(Process& process, const Workload& job) {
  if (options_.record_waits)
    process.listen(&waits_.emplace_back(*this, static_cast<int>(waits_.size()), job.task()));
}

Task<> Machine::Impl::run_job(Workload& job) {
  co_await job.run();
  sampler_->job_ended();
}

void Machine::Impl::look_around(Duration now) {
  if (interrupted())
    throw Interrupted{};
  if (options_.progress)
    options_.progress(now);
}

// What was written before the start left the inode of its block device marked dirty, without dirty
// pages: sync(2) writes the pages and leaves the inode to the flusher.
void Machine::Impl::dirty_written_devices() {
  for (const DeviceConfig& config : scenario_.devices) {
    if (config.written_at_start == Bytes(0))
      continue;
    sim_.at(context_.periodic_start,
            {[](void* self, std::uint64_t i) {
               Impl& machine = *static_cast<Impl*>(self);
               const std::string& name = machine.scenario_.devices[i].name;
               mark_inode_dirty(machine.vfs_, *machine.devices_.at(name), I_DIRTY_PAGES);
             },
             this, static_cast<std::uint64_t>(&config - scenario_.devices.data())});
  }
}

RunSummary Machine::Impl::run() {
  cache_.memory().count_as_there_at_start(cache_.counters().nr_file_pages);
  limits_at_start_ = context_.dirty_limits();
  sim_.spawn("kswapd0", vfs_.kswapd.run(vfs_.reclaim_throttle), ProcessKind::kDaemon);
  if (counts_in_steps(scenario_, row_))
    sim_.spawn("vmstat", vmstat_work_.run(sim_, context_.wheel, context_.origin),
               ProcessKind::kDaemon);
  for (std::size_t i = 0; i < filesystems_.size(); ++i)
    if (Jbd2* const journal = filesystems_[i]->journal())
      sim_.spawn("jbd2/" + scenario_.filesystems[i].device + "-8",
                 journal->kjournald2(context_.wheel), ProcessKind::kDaemon);
  flusher_->start();
  dirty_written_devices();
  sampler_->start();
  for (Workload* job : workloads_)
    watch(sim_.spawn(job->task().name(), run_job(*job)), *job);
  try {
    sim_.run_until(TimePoint::max());
  } catch (const OutOfMemory& e) {
    const auto ms =
        std::chrono::duration_cast<std::chrono::milliseconds>(sim_.now() - context_.origin);
    throw OutOfMemory("after " + std::to_string(ms.count()) + " ms, " + e.what());
  }
  if (interrupted())
    throw Interrupted{};
  WB_ASSERT(cache_.counters().conserved());
  return summarise();
}

DeviceSummary Machine::Impl::summarise(const DeviceConfig& config, const Disk& disk,
                                       std::size_t i) const {
  constexpr auto kRead = static_cast<std::size_t>(BioOp::kRead);
  constexpr auto kWrite = static_cast<std::size_t>(BioOp::kWrite);
  const QueueStats stats = disk.queue->stats();
  DeviceSummary d;
  d.name = config.name;
  d.rd_ios = stats.ios[kRead];
  d.rd_merges = stats.merges[kRead];
  d.wr_ios = stats.ios[kWrite];
  d.wr_merges = stats.merges[kWrite];
  d.read = to_bytes(stats.sectors[kRead]);
  d.written = to_bytes(stats.sectors[kWrite]);
  d.metadata = to_bytes(stats.meta_sectors);
  d.rd_time = stats.time[kRead];
  d.wr_time = stats.time[kWrite];
  d.io_time = stats.io_time;
  d.busy = disk.queue->busy();
  d.busy_while_writing = sampler_->busy_while_writing(i);
  if (stats.started[kWrite] > 0) {
    d.first_write = stats.first_write_start - context_.origin;
    d.last_write = stats.last_write_end - context_.origin;
  }
  d.seeks = stats.seeks;
  d.failed = stats.failed;
  const std::int64_t started = stats.started[kRead] + stats.started[kWrite];
  if (started > 0)
    d.mean_queued = static_cast<double>(stats.allocated_sum) / static_cast<double>(started);
  return d;
}

MemorySummary Machine::Impl::summarise_memory() const {
  const VmCounters vm = context_.counters();
  MemorySummary m;
  m.dirty_threshold_at_start = limits_at_start_.dirty;
  m.background_threshold_at_start = limits_at_start_.background;
  m.peak_dirty = vm.peak_dirty;
  m.peak_writeback = vm.peak_writeback;
  m.peak_dirty_and_writeback = vm.peak_dirty_and_writeback;
  m.nr_dirtied = vm.nr_dirtied;
  m.nr_written = vm.nr_written;
  m.nr_redirtied = vm.nr_redirtied;
  m.still_dirty = vm.nr_file_dirty;
  m.still_writeback = vm.nr_writeback;
  m.discarded = vm.nr_discarded;
  m.time_to_clean = sampler_->time_to_clean();
  return m;
}

PowerCutSummary Machine::Impl::summarise_power_cut() {
  PowerCutSummary cut;
  cut.time = sim_.now() - context_.origin;
  for (const std::string& name : written_files(scenario_)) {
    FileAtCut file = durability_.at_cut(files_.at(name)->host(), sim_.now());
    file.name = name;
    cut.files.push_back(std::move(file));
  }
  return cut;
}

RunSummary Machine::Impl::summarise() {
  RunSummary result;
  result.kernel = std::string(row_.name);
  result.flusher = scenario_.kernel.flusher.value_or(std::string(row_.flusher));
  result.throttle = scenario_.kernel.throttle.value_or(std::string(row_.throttle));
  result.simulated = sim_.now() - context_.origin;
  result.events = sim_.events_run();
  result.writers_end = sampler_->jobs_ended();
  if (throttle_->first_throttle() != TimePoint::max())
    result.first_throttle = throttle_->first_throttle() - context_.origin;
  for (const Workload* job : workloads_)
    result.writers.push_back(job->summary());
  for (std::size_t i = 0; i < disks_.size(); ++i)
    result.devices.push_back(summarise(scenario_.devices[i], disks_[i], i));
  result.flushers = counter_.summary;
  result.memory = summarise_memory();
  if (cgroups_)
    for (const Memcg& memcg : cgroups_->all())
      result.cgroups.push_back({memcg.name, memcg.peak_file, memcg.peak_dirty, memcg.file_dirty,
                                memcg.inodes_switched, memcg.foreign_flushes});
  if (scenario_.run.power_cut)
    result.power_cut = summarise_power_cut();
  return result;
}

Machine::Machine(const Scenario& scenario, TraceSink& sink, MachineOptions options)
    : impl_(std::make_unique<Impl>(scenario, sink, options)) {}

Machine::~Machine() = default;

RunSummary Machine::run() {
  return impl_->run();
}

}  // namespace wbsim
