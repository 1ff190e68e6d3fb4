#include "models/writeback/pdflush.hpp"

#include <algorithm>
#include <limits>

#include "models/block/request_queue.hpp"
#include "models/fs/page_scan.hpp"
#include "models/writeback/flusher_trace.hpp"
#include "models/writeback/laptop_mode.hpp"
#include "models/writeback/single_inode.hpp"

namespace wbsim {

namespace {
constexpr int kMinPdflushThreads = 2;
constexpr int kMaxPdflushThreads = 8;
constexpr Duration kPoolPatience = std::chrono::seconds(1);
}  // namespace

struct PdflushPool::PdflushThread {
  explicit PdflushThread(int number)
      : task("pdflush-" + std::to_string(100 + number), TaskRole::kPdflush) {}
  TaskStruct task;
  WaitQueue wake, has_run;
  Job job{};
  TimePoint when_slept{};
};

PdflushPool::PdflushPool(WritebackContext& context, PdflushRules rules)
    : context_(context), rules_(rules) {
  for (std::size_t i = 0; i < context.super_blocks.size(); ++i)
    lists_.emplace_back();
}

PdflushPool::~PdflushPool() = default;

void PdflushPool::start() {
  for (int i = 0; i < kMinPdflushThreads; ++i)
    start_thread();
  if (context_.dirty_writeback_interval.count() > 0)
    arm_timer(context_.periodic_start +
              context_.vfs.ticks.tick() * context_.dirty_writeback_interval.count());
}

void PdflushPool::start_thread() {
  ++nr_threads_;
  all_.push_back(std::make_unique<PdflushThread>(static_cast<int>(all_.size()) + 1));
  PdflushThread& thread = *all_.back();
  context_.sim().spawn(thread.task.name(), run_thread(thread), ProcessKind::kDaemon);
}

// kthread_run() sleeps until the new thread has run. So two that end together, and find nobody
// idle, make one each.
Task<> PdflushPool::start_one_pdflush_thread(TaskStruct& task) {
  start_thread();
  co_await all_.back()->has_run.wait("kthread_run");
  co_await context_.vfs.cpu.woken(task);
  co_await context_.vfs.cpu.settle(task);
}

bool PdflushPool::pdflush_operation(Job job) {
  if (idle_.empty())
    return false;
  PdflushThread& thread = *idle_.front();
  idle_.pop_front();
  if (idle_.empty())
    last_empty_ = context_.sim().now();
  thread.job = job;
  thread.wake.wake_one();
  return true;
}

// __pdflush(): the pool grows and shrinks only when a thread has finished a job.
Task<> PdflushPool::run_thread(PdflushThread& thread) {
  Simulator& sim = context_.sim();
  co_await context_.vfs.cpu.woken(thread.task);
  co_await context_.vfs.cpu.settle(thread.task);
  thread.has_run.wake_one();
  for (;;) {
    idle_.push_front(&thread);
    thread.when_slept = sim.now();
    co_await thread.wake.wait("idle");
    co_await context_.vfs.cpu.woken(thread.task);
    co_await do_job(thread.job, thread.task);
    co_await context_.vfs.cpu.settle(thread.task);
    if (sim.now() - last_empty_ > kPoolPatience && idle_.empty() &&
        nr_threads_ < kMaxPdflushThreads) {
      if (rules_.creation_restarts_clock)
        last_empty_ = sim.now();
      co_await start_one_pdflush_thread(thread.task);
    }
    if (idle_.empty() || nr_threads_ <= kMinPdflushThreads)
      continue;
    PdflushThread& longest = *idle_.back();
    if (sim.now() - longest.when_slept > kPoolPatience) {
      longest.when_slept = sim.now();  // limits the exits to one a second
      --nr_threads_;
      co_return;
    }
  }
}

Task<> PdflushPool::do_job(Job job, TaskStruct& task) {
  switch (job.what) {
    case Job::What::kBackgroundWriteout:
      co_await background_writeout(job.min_pages, task);
      break;
    case Job::What::kWbKupdate:
      co_await wb_kupdate(task);
      break;
    case Job::What::kLaptopFlush:
      static_cast<void>(co_await sync(task));  // errors stay in the mappings
      break;
  }
}

Task<> PdflushPool::background_writeout(std::int64_t min_pages, TaskStruct& task) {
  const TimePoint since = context_.sim().now();
  std::int64_t written = 0;
  WritebackControl wbc;
  wbc.nonblocking = true;
  wbc.range_cyclic = true;
  wbc.reason = WriteReason::kBackground;
  for (;;) {
    if (context_.reclaimable() < context_.dirty_limits().background && min_pages <= 0)
      break;
    wbc.encountered_congestion = wbc.more_io = false;
    wbc.nr_to_write = kMaxWritebackPages;
    wbc.pages_skipped = 0;
    co_await writeback_inodes(wbc, task);
    min_pages -= kMaxWritebackPages - wbc.nr_to_write;
    written += kMaxWritebackPages - wbc.nr_to_write;
    if (wbc.nr_to_write <= 0 && wbc.pages_skipped <= 0)
      continue;
    // Wrote less than asked.
    if (!context_.rules.reports_more_io)
      co_await context_.congestion_wait(task, context_.hz(10));
    if (!wbc.encountered_congestion && !wbc.more_io)
      break;
    if (context_.rules.reports_more_io)
      co_await context_.congestion_wait(task, context_.hz(10));
  }
  context_.trace_work(since, task.name(), wbc.reason, written);
}

Task<> PdflushPool::wb_kupdate(TaskStruct& task) {
  const Jiffies start = context_.now();
  const TimePoint since = context_.sim().now();
  context_.sync_supers();
  std::int64_t budget = context_.everything();
  std::int64_t written = 0;
  WritebackControl wbc;
  wbc.nonblocking = true;
  wbc.range_cyclic = true;
  wbc.for_kupdate = true;
  wbc.older_than_this = start - context_.dirty_expire_interval;
  wbc.reason = WriteReason::kPeriodic;
  while (budget > 0) {
    wbc.encountered_congestion = wbc.more_io = false;
    wbc.nr_to_write = kMaxWritebackPages;
    co_await writeback_inodes(wbc, task);
    written += kMaxWritebackPages - wbc.nr_to_write;
    if (wbc.nr_to_write > 0) {
      if (!wbc.encountered_congestion && !wbc.more_io)
        break;  // all the old data is written
      co_await context_.congestion_wait(task, context_.hz(10));
    }
    budget -= kMaxWritebackPages - wbc.nr_to_write;
  }
  context_.trace_work(since, task.name(), wbc.reason, written);
  if (context_.dirty_writeback_interval.count() > 0) {
    const Jiffies next =
        std::max(start + context_.dirty_writeback_interval, context_.now() + context_.hz());
    arm_timer(context_.vfs.ticks.start_of(next));
  }
}

void PdflushPool::arm_timer(TimePoint when) {
  timer_ = context_.sim().at(
      when,
      {[](void* self, std::uint64_t) { static_cast<PdflushPool*>(self)->wb_timer_fn(); }, this, 0});
}

void PdflushPool::wb_timer_fn() {
  if (!pdflush_operation({Job::What::kWbKupdate}))
    arm_timer(context_.vfs.ticks.start_of(context_.now() + context_.hz()));
}

void PdflushPool::inode_dirtied(Inode& inode) {
  DirtyInodeLists::remove(inode);  // sync(2) may have kept it there, clean
  lists_[static_cast<std::size_t>(inode.i_sb->s_number)].add(inode);
}

bool PdflushPool::writeback_in_progress(const BackingDevInfo& bdi) const {
  return bdi.pdflush_owner;
}

void PdflushPool::laptop_flush(BackingDevInfo&) {
  pdflush_operation({Job::What::kLaptopFlush});
}

void PdflushPool::start_background_writeback(BackingDevInfo&) {
  pdflush_operation({Job::What::kBackgroundWriteout});
}

void PdflushPool::wakeup_pdflush(Pages scanned) {
  pdflush_operation({Job::What::kBackgroundWriteout, scanned.count()});
}

// The most recently mounted superblock first.
Task<> PdflushPool::writeback_inodes(WritebackControl& wbc, TaskStruct& task) {
  for (auto it = context_.super_blocks.rbegin(); it != context_.super_blocks.rend(); ++it) {
    SuperBlock& sb = **it;
    if (!lists_[static_cast<std::size_t>(sb.s_number)].empty())
      co_await sync_sb_inodes(sb, wbc, task);
    if (wbc.nr_to_write <= 0)
      break;
  }
}

// An inode this pass must not touch. False: nor any other of its superblock.
bool PdflushPool::set_aside(DirtyInodeLists& lists, Inode& inode) {
  if (!inode.is_block_device)
    return false;
  if (as_2618())
    lists.move_to_head(inode);
  else
    lists.requeue_io(inode);
  return true;
}

PdflushPool::Serve PdflushPool::may_serve(DirtyInodeLists& lists, Inode& inode,
                                          WritebackControl& wbc, Jiffies start,
                                          const TaskStruct& task) {
  BackingDevInfo& bdi = *inode.i_mapping->bdi;
  const bool congested = wbc.nonblocking && bdi.queue->write_congested();
  if (congested)
    wbc.encountered_congestion = true;
  if (congested || (wbc.bdi && wbc.bdi != &bdi))
    return set_aside(lists, inode) ? Serve::kNextInode : Serve::kNoMore;
  if (inode.dirtied_when > start)
    return Serve::kNoMore;  // else a fast writer would keep this pass going for ever
  if (as_2618() && wbc.older_than_this && inode.dirtied_when > *wbc.older_than_this)
    return Serve::kNoMore;
  if (task.role == TaskRole::kPdflush && bdi.pdflush_owner)
    return Serve::kNoMore;
  return Serve::kYes;
}

// Where the inode goes that was written just now, or could not be.
void PdflushPool::put_off(DirtyInodeLists& lists, Inode& inode, const WritebackControl& wbc,
                          bool skipped) {
  if (wbc.sync_mode == SyncMode::WB_SYNC_HOLD) {
    inode.dirtied_when = context_.now();
    lists.move_to_head(inode);  // a clean one too: its pages are waited for in the next pass
  }
  if (!skipped)
    return;
  if (as_2618())
    lists.move_to_head(inode);
  else if (inode.dirty_lists)
    lists.redirty_tail(inode, context_.now());
}

Task<> PdflushPool::sync_sb_inodes(SuperBlock& sb, WritebackControl& wbc, TaskStruct& task) {
  DirtyInodeLists& lists = lists_[static_cast<std::size_t>(sb.s_number)];
  const auto& io = lists.list(DirtyInodeLists::kIo);
  const Jiffies start = context_.now();
  const bool reports_more_io = context_.rules.reports_more_io;
  if (!wbc.for_kupdate || io.empty())
    queue_io(context_, lists,
             {as_2618() ? std::nullopt : wbc.older_than_this, DirtyInodeLists::SuperblockSort::kNo,
              -1, wbc.reason, task.name()});
  while (!io.empty()) {
    Inode& inode = lists.next_io();
    const Serve serve = may_serve(lists, inode, wbc, start, task);
    if (serve == Serve::kNoMore)
      break;
    if (serve == Serve::kNextInode)
      continue;
    BackingDevInfo& bdi = *inode.i_mapping->bdi;
    const bool is_pdflush = task.role == TaskRole::kPdflush;
    bdi.pdflush_owner = bdi.pdflush_owner || is_pdflush;
    const std::int64_t skipped = wbc.pages_skipped;
    const Errno ignored = co_await writeback_single_inode(context_, inode, wbc, task);
    static_cast<void>(ignored);  // kept in the mapping for fsync
    if (is_pdflush)
      bdi.pdflush_owner = false;
    put_off(lists, inode, wbc, wbc.pages_skipped != skipped);
    if (wbc.nr_to_write <= 0) {
      wbc.more_io = reports_more_io;
      break;
    }
    if (reports_more_io && !lists.list(DirtyInodeLists::kMoreIo).empty())
      wbc.more_io = true;
  }
}

Task<> PdflushPool::sync_all_inodes(SyncMode mode, TaskStruct& task) {
  WritebackControl wbc;
  wbc.sync_mode = mode;
  wbc.reason = WriteReason::kSync;
  wbc.nr_to_write = mode == SyncMode::WB_SYNC_ALL ? std::numeric_limits<std::int64_t>::max()
                                                  : context_.everything();
  for (SuperBlock* sb : context_.super_blocks)
    co_await sync_sb_inodes(*sb, wbc, task);
}

// sync_inodes_sb() and sync_blockdev() of each super block.
Task<Errno> PdflushPool::sync_inodes(SyncMode mode, TaskStruct& task) {
  Errno result = Errno::kOk;
  for (auto it = context_.super_blocks.rbegin(); it != context_.super_blocks.rend(); ++it) {
    WritebackControl wbc;
    wbc.sync_mode = mode;
    wbc.reason = WriteReason::kSync;
    wbc.nr_to_write = 2 * context_.reclaimable().count() + context_.inodes();
    wbc.nr_to_write += wbc.nr_to_write / 2;
    co_await sync_sb_inodes(**it, wbc, task);
    Inode* const device = (*it)->block_device();
    if (!device)
      continue;
    const Errno written = co_await filemap_fdatawrite(context_.vfs, *device, task);
    const Errno waited = co_await filemap_fdatawait(context_.vfs, *device, task);
    if (result == Errno::kOk)
      result = written == Errno::kOk ? waited : written;
  }
  co_return result;
}

Task<Errno> PdflushPool::do_sync(TaskStruct& task) {
  const Errno first = co_await sync_inodes(SyncMode::WB_SYNC_HOLD, task);
  context_.sync_supers();
  const Errno second = co_await sync_inodes(SyncMode::WB_SYNC_HOLD, task);
  const Errno last = co_await sync_inodes(SyncMode::WB_SYNC_ALL, task);
  co_return first != Errno::kOk ? first : second != Errno::kOk ? second : last;
}

Task<Errno> PdflushPool::sync_twice(TaskStruct& task) {
  co_await sync_all_inodes(SyncMode::WB_SYNC_NONE, task);
  context_.sync_supers();
  co_await sync_all_inodes(SyncMode::WB_SYNC_ALL, task);
  Errno result = Errno::kOk;
  for (SuperBlock* sb : context_.super_blocks) {
    const Errno waited = co_await wait_sb_inodes(context_, *sb, task);
    if (waited != Errno::kOk)
      result = waited;
  }
  co_return result;
}

Task<Errno> PdflushPool::sync(TaskStruct& task) {
  task.charge(context_.vfs.costs.write_syscall);
  pdflush_operation({Job::What::kBackgroundWriteout, context_.reclaimable().count()});
  const Errno result =
      rules_.sync_holds_inodes ? co_await do_sync(task) : co_await sync_twice(task);
  sync_completed(context_);
  co_await context_.vfs.cpu.settle(task);
  co_return result;
}

}  // namespace wbsim
