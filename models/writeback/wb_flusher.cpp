#include "models/writeback/wb_flusher.hpp"

#include <algorithm>
#include <span>
#include <vector>

#include "models/fs/page_scan.hpp"
#include "models/writeback/dirty_domain.hpp"
#include "models/writeback/laptop_mode.hpp"
#include "models/writeback/single_inode.hpp"

namespace wbsim {

WbFlusher::WbFlusher(WritebackContext& context) : context_(context) {
  const Jiffies begin = context.vfs.ticks.jiffies_at(context.periodic_start);
  for (BackingDevInfo* bdi : context.wbs) {
    wbs_.emplace_back(*bdi, begin);
    restart_estimate(*bdi, begin + bandwidth_before_start(*bdi));
  }
  context.vfs.cache.set_writeback_listener(*this);
}

// What was written before the start was written at periodic_start and ended soon after, and
// inode_writeback_ended() had the bandwidth looked at. Returns how much later.
Jiffies WbFlusher::bandwidth_before_start(BackingDevInfo& bdi) {
  const int hz = context_.vfs.ticks.hz();
  if (context_.rules.bandwidth != BandwidthUpdate::kInWritepages ||
      bdi.rates.written_stamp >= bdi.written.read())
    return Jiffies(0);
  const Jiffies later = bandwidth_interval(hz) + Jiffies(1);
  update_write_bandwidth(context_.rules.rates, bdi.rates, later, bdi.written.read(), hz);
  return later;
}

WbFlusher::~WbFlusher() = default;

WbFlusher::Wb& WbFlusher::of(const BackingDevInfo& bdi) const {
  return const_cast<Wb&>(wbs_[static_cast<std::size_t>(bdi.wb_id)]);
}

void WbFlusher::start() {
  for (Wb& wb : wbs_)
    context_.sim().spawn(wb.task.name(), worker(wb), ProcessKind::kDaemon);
  const auto lazy = [](const SuperBlock* sb) { return sb->lazytime; };
  if (std::any_of(context_.super_blocks.begin(), context_.super_blocks.end(), lazy))
    wakeup_dirtytime_writeback_later();
}

// wakeup_dirtytime_writeback(): from boot on, and not when times have been dirty for so long.
void WbFlusher::wakeup_dirtytime_writeback_later() {
  struct Fire {
    static void now(void* self, std::uint64_t) {
      auto& flusher = *static_cast<WbFlusher*>(self);
      for (Wb& wb : flusher.wbs_)
        if (!wb.lists.list(DirtyInodeLists::kDirtyTime).empty())
          flusher.wakeup(wb);
      flusher.wakeup_dirtytime_writeback_later();
    }
  };
  Simulator& sim = context_.sim();
  sim.at(context_.wheel.expiry(sim.now(), context_.dirtytime_expire_interval),
         {&Fire::now, this, 0});
}

// mod_delayed_work(bdi_wq, &wb->dwork, 0)
void WbFlusher::wakeup(Wb& wb) {
  context_.sim().cancel(wb.timer);
  if (wb.queued)
    return;
  wb.queued = true;
  wb.wake.wake_one();
}

// queue_delayed_work(bdi_wq, &wb->dwork, dirty_writeback_interval)
void WbFlusher::wakeup_delayed(Wb& wb) {
  Simulator& sim = context_.sim();
  if (wb.queued || sim.pending(wb.timer) || context_.dirty_writeback_interval.count() == 0)
    return;
  struct Fire {
    static void now(void* self, std::uint64_t i) {
      auto& flusher = *static_cast<WbFlusher*>(self);
      flusher.wakeup(flusher.wbs_[i]);
    }
  };
  wb.timer = sim.at(context_.wheel.expiry(sim.now(), context_.dirty_writeback_interval),
                    {&Fire::now, this, static_cast<std::uint64_t>(wb.bdi.wb_id)});
}

// bdi_writeback_workfn(), wb_workfn()
Task<> WbFlusher::worker(Wb& wb) {
  for (;;) {
    while (!wb.queued)
      co_await wb.wake.wait("work");
    kworkers_.take(wb.task);
    co_await context_.vfs.cpu.woken(wb.task);
    wb.queued = false;  // pending until it runs: who wakes it meanwhile asks for the same run
    do {
      const std::int64_t written = co_await wb_do_writeback(wb);
      WritebackPagesWrittenEvent event;
      event.time = context_.sim().now() - context_.origin;
      event.thread = wb.task.name();
      event.pages = written;
      context_.trace.on_writeback_pages_written(event);
    } while (!wb.work_list.empty());
    if (wb.has_dirty_io())
      wakeup_delayed(wb);
    kworkers_.put(wb.task);
  }
}

// wb_inode_writeback_end(): looks at the bandwidth 200 ms later.
void WbFlusher::inode_writeback_ended(BackingDevInfo& bdi) {
  Simulator& sim = context_.sim();
  Wb& wb = of(bdi);
  if (context_.rules.bandwidth != BandwidthUpdate::kInWritepages || sim.pending(wb.bw_timer))
    return;
  struct Fire {
    static void now(void* self, std::uint64_t i) {
      WritebackContext& context = static_cast<WbFlusher*>(self)->context_;
      update_write_bandwidth(context, *context.wbs[i]);
    }
  };
  const Jiffies interval = bandwidth_interval(context_.vfs.ticks.hz());
  wb.bw_timer = sim.at(context_.wheel.expiry(sim.now(), interval),
                       {&Fire::now, this, static_cast<std::uint64_t>(bdi.wb_id)});
}

void WbFlusher::dirty_pages_at_lru_tail() {
  if (context_.rules.reclaim_wakes_flushers)
    wakeup_flusher_threads(WriteReason::kReclaim);
}

// The inode of a device node belongs to a file system without a device: nobody writes it.
void WbFlusher::inode_dirtied(Inode& inode) {
  if (&inode.host() != &inode)
    return;
  Wb& wb = of(*inode.i_mapping->bdi);
  if ((inode.i_state & I_DIRTY) == 0)
    return wb.lists.add_dirty_time(inode, context_.now());  // for which nobody is woken
  if (inode.dirty_lists && inode.dirty_list == DirtyInodeLists::kIo)
    return;  // I_SYNC_QUEUED: for its times, but it is served
  const bool first = !wb.has_dirty_io();
  DirtyInodeLists::remove(inode);
  wb.lists.add_by_age(inode);
  if (first)
    wakeup_delayed(wb);
}

void WbFlusher::queue_work(Wb& wb, const WbWork& work) {
  trace_work(wb, WritebackWorkEvent::What::kQueue, work, wb.task);
  wb.work_list.push_back(work);
  wakeup(wb);
}

bool WbFlusher::writeback_in_progress(const BackingDevInfo& bdi) const {
  return of(bdi).running;
}

void WbFlusher::start_background_writeback(BackingDevInfo& bdi) {
  wakeup(of(bdi));
}

void WbFlusher::wakeup_flusher_threads(WriteReason reason) {
  WbWork work;
  work.nr_pages = context_.everything();
  work.reason = reason;
  for (Wb& wb : wbs_)
    start_writeback(wb, work);
}

void WbFlusher::wakeup_pdflush(Pages) {
  wakeup_flusher_threads(WriteReason::kReclaim);
}

// wb_start_writeback()
void WbFlusher::start_writeback(Wb& wb, const WbWork& work) {
  if (!wb.has_dirty_io())
    return;
  if (context_.rules.wakeup == FlusherWakeup::kWork) {
    queue_work(wb, work);
  } else if (!wb.start_all) {
    wb.start_all = true;
    wb.start_all_reason = work.reason;
    wakeup(wb);
  }
}

void WbFlusher::laptop_flush(BackingDevInfo& bdi) {
  WbWork work;
  work.nr_pages = context_.everything();
  work.range_cyclic = true;
  work.reason = WriteReason::kLaptopTimer;
  for (Wb& wb : wbs_)
    if (wb.bdi.id == bdi.id)
      start_writeback(wb, work);
}

// cgroup_writeback_by_id()
void WbFlusher::foreign_flush(BackingDevInfo& wb, std::int64_t nr_pages, int* pending) {
  WbWork work;
  work.nr_pages = nr_pages;
  work.range_cyclic = true;
  work.reason = WriteReason::kForeignFlush;
  work.pending = pending;
  queue_work(of(wb), work);
}

// Writes all inodes of a file system, and waits for them and for their pages.
Task<> WbFlusher::sync_inodes_sb(SuperBlock& sb, TaskStruct& task) {
  int pending = 0;
  WbWork work;
  work.sb = &sb;
  work.sync_mode = SyncMode::WB_SYNC_ALL;
  work.nr_pages = WbWork::kEverything;
  work.for_sync = true;
  work.reason = WriteReason::kSync;
  work.pending = &pending;
  // bdi_split_work_to_wbs()
  const BackingDevInfo& bdi = *sb.block_device()->i_data.bdi;
  BackingDevInfo* const own = &of(bdi).bdi;
  for (const BackingDevInfo* target : bdi.wbs ? std::span(*bdi.wbs) : std::span(&own, 1)) {
    Wb& wb = of(*target);
    if (wb.bdi.memcg && wb.has_nothing_dirty())
      continue;
    ++pending;
    queue_work(wb, work);
  }
  co_await context_.vfs.cpu.settle(task);
  while (pending > 0) {
    co_await work_done_.wait("sync work");
    co_await context_.vfs.cpu.woken(task);
  }
}

// Each block device's own pages, by the caller of sync(2): iterate_bdevs(), which begins with the
// device that came last.
Task<Errno> WbFlusher::sync_block_devices(TaskStruct& task) {
  std::vector<Inode*> devices;
  for (SuperBlock* sb : context_.super_blocks)
    for (Inode* inode : sb->s_inodes)
      if (inode->is_block_device && &inode->host() == inode)
        devices.push_back(inode);
  std::reverse(devices.begin(), devices.end());
  Errno result = Errno::kOk;
  for (Inode* device : devices) {
    const Errno written = co_await write_all_pages(context_, *device, task);
    if (result == Errno::kOk)
      result = written;
  }
  for (Inode* device : devices) {
    const Errno waited = co_await filemap_fdatawait_of_sync(context_.vfs, *device, task);
    if (result == Errno::kOk)
      result = waited;
  }
  co_return result;
}

Task<Errno> WbFlusher::sync(TaskStruct& task) {
  task.charge(context_.vfs.costs.write_syscall);
  wakeup_flusher_threads(WriteReason::kSync);
  Errno result = Errno::kOk;
  for (SuperBlock* sb : context_.super_blocks) {
    if (!sb->block_device())
      continue;
    co_await sync_inodes_sb(*sb, task);
    const Errno waited = co_await wait_sb_inodes(context_, *sb, task);
    if (result == Errno::kOk)
      result = waited;
  }
  context_.sync_supers();
  const Errno devices = co_await sync_block_devices(task);
  sync_completed(context_);
  co_await context_.vfs.cpu.settle(task);
  co_return result == Errno::kOk ? devices : result;
}

}  // namespace wbsim
