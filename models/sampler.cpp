#include "models/sampler.hpp"

#include <algorithm>
#include <iterator>
#include <string_view>

#include "models/fs/durability.hpp"
#include "models/writeback/cgroup_writeback.hpp"
#include "models/writeback/inode_lists.hpp"
#include "sim/assert.hpp"

namespace wbsim {

namespace {
// A few pages of metadata age on their own; a run is clean without them, as the recordings count.
constexpr Pages kCleanPages{8};
constexpr int kSamplesPerCensus = 5;  // thread_census
// A process that sleeps on something longer than this waits for ever.
constexpr Duration kHungTask = std::chrono::hours(1);
constexpr std::size_t kRead = static_cast<std::size_t>(BioOp::kRead);
constexpr std::size_t kWrite = static_cast<std::size_t>(BioOp::kWrite);
}  // namespace

Sampler::Sampler(WritebackContext& context, Flusher& flusher, const RunConfig& run,
                 std::vector<RequestQueue*> queues, std::vector<const Device*> devices,
                 const std::vector<const Workload*>& jobs)
    : context_(context),
      flusher_(flusher),
      run_(run),
      runner_(context.sim(), context.vfs.cpu, context.vfs.costs.context_switch),
      queues_(std::move(queues)),
      devices_(std::move(devices)),
      jobs_(jobs),
      busy_at_jobs_end_(queues_.size()) {}

void Sampler::start() {
  if (run_.recorder_competes) {
    context_.sim().spawn(recorder_.name(), record(), ProcessKind::kDaemon);
    runner_.start(context_.origin + kTimerSlack);
  }
  context_.sim().at(
      context_.origin - run_.samples_before_start,
      {[](void* self, std::uint64_t) { static_cast<Sampler*>(self)->look(); }, this, 0},
      Band::kSample);
  if (run_.power_cut)
    context_.sim().at(context_.origin + *run_.power_cut,
                      {[](void* sim, std::uint64_t) { static_cast<Simulator*>(sim)->stop(); },
                       &context_.sim(), 0},
                      Band::kSample);
}

Duration Sampler::jobs_ended() const {
  Duration last{0};
  for (const Workload* job : jobs_)
    last = std::max(last, job->ended_at());
  return last;
}

void Sampler::job_ended() {
  ++jobs_ended_;
  for (std::size_t i = 0; i < devices_.size(); ++i)
    busy_at_jobs_end_[i] = devices_[i]->busy(context_.sim().now());
}

void Sampler::look() {
  Simulator& sim = context_.sim();
  const Duration now = sim.now() - context_.origin;
  WB_ASSERT(context_.vfs.cache.counters().conserved());
#ifdef WBSIM_FULL_CHECKS
  context_.vfs.cache.check();
#endif
  if (!run_.recorder_competes) {
    context_.trace.on_sample(sample());
    charge_recorder(now);
  }
  if (hook_)
    hook_(hook_argument_, now);
  if (now >= Duration::zero())
    watch_for_the_end();
  watch_for_hung_jobs();
  sim.at(sim.now() + run_.sample_interval,
         {[](void* self, std::uint64_t) { static_cast<Sampler*>(self)->look(); }, this, 0},
         Band::kSample);
}

// A recorder's work, in place of whoever has the processor.
void Sampler::charge_recorder(Duration now) {
  if (now == Duration::zero() && run_.first_sample_delay > now) {
    context_.sim().at(
        context_.origin + run_.first_sample_delay,
        {[](void* self, std::uint64_t) {
           const Sampler& sampler = *static_cast<Sampler*>(self);
           sampler.context_.vfs.cpu.steal(sampler.run_.sample_cost + sampler.run_.thread_census);
         },
         this, 0},
        Band::kSample);
    return;
  }
  const bool counts_threads = now % (kSamplesPerCensus * run_.sample_interval) == Duration::zero();
  context_.vfs.cpu.steal(run_.sample_cost + (counts_threads ? run_.thread_census : Duration(0)));
}

// A recorder that is a process at nice -20, and sees the machine once it has a processor. Its timer
// has slack, and ends with a tick that comes when it is due; while the tick is stopped, when
// somebody else's timer restarts it. Nothing runs before the first sample, so that nothing does.
Task<> Sampler::record() {
  Processors& cpu = context_.vfs.cpu;
  recorder_.set_load(Thread::kNiceMinus20Load);
  const Duration switched = std::max(context_.vfs.costs.context_switch, Duration(1));
  TimePoint due = context_.origin - run_.samples_before_start;
  for (int number = 0;; ++number, due += run_.sample_interval) {
    const TimePoint until = number == 0 ? due + kTimerSlack : std::max(due, context_.sim().now());
    co_await context_.sim().delay_until(until, "nanosleep");
    const TickClock ticks = context_.vfs.ticks;
    const bool by_tick = !cpu.tick_is_stopped() && ticks.start_of(ticks.jiffies_at(due)) == due;
    if (const Duration slack = due + kTimerSlack - context_.sim().now();
        !by_tick && slack > Duration::zero())
      co_await cpu.tick_restarted().wait_for(slack, "nanosleep");
    recorder_.charge(switched);
    co_await cpu.settle(recorder_);
    context_.trace.on_sample(sample());
    recorder_.charge(std::max(run_.sample_cost - switched, Duration(0)));
    if (number % kSamplesPerCensus == 0)
      recorder_.charge(run_.thread_census);
    co_await cpu.settle(recorder_);
  }
}

Sample Sampler::sample() const {
  const PageCache& cache = context_.vfs.cache;
  const VmCounters vm = context_.counters();
  const DirtyLimits limits = context_.dirty_limits();
  Sample s;
  s.time = context_.sim().now() - context_.origin;
  s.nr_dirty = vm.nr_file_dirty;
  s.nr_writeback = vm.nr_writeback;
  s.nr_dirtied = vm.nr_dirtied;
  s.nr_written = vm.nr_written;
  s.nr_free_pages = cache.free_pages();
  s.nr_file_pages = cache.file_pages();
  s.dirty_threshold = limits.dirty;
  s.background_threshold = limits.background;
  (flusher_.kind() == TaskRole::kPdflush ? s.pdflush : s.flush) = flusher_.threads();
  s.procs_blocked = procs_blocked();
  s.devices.reserve(queues_.size());
  for (std::size_t i = 0; i < queues_.size(); ++i)
    s.devices.push_back(device_sample(i, limits.dirty));
  if (MemoryCgroups* cgroups = context_.vfs.cache.cgroups())
    for (const Memcg& memcg : cgroups->all()) {
      const DirtyLimits own = memcg_limits_now(context_, memcg);
      s.cgroups.push_back(
          {memcg.file, memcg.file_dirty, memcg.file_writeback, own.dirty, own.background});
    }
  return s;
}

// What one cgroup, or the root, writes to it.
void Sampler::add_wb(DeviceSample& d, BackingDevInfo& wb, Pages dirty) const {
  d.bdi_writeback += wb.writeback.read();
  d.bdi_reclaimable += wb.reclaimable.read();
  d.bdi_dirty_thresh += context_.bdi_dirty_limit(wb, dirty, nullptr);
  d.bdi_dirtied += wb.dirtied.read();
  d.bdi_written += wb.written.read();
  d.b_dirty += wb.dirty_inodes[DirtyInodeLists::kDirty];
  d.b_io += wb.dirty_inodes[DirtyInodeLists::kIo];
  d.b_more_io += wb.dirty_inodes[DirtyInodeLists::kMoreIo];
  d.b_dirty_time += wb.dirty_inodes[DirtyInodeLists::kDirtyTime];
}

DeviceSample Sampler::device_sample(std::size_t device, Pages dirty) const {
  RequestQueue& queue = *queues_[device];
  BackingDevInfo& bdi = *context_.bdis[device];
  if (context_.dirty_memory)
    context_.dirty_memory->publish(bdi);
  const QueueStats stats = queue.stats();
  DeviceSample d{};
  d.rd_ios = stats.ios[kRead];
  d.rd_merges = stats.merges[kRead];
  d.rd_sectors = stats.sectors[kRead].count();
  d.rd_time = stats.time[kRead];
  d.wr_ios = stats.ios[kWrite];
  d.wr_merges = stats.merges[kWrite];
  d.wr_sectors = stats.sectors[kWrite].count();
  d.wr_time = stats.time[kWrite];
  d.in_flight = queue.allocated();
  d.io_time = stats.io_time;
  d.busy = queue.busy();
  if (!bdi.wbs)
    add_wb(d, bdi, dirty);
  else
    for (BackingDevInfo* wb : *bdi.wbs)
      add_wb(d, *wb, dirty);
  if (has_flex_shares(context_.rules.limits)) {
    d.write_bandwidth = bdi.wbs ? wb_share(bdi).total : bdi.rates.write_bandwidth;
    d.dirty_ratelimit = bdi.rates.dirty_ratelimit;
  }
  if (const Durability* durability = context_.vfs.durability) {
    const SectorStates& states = durability->device(device, context_.sim().now());
    d.risk_memory = states.in(DataPlace::kMemory);
    d.risk_in_flight = states.in(DataPlace::kInFlight);
    d.risk_cache = states.in(DataPlace::kVolatileCache);
  }
  return d;
}

int Sampler::procs_blocked() const {
  constexpr std::string_view kNotBlocked[] = {"its first turn", "startdelay", "nanosleep",
                                              "processor"};
  const auto& processes = context_.sim().processes();
  return static_cast<int>(
      std::count_if(processes.begin(), processes.end(), [&](const auto& process) {
        return !process->finished() && process->kind() == ProcessKind::kForeground &&
               std::find(std::begin(kNotBlocked), std::end(kNotBlocked),
                         process->waiting_at().what) == std::end(kNotBlocked);
      }));
}

void Sampler::watch_for_the_end() {
  const Duration now = context_.sim().now() - context_.origin;
  const VmCounters vm = context_.counters();
  const Pages unclean = vm.nr_file_dirty + vm.nr_claimed + vm.nr_writeback;
  if (now >= run_.duration)
    context_.sim().stop();
  if (!jobs_finished() || run_.power_cut)
    return;
  if (run_.until == RunUntil::kJobsDone)
    context_.sim().stop();
  if (unclean <= kCleanPages && time_to_clean_ < Duration::zero())
    time_to_clean_ = std::max(now - jobs_ended(), Duration::zero());
  if (unclean > Pages(0)) {
    clean_since_ = Duration(-1);
    return;
  }
  if (clean_since_ < Duration::zero())
    clean_since_ = now;
  if (run_.until == RunUntil::kClean && now - clean_since_ >= run_.settle)
    context_.sim().stop();
}

// Every process is looked at once an hour at most: whoever began to wait later than the longest
// waiter of last time cannot have waited an hour before.
void Sampler::watch_for_hung_jobs() {
  Simulator& sim = context_.sim();
  if (sim.now() < no_hung_job_before_)
    return;
  TimePoint longest = sim.now();
  for (const auto& process : sim.processes()) {
    if (process->finished() || process->kind() != ProcessKind::kForeground)
      continue;
    if (process->waiting_at().timed)
      continue;
    if (sim.now() - process->waiting_since() >= kHungTask)
      throw SimulatedDeadlock(process->name() + " has waited for an hour of simulated time\n" +
                              sim.process_table());
    longest = std::min(longest, process->waiting_since());
  }
  no_hung_job_before_ = longest + kHungTask;
}

}  // namespace wbsim
