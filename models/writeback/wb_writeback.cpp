// What a run of WbFlusher's delayed work does.
#include <algorithm>
#include <optional>
#include <utility>

#include "models/block/blk_plug.hpp"
#include "models/writeback/dirty_domain.hpp"
#include "models/writeback/single_inode.hpp"
#include "models/writeback/wb_flusher.hpp"

namespace wbsim {

Task<std::int64_t> WbFlusher::wb_do_writeback(Wb& wb) {
  std::int64_t written = 0;
  wb.running = true;
  while (!wb.work_list.empty()) {
    const WbWork work = wb.work_list.front();
    wb.work_list.pop_front();
    trace_work(wb, WritebackWorkEvent::What::kExec, work, wb.task);
    written += co_await wb_writeback(wb, work);
    if (work.pending && --*work.pending == 0)
      work_done_.wake_all();
  }
  written += co_await wb_check_start_all(wb);
  written += co_await wb_check_old_data_flush(wb);
  written += co_await wb_check_background_flush(wb);
  co_await context_.vfs.cpu.settle(wb.task);
  wb.running = false;
  co_return written;
}

Task<std::int64_t> WbFlusher::wb_check_start_all(Wb& wb) {
  if (!wb.start_all)
    co_return 0;
  WbWork work;
  work.nr_pages = wb_split_bdi_pages(context_.everything(), wb_share(wb.bdi));
  work.range_cyclic = true;
  work.reason = wb.start_all_reason;
  const std::int64_t written = work.nr_pages == 0 ? 0 : co_await wb_writeback(wb, work);
  wb.start_all = false;
  co_return written;
}

Task<std::int64_t> WbFlusher::wb_check_old_data_flush(Wb& wb) {
  const std::optional<WbWork> work = WbWork::old_data(context_, wb.last_old_flush);
  if (!work)
    co_return 0;
  co_return co_await wb_writeback(wb, *work);
}

Task<std::int64_t> WbFlusher::wb_check_background_flush(Wb& wb) {
  if (!over_bground_thresh(context_, wb.bdi, wb.task.name()))
    co_return 0;
  co_return co_await wb_writeback(wb, WbWork::background());
}

// Background and periodic work give way to what somebody asked for.
bool WbFlusher::must_stop(const Wb& wb, const WbWork& work) const {
  if (work.nr_pages <= 0)
    return true;
  if ((work.for_background || work.for_kupdate) && !wb.work_list.empty())
    return true;
  return work.for_background && !over_bground_thresh(context_, wb.bdi, wb.task.name());
}

QueueIo WbFlusher::what_to_queue(const Wb& wb, const WbWork& work, Jiffies older_than) const {
  QueueIo how;
  how.older_than = older_than;
  how.times_older_than =
      work.for_sync ? older_than : context_.now() - context_.dirtytime_expire_interval;
  how.sort = DirtyInodeLists::SuperblockSort::kYes;
  how.bdi = wb.bdi.id;
  how.reason = work.reason;
  how.thread = wb.task.name();
  return how;
}

Task<std::int64_t> WbFlusher::wb_writeback(Wb& wb, WbWork work) {
  const TimePoint since = context_.sim().now();
  const std::int64_t asked = work.nr_pages;
  Process& self = co_await this_process();
  BlkPlug plug;
  if (context_.rules.plugs_works)
    plug.start(wb.task.io_context, self);
  const Jiffies start = context_.now();
  Jiffies dirtied_before = start;
  TimePoint idle_at = TimePoint::max();  // the last round that wrote nothing
  while (!must_stop(wb, work)) {
    if (work.for_kupdate)
      dirtied_before = context_.now() - context_.dirty_expire_interval;
    else if (work.for_background)
      dirtied_before = context_.now();
    trace_work(wb, WritebackWorkEvent::What::kStart, work, wb.task);
    if (wb.lists.list(DirtyInodeLists::kIo).empty())
      queue_io(context_, wb.lists, what_to_queue(wb, work, dirtied_before));
    const std::int64_t progress = work.sb
                                      ? co_await writeback_sb_inodes(wb, *work.sb, work, wb.task)
                                      : co_await writeback_inodes_wb(wb, work, wb.task);
    trace_work(wb, WritebackWorkEvent::What::kWritten, work, wb.task);
    round_written(context_, wb.bdi, start);
    if (progress > 0)
      continue;
    auto& more_io = wb.lists.list(DirtyInodeLists::kMoreIo);
    if (more_io.empty())
      break;
    trace_work(wb, WritebackWorkEvent::What::kWait, work, wb.task);
    Inode& busy = more_io.back();
    if ((busy.i_state & I_SYNC) != 0)
      co_await wait_for_i_sync(context_, busy, wb.task);
    else if (std::exchange(idle_at, context_.sim().now()) == context_.sim().now())
      break;  // after b_more_io was queued: a worker that spins here would only wait for the disk
  }
  plug.finish();
  context_.trace_work(since, wb.task.name(), work.reason, asked - work.nr_pages);
  co_return asked - work.nr_pages;
}

// __writeback_inodes_wb(): progress in pages and inodes.
Task<std::int64_t> WbFlusher::writeback_inodes_wb(Wb& wb, WbWork& work, TaskStruct& task) {
  const auto& io = wb.lists.list(DirtyInodeLists::kIo);
  const Jiffies start = context_.now();
  std::int64_t wrote = 0;
  while (!io.empty()) {
    wrote += co_await writeback_sb_inodes(wb, *wb.lists.next_io().i_sb, work, task);
    if (wrote > 0 && (context_.now() > start + context_.hz(10) || work.nr_pages <= 0))
      break;
  }
  co_return wrote;
}

Task<std::int64_t> WbFlusher::writeback_sb_inodes(Wb& wb, SuperBlock& sb, WbWork& work,
                                                  TaskStruct& task) {
  const auto& io = wb.lists.list(DirtyInodeLists::kIo);
  const Jiffies start = context_.now();
  std::int64_t wrote = 0;
  while (!io.empty()) {
    Inode& inode = wb.lists.next_io();
    if (inode.i_sb != &sb) {
      if (!work.sb)
        break;
      wb.lists.redirty_tail(inode, context_.now());
      continue;
    }
    if ((inode.i_state & I_SYNC) != 0) {
      if (work.sync_mode == SyncMode::WB_SYNC_ALL)
        co_await wait_for_i_sync(context_, inode, task);
      else
        wb.lists.requeue_io(inode);
      continue;
    }
    wrote += co_await write_one(wb, inode, work, task);
    if (wrote > 0 && (context_.now() > start + context_.hz(10) || work.nr_pages <= 0))
      break;
  }
  co_return wrote;
}

Task<std::int64_t> WbFlusher::write_one(Wb& wb, Inode& inode, WbWork& work, TaskStruct& task) {
  WritebackControl wbc;
  wbc.sync_mode = work.sync_mode;
  wbc.for_kupdate = work.for_kupdate;
  wbc.for_sync = work.for_sync;
  wbc.range_cyclic = work.range_cyclic;
  wbc.reason = work.reason;
  const std::int64_t chunk = work.sync_mode == SyncMode::WB_SYNC_ALL
                                 ? WbWork::kEverything
                                 : writeback_chunk_size(wb.bdi.rates.avg_write_bandwidth,
                                                        context_.domain.dirty_limit, work.nr_pages);
  wbc.nr_to_write = chunk;
  inode.i_state |= I_SYNC;
  const Errno ignored = co_await write_locked_inode(context_, inode, wbc, task);
  static_cast<void>(ignored);  // kept in the mapping for fsync
  const std::int64_t written = chunk - wbc.nr_to_write;
  work.nr_pages -= written;
  std::int64_t progress = written;
  if (!context_.rules.skipped_is_progress)
    progress = std::max<std::int64_t>(written - wbc.pages_skipped, 0);
  if ((inode.i_state & I_DIRTY_ALL) == 0)
    ++progress;
  inode.i_state = static_cast<std::uint8_t>(inode.i_state & ~I_SYNC);
  requeue_inode(context_, inode, wbc);
  inode.i_sync_waiters.wake_all();
  co_return progress;
}

Task<> WbFlusher::writeback_inodes(WritebackControl& wbc, TaskStruct& task) {
  Wb& wb = of(*wbc.bdi);
  WbWork work;
  work.nr_pages = wbc.nr_to_write;
  work.range_cyclic = wbc.range_cyclic;
  work.reason = wbc.reason;
  if (wb.lists.list(DirtyInodeLists::kIo).empty()) {
    QueueIo how = what_to_queue(wb, work, context_.now());
    how.thread = task.name();
    queue_io(context_, wb.lists, how);
  }
  co_await writeback_inodes_wb(wb, work, task);
  wbc.nr_to_write = work.nr_pages;
}

void WbFlusher::trace_work(const Wb& wb, WritebackWorkEvent::What what, const WbWork& work,
                           const TaskStruct& task) const {
  WritebackWorkEvent event;
  event.what = what;
  event.time = context_.sim().now() - context_.origin;
  event.thread = task.name();
  event.bdi = wb.bdi.id;
  event.nr_pages = work.nr_pages;
  event.sync_all = work.sync_mode == SyncMode::WB_SYNC_ALL;
  event.for_kupdate = work.for_kupdate;
  event.range_cyclic = work.range_cyclic;
  event.for_background = work.for_background;
  event.reason = work.reason;
  context_.trace.on_writeback_work(event);
}

}  // namespace wbsim
