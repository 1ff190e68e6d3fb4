#include "models/writeback/bdi_flusher.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "models/block/request_queue.hpp"
#include "models/writeback/flusher_trace.hpp"
#include "models/writeback/laptop_mode.hpp"
#include "models/writeback/single_inode.hpp"

namespace wbsim {

namespace {
constexpr std::int64_t kThreadIdleSeconds = 5 * 60;
constexpr Jiffies kGracePeriod{2};  // of RCU: a device waits for one to be on the forker's list
}  // namespace

struct BdiFlusher::BdiWriteback {
  BdiWriteback(BackingDevInfo& device, Jiffies now)
      : bdi(device), last_old_flush(now), task("flush-" + device.name, TaskRole::kFlusher) {}
  bool has_dirty_io() const { return !lists.empty(); }

  BackingDevInfo& bdi;
  DirtyInodeLists lists;  // b_dirty, b_io, b_more_io
  std::deque<WbWork> work_list;
  Jiffies last_old_flush;
  TaskStruct task;
  bool has_thread = false;
  bool woken = false;  // the wake-up came while the thread ran
  WaitQueue wake;
  // 2.6.39.
  bool running = false;  // BDI_writeback_running
  bool stop = false;     // kthread_stop()
  Jiffies last_active{};
  EventQueue::Handle wakeup_timer;
};

BdiFlusher::BdiFlusher(WritebackContext& context, ThreadsAtStart threads_at_start, BdiRule rule)
    : context_(context), threads_at_start_(threads_at_start), rule_(rule) {
  for (BackingDevInfo* bdi : context.bdis)
    wbs_.emplace_back(*bdi, context.vfs.ticks.jiffies_at(context.periodic_start));
}

BdiFlusher::~BdiFlusher() = default;

BdiFlusher::BdiWriteback& BdiFlusher::of(const BackingDevInfo& bdi) const {
  return const_cast<BdiWriteback&>(wbs_[static_cast<std::size_t>(bdi.id)]);
}

void BdiFlusher::start() {
  Simulator& sim = context_.sim();
  sim.spawn("bdi-default", forker(), ProcessKind::kDaemon);
  const auto& supers = context_.super_blocks;
  if (std::any_of(supers.begin(), supers.end(), [](SuperBlock* sb) { return sb->has_super; }))
    sim.spawn("sync_supers", bdi_sync_supers(), ProcessKind::kDaemon);
}

// A thread of its own, because a flusher belongs to one device.
Task<> BdiFlusher::bdi_sync_supers() {
  Simulator& sim = context_.sim();
  co_await sim.delay_until(std::max(sim.now(), context_.periodic_start), "boot");
  while (context_.dirty_writeback_interval.count() > 0) {
    co_await sim.delay(context_.timeout(context_.dirty_writeback_interval), "sync_supers");
    context_.sync_supers();
  }
}

void BdiFlusher::inode_dirtied(Inode& inode) {
  BdiWriteback& wb = of(*inode.i_mapping->bdi);
  const bool first = !wb.has_dirty_io();
  wb.lists.add(inode);
  if (first && is_2639())
    wakeup_delayed(wb);
}

// bdi_wakeup_thread_delayed()
void BdiFlusher::wakeup_delayed(BdiWriteback& wb) {
  Simulator& sim = context_.sim();
  sim.cancel(wb.wakeup_timer);
  const EventAction fire{[](void* self, std::uint64_t i) {
                           auto& flusher = *static_cast<BdiFlusher*>(self);
                           flusher.wake(flusher.wbs_[i]);
                         },
                         this, static_cast<std::uint64_t>(wb.bdi.id)};
  wb.wakeup_timer =
      sim.at(context_.wheel.expiry(sim.now(), context_.dirty_writeback_interval), fire);
}

void BdiFlusher::queue_work(BdiWriteback& wb, const WbWork& work) {
  wb.work_list.push_back(work);
  wake(wb);
}

// The thread, or who makes it.
void BdiFlusher::wake(BdiWriteback& wb) {
  if (wb.has_thread) {
    wb.woken = true;
    wb.wake.wake_one();
  } else if (is_2639()) {
    wake_forker();
  } else {
    context_.sim().at(
        context_.sim().now() + context_.timeout(kGracePeriod),
        {[](void* self, std::uint64_t) { static_cast<BdiFlusher*>(self)->wake_forker(); }, this,
         0});
  }
}

void BdiFlusher::wake_forker() {
  forker_woken_ = true;
  forker_wake_.wake_one();
}

void BdiFlusher::start_thread(BdiWriteback& wb) {
  wb.has_thread = true;
  ++nr_threads_;
  context_.sim().spawn(wb.task.name(), is_2639() ? run_thread_2639(wb) : run_thread(wb),
                       ProcessKind::kDaemon);
}

Jiffies BdiFlusher::patience() const {
  return std::max(context_.hz() * kThreadIdleSeconds, context_.dirty_writeback_interval);
}

void BdiFlusher::fork_or_kill(BdiWriteback& wb) {
  const bool has_work = !wb.work_list.empty() || wb.has_dirty_io();
  if (!wb.has_thread && has_work)
    return start_thread(wb);
  if (!is_2639() || !wb.has_thread || has_work || context_.now() <= wb.last_active + patience())
    return;
  wb.stop = true;
  wake(wb);
}

// bdi_forker_task(): makes the threads that are missing, one after the other.
Task<> BdiFlusher::forker() {
  Simulator& sim = context_.sim();
  co_await sim.delay_until(std::max(sim.now(), context_.periodic_start), "boot");
  if (threads_at_start_ == ThreadsAtStart::kAll)
    for (BdiWriteback& wb : wbs_)
      start_thread(wb);
  for (;;) {
    forker_woken_ = false;
    for (BdiWriteback& wb : wbs_)
      fork_or_kill(wb);
    if (!forker_woken_)
      co_await forker_sleeps();
  }
}

Task<> BdiFlusher::forker_sleeps() {
  const Jiffies interval = context_.dirty_writeback_interval;
  if (is_2639())
    co_await forker_wake_.wait_for(context_.timeout(patience()), "idle");
  else if (interval.count() > 0)
    co_await forker_wake_.wait_for(context_.timeout(interval), "dirty_writeback_interval");
  else
    co_await forker_wake_.wait("work");
}

// bdi_start_fn() and bdi_writeback_task(): looks for work every interval, exits when idle.
Task<> BdiFlusher::run_thread(BdiWriteback& wb) {
  const Jiffies interval = context_.dirty_writeback_interval;
  Jiffies last_active = context_.now();
  bool waited = false;
  for (;;) {
    wb.woken = false;
    const std::int64_t written = co_await wb_do_writeback(wb);
    co_await context_.vfs.cpu.settle(wb.task);
    if (written > 0)
      last_active = context_.now();
    else if (waited && context_.now() > last_active + patience())
      break;
    if (wb.woken || !wb.work_list.empty())
      continue;
    waited = interval.count() > 0;
    if (waited)
      co_await wb.wake.wait_for(context_.timeout(interval), "dirty_writeback_interval");
    else
      co_await wb.wake.wait("work");
    co_await context_.vfs.cpu.woken(wb.task);
  }
  wb.has_thread = false;
  --nr_threads_;
}

// bdi_writeback_thread() of 2.6.39: sleeps while there is nothing dirty.
Task<> BdiFlusher::run_thread_2639(BdiWriteback& wb) {
  const Jiffies interval = context_.dirty_writeback_interval;
  wb.last_active = context_.now();
  wb.stop = false;
  while (!wb.stop) {
    wb.woken = false;
    context_.sim().cancel(wb.wakeup_timer);
    const std::int64_t written = co_await wb_do_writeback(wb);
    co_await context_.vfs.cpu.settle(wb.task);
    if (written > 0)
      wb.last_active = context_.now();
    if (wb.woken || !wb.work_list.empty())
      continue;
    if (wb.has_dirty_io() && interval.count() > 0)
      co_await wb.wake.wait_for(context_.timeout(interval), "dirty_writeback_interval");
    else
      co_await wb.wake.wait("work");
    co_await context_.vfs.cpu.woken(wb.task);
  }
  wb.has_thread = false;
  --nr_threads_;
}

Task<std::int64_t> BdiFlusher::wb_do_writeback(BdiWriteback& wb) {
  std::int64_t written = 0;
  wb.running = true;
  while (!wb.work_list.empty()) {
    const WbWork work = wb.work_list.front();
    const bool wait = !is_2639() && work.sync_mode == SyncMode::WB_SYNC_ALL;
    if (!wait)
      wb.work_list.pop_front();  // so writeback_in_progress() is false while it runs
    written += co_await wb_writeback(wb, work);
    if (wait)
      wb.work_list.pop_front();
    if (work.pending && --*work.pending == 0)
      work_done_.wake_all();
  }
  written += co_await wb_check_old_data_flush(wb);
  if (is_2639())
    written += co_await wb_check_background_flush(wb);
  wb.running = false;
  co_return written;
}

Task<std::int64_t> BdiFlusher::wb_check_background_flush(BdiWriteback& wb) {
  if (!context_.over_background())
    co_return 0;
  co_return co_await wb_writeback(wb, WbWork::background());
}

Task<std::int64_t> BdiFlusher::wb_check_old_data_flush(BdiWriteback& wb) {
  const std::optional<WbWork> work = WbWork::old_data(context_, wb.last_old_flush);
  if (!work)
    co_return 0;
  co_return co_await wb_writeback(wb, *work);
}

// In 2.6.39 background and periodic work give way to what somebody asked for.
bool BdiFlusher::must_stop(const BdiWriteback& wb, const WbWork& work) const {
  if (work.nr_pages <= 0)
    return true;
  if (!is_2639())
    return work.for_background && !context_.at_background();
  if ((work.for_background || work.for_kupdate) && !wb.work_list.empty())
    return true;
  return work.for_background && !context_.over_background();
}

Task<std::int64_t> BdiFlusher::wb_writeback(BdiWriteback& wb, WbWork work) {
  const TimePoint since = context_.sim().now();
  WritebackControl wbc;
  wbc.sync_mode = work.sync_mode;
  wbc.for_kupdate = work.for_kupdate;
  wbc.range_cyclic = work.range_cyclic;
  wbc.reason = work.reason;
  if (work.for_kupdate)
    wbc.older_than_this = context_.now() - context_.dirty_expire_interval;
  const Jiffies wb_start = context_.now();
  const bool integrity = is_2639() && work.sync_mode == SyncMode::WB_SYNC_ALL;
  const std::int64_t chunk = integrity ? WbWork::kEverything : kMaxWritebackPages;
  std::int64_t written = 0;
  TimePoint idle_at = TimePoint::max();  // the last round that wrote nothing
  while (!must_stop(wb, work)) {
    wbc.more_io = false;
    wbc.nr_to_write = chunk;
    wbc.pages_skipped = 0;
    co_await writeback_inodes_wb(wb, work.sb, wbc, is_2639() ? wb_start : context_.now(), wb.task);
    work.nr_pages -= chunk - wbc.nr_to_write;
    written += chunk - wbc.nr_to_write;
    if (wbc.nr_to_write <= 0)
      continue;
    if (!wbc.more_io)
      break;
    if (wbc.nr_to_write < chunk)
      continue;
    // Nothing written: somebody else is at the inode, or all its pages are under write-back.
    auto& more_io = wb.lists.list(DirtyInodeLists::kMoreIo);
    if (!more_io.empty())
      co_await context_.vfs.cpu.settle(wb.task);
    if (more_io.empty())
      continue;
    Inode& busy = more_io.back();
    if ((busy.i_state & I_SYNC) == 0 &&
        std::exchange(idle_at, context_.sim().now()) == context_.sim().now())
      break;  // after b_more_io was queued: a thread that spins here would only wait for the disk
    while ((busy.i_state & I_SYNC) != 0) {
      co_await busy.i_sync_waiters.wait("I_SYNC");
      co_await context_.vfs.cpu.woken(wb.task);
    }
  }
  context_.trace_work(since, wb.task.name(), work.reason, written);
  co_return written;
}

Task<> BdiFlusher::writeback_inodes_wb(BdiWriteback& wb, SuperBlock* sb, WritebackControl& wbc,
                                       Jiffies start, TaskStruct& task) {
  const auto& io = wb.lists.list(DirtyInodeLists::kIo);
  if (!wbc.for_kupdate || io.empty())
    queue_io(context_, wb.lists,
             {wbc.older_than_this, DirtyInodeLists::SuperblockSort::kYes, wb.bdi.id, wbc.reason,
              task.name(),
              is_2639() ? DirtyInodeLists::MoreIo::kAfterIo : DirtyInodeLists::MoreIo::kFirst});
  while (!io.empty()) {
    Inode& inode = wb.lists.next_io();
    if (sb && sb != inode.i_sb) {
      wb.lists.redirty_tail(inode, context_.now());
      continue;
    }
    if (wbc.nonblocking && wb.bdi.queue->write_congested()) {
      wbc.encountered_congestion = true;
      if (!inode.is_block_device)
        break;
      wb.lists.requeue_io(inode);
      continue;
    }
    if (inode.dirtied_when > start)
      break;  // else a fast writer would keep this pass going for ever
    const std::int64_t skipped = wbc.pages_skipped;
    const Errno ignored = co_await writeback_single_inode(context_, inode, wbc, task);
    static_cast<void>(ignored);  // kept in the mapping for fsync
    if (wbc.pages_skipped != skipped && inode.dirty_lists)
      wb.lists.redirty_tail(inode, context_.now());
    if (wbc.nr_to_write <= 0) {
      wbc.more_io = true;
      break;
    }
    if (!wb.lists.list(DirtyInodeLists::kMoreIo).empty())
      wbc.more_io = true;
  }
}

Task<> BdiFlusher::writeback_inodes(WritebackControl& wbc, TaskStruct& task) {
  co_await writeback_inodes_wb(of(*wbc.bdi), nullptr, wbc, context_.now(), task);
}

bool BdiFlusher::writeback_in_progress(const BackingDevInfo& bdi) const {
  return is_2639() ? of(bdi).running : !of(bdi).work_list.empty();
}

void BdiFlusher::start_background_writeback(BackingDevInfo& bdi) {
  if (is_2639())
    return wake(of(bdi));
  queue_work(of(bdi), WbWork::background());
}

void BdiFlusher::wakeup_pdflush(Pages scanned) {
  WbWork work;
  work.nr_pages = scanned.count();
  work.reason = WriteReason::kReclaim;
  for (BackingDevInfo* bdi : context_.bdis)
    if (of(*bdi).has_dirty_io() && of(*bdi).work_list.empty())
      queue_work(of(*bdi), work);
}

// schedule_work(): one that is pending already is not queued again. 2.6.39: an item of work.
void BdiFlusher::laptop_flush(BackingDevInfo& bdi) {
  if (is_2639()) {
    WbWork work;
    work.nr_pages = context_.everything();
    work.range_cyclic = true;
    work.reason = WriteReason::kLaptopTimer;
    if (of(bdi).has_dirty_io())
      queue_work(of(bdi), work);
    return;
  }
  if (laptop_works_ == 2)
    return;
  if (++laptop_works_ == 1)
    context_.sim().spawn(events_.name(), laptop_work(), ProcessKind::kDaemon);
}

Task<> BdiFlusher::laptop_work() {
  co_await context_.vfs.cpu.woken(events_);
  for (; laptop_works_ > 0; --laptop_works_)
    static_cast<void>(co_await sync(events_));  // errors stay in the mappings
}

// One work item on each device with something to do, and the end of all of them.
Task<> BdiFlusher::sync_everything(SyncMode mode, Wait wait, TaskStruct& task) {
  int pending = 0;
  WbWork work;
  work.sync_mode = mode;
  work.nr_pages = mode == SyncMode::WB_SYNC_ALL ? WbWork::kEverything : context_.everything();
  work.reason = WriteReason::kSync;
  if (wait == Wait::kYes)
    work.pending = &pending;
  for (BdiWriteback& wb : wbs_) {
    if (!wb.has_dirty_io() && wb.work_list.empty())
      continue;
    ++pending;
    queue_work(wb, work);
  }
  co_await context_.vfs.cpu.settle(task);
  while (wait == Wait::kYes && pending > 0) {
    co_await work_done_.wait("sync work");
    co_await context_.vfs.cpu.woken(task);
  }
}

Task<Errno> BdiFlusher::sync(TaskStruct& task) {
  task.charge(context_.vfs.costs.write_syscall);
  // wakeup_flusher_threads(0), and writeback_inodes_sb(), which waits in 2.6.39.
  co_await sync_everything(SyncMode::WB_SYNC_NONE, is_2639() ? Wait::kYes : Wait::kNo, task);
  context_.sync_supers();
  co_await sync_everything(SyncMode::WB_SYNC_ALL, Wait::kYes, task);
  Errno result = Errno::kOk;
  for (SuperBlock* sb : context_.super_blocks) {
    const Errno waited = co_await wait_sb_inodes(context_, *sb, task);
    if (waited != Errno::kOk)
      result = waited;
  }
  sync_completed(context_);
  co_await context_.vfs.cpu.settle(task);
  co_return result;
}

}  // namespace wbsim
