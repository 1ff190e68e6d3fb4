#include "models/kernel.hpp"

namespace wbsim {

namespace {

using std::chrono::milliseconds;

// One processor; CFS multiplies these by 1 + log2(processors), which we leave out. The sleeper
// credit is CFS's own sched_latency, 20 ms, from 2.6.32 on half of one of 5 ms. The recorded
// kernels change between runnable writers every tick of 4 ms; 2.6.24 every second one when only two
// are runnable; 2.6.31 even if the one that runs came 0.3 ms ago: the latencies are chosen to give
// that. The spec has no scheduler; the granularities are assumptions. On 2.6.31 whom the flusher
// interrupts goes on when he is 2 ms ahead at most.
constexpr SchedRules kSched2624{.latency = milliseconds(10),
                                .min_granularity = milliseconds(2),
                                .wakeup_granularity = milliseconds(5),
                                .sleeper_credit = milliseconds(20),
                                .child_runs_first = true};
constexpr SchedRules kSched2631{.latency = std::chrono::microseconds(500),
                                .min_granularity = std::chrono::microseconds(100),
                                .wakeup_granularity = milliseconds(2),
                                .sleeper_credit = milliseconds(20),
                                .last_buddy = true,
                                .child_runs_first = true};
constexpr SchedRules kSched2632{.latency = milliseconds(5),
                                .min_granularity = milliseconds(1),
                                .wakeup_granularity = milliseconds(1),
                                .sleeper_credit = std::chrono::microseconds(2500)};

// Half of a latency of 6 ms of credit. Who is behind comes on at the first tick that finds another
// to have run for 0.75 ms, min_granularity, however many are runnable: so the recordings change
// between jobs. A sample of theirs that is due when a job begins comes after its first slice, so
// the job has as much credit as the recorder.
constexpr SchedRules kSched61{.latency = std::chrono::microseconds(750),
                              .min_granularity = std::chrono::microseconds(750),
                              .wakeup_granularity = milliseconds(1),
                              .sleeper_credit = milliseconds(3),
                              .new_have_slept = true};

// CFS stands in for the scheduler of 2.4. The ratios are nfract and nfract_sync of bdf_prm.
KernelRow row_24(std::string_view name, v24::Release release) {
  const bool early = release == v24::Release::k240;
  KernelRow row{};
  row.name = name;
  row.flusher = "bdflush";
  row.throttle = "balance_dirty";
  row.dirty_background_ratio = early ? 30 : 40;
  row.dirty_ratio = 60;
  row.buffer_cache = release;
  row.writeback.throttles_vm_writeout = false;
  row.queue.kind = early ? QueueKind::kLinus240 : QueueKind::kLinus2417;
  row.queue.split_by_sync = false;
  row.queue.max_sectors = Sectors(255);
  row.queue.knows_rotational = false;
  row.queue.most_nomerges = 0;
  row.sched = kSched2624;
  return row;
}

KernelRow row_2624() {
  KernelRow row{};
  row.name = "2.6.24";
  row.flusher = "pdflush";
  row.throttle = "congestion_wait";
  row.dirty_background_ratio = 5;
  row.dirty_ratio = 10;
  row.writeback = {.limits = LimitsRule::k2624,
                   .single_inode = SingleInodeRule::k2624,
                   .writer_writes = WriterWritesRule::kAnyReclaimable,
                   .reports_more_io = false};
  row.pdflush = {.creation_restarts_clock = false, .sync_holds_inodes = true};
  row.fs = {.page_scan = PageScanRule::k2624,
            .sync_bios = false,
            .sync_file_range = SyncMode::WB_SYNC_NONE,
            .map_delay = false,
            .task_dirty_by_buffers = false,
            .relatime_daily = false};
  row.queue.split_by_sync = false;
  row.queue.deadline = kDeadline2624;
  row.queue.cfq = kCfq2618;
  row.queue.knows_rotational = false;
  row.queue.most_nomerges = 0;
  row.sched = kSched2624;
  row.unfreeable_on_lru = true;
  return row;
}

// CFS stands in for the scheduler of before 2.6.23.
KernelRow row_2618() {
  KernelRow row = row_2624();
  row.name = "2.6.18";
  row.dirty_background_ratio = 10;
  row.dirty_ratio = 40;
  row.writeback.limits = LimitsRule::k2618;
  row.writeback.single_inode = SingleInodeRule::k2618;
  row.writeback.writer_writes = WriterWritesRule::kAnyDirty;
  row.writeback.writer_loop = WriterLoopRule::k2618;
  row.fs.recover_unlocks_last = false;
  row.fs.marks_write_eio = false;
  row.fs.nothing_written_is_skipped = true;
  row.queue.deadline = kDeadline2618;
  return row;
}

KernelRow row_2631() {
  KernelRow row{};
  row.name = "2.6.31";
  row.alias = "pdflush";
  row.flusher = "pdflush";
  row.throttle = "congestion_wait";
  row.dirty_background_ratio = 10;
  row.dirty_ratio = 20;
  row.queue.deadline = kDeadline2631;
  row.sched = kSched2631;
  return row;
}

KernelRow row_2632() {
  KernelRow row = row_2631();
  row.name = "2.6.32";
  row.alias = "bdi";
  row.flusher = "bdi";
  row.throttle = "pause";
  row.writeback.single_inode = SingleInodeRule::k2632;
  row.writeback.fsync_waits = FsyncWaits::kBeforeInode;
  row.sched = kSched2632;
  return row;
}

KernelRow row_2639() {
  KernelRow row = row_2632();
  row.name = "2.6.39";
  row.alias = "";
  row.bdi = BdiRule::k2639;
  row.writeback.limits = LimitsRule::k2639;
  row.writeback.single_inode = SingleInodeRule::k2639;
  row.writeback.writer_loop = WriterLoopRule::k2639;
  row.writeback.timers = TimerRule::kSlack;
  row.writeback.laptop_timer_per_device = true;
  row.fs.page_scan = PageScanRule::k310;
  row.fs.waits_for_buffers = false;
  row.fs.fsync_flush = FsyncFlush::kBlockDevice;
  row.fs.flush_is_barrier = false;
  row.queue = queue_rules_310();
  return row;
}

KernelRow row_310() {
  KernelRow row = row_2639();
  row.name = "3.10";
  row.flusher = "bdi_wq";
  row.throttle = "ioless";
  row.writeback.limits = LimitsRule::k310;
  row.writeback.single_inode = SingleInodeRule::k310;
  row.writeback.fsync_waits = FsyncWaits::kOnlyBeforeInode;
  row.writeback.rates = RateRule::k310;
  row.fs.full_pagevec_waits = true;
  return row;
}

KernelRow row_61() {
  KernelRow row = row_310();
  row.name = "6.1";
  row.writeback.limits = LimitsRule::k61;
  row.writeback.rates = RateRule::k61;
  row.writeback.background_start = BackgroundStart::kFirst;
  row.writeback.bandwidth = BandwidthUpdate::kInWritepages;
  row.writeback.wakeup = FlusherWakeup::kStartAll;
  row.writeback.sync_waits_for_data = false;
  row.writeback.skipped_is_progress = false;
  row.writeback.reclaim_wakes_flushers = true;
  row.writeback.timers = TimerRule::kWheel;
  row.writeback.plugs_works = true;
  row.writeback.throttles_vm_writeout = false;
  row.fs.page_scan = PageScanRule::k61;
  row.fs.sync_file_range = SyncMode::WB_SYNC_NONE;
  row.fs.write_marks_accessed = false;
  row.fs.full_pagevec_waits = false;
  row.fs.multipage_bvecs = true;
  row.sched = kSched61;
  row.batches = {.allocated = 63,
                 .lru = 15,
                 .tree_nodes = 14,
                 .buffer_heads = 39,
                 .of_slabs_too = true,
                 .bios = 16};
  row.shadow_entries = true;
  row.counts_in_steps = true;
  row.fs.fsync_flush = FsyncFlush::kAlways;
  row.fs.errseq = true;
  row.queue = queue_rules_61();
  return row;
}

}  // namespace

const std::vector<KernelRow>& kernels() {
  static const std::vector<KernelRow> rows{row_24("2.4.0", v24::Release::k240),
                                           row_24("2.4.17", v24::Release::k2417),
                                           row_2618(),
                                           row_2624(),
                                           row_2631(),
                                           row_2632(),
                                           row_2639(),
                                           row_310(),
                                           row_61()};
  return rows;
}

const KernelRow* find_kernel(std::string_view name) {
  for (const KernelRow& row : kernels())
    if (row.name == name || (!row.alias.empty() && row.alias == name))
      return &row;
  return nullptr;
}

RatiosAtBoot ratios_at_boot(const KernelRow& row, const MemoryConfig& memory) {
  RatiosAtBoot ratios{row.dirty_background_ratio, row.dirty_ratio};
  if (row.writeback.limits == LimitsRule::k2618)
    for (int* ratio : {&ratios.background, &ratios.dirty})
      *ratio = default_ratio_2618(*ratio, whole_pages(memory.total), whole_pages(memory.highmem));
  return ratios;
}

std::vector<std::string_view> kernel_names() {
  std::vector<std::string_view> names;
  for (const KernelRow& row : kernels())
    names.push_back(row.name);
  for (const KernelRow& row : kernels())
    if (!row.alias.empty())
      names.push_back(row.alias);
  return names;
}

const std::vector<std::string_view>& flusher_names() {
  static const std::vector<std::string_view> names{"bdflush", "pdflush", "bdi", "bdi_wq"};
  return names;
}

const std::vector<std::string_view>& throttle_names() {
  static const std::vector<std::string_view> names{"balance_dirty", "congestion_wait", "pause",
                                                   "ioless"};
  return names;
}

}  // namespace wbsim
