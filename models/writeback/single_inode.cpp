#include "models/writeback/single_inode.hpp"

#include "models/fs/buffer.hpp"
#include "models/fs/buffer_io.hpp"
#include "models/fs/durability.hpp"
#include "models/fs/file.hpp"
#include "models/fs/page_scan.hpp"
#include "models/fs/submit.hpp"
#include "models/writeback/dirty_domain.hpp"
#include "models/writeback/flusher_trace.hpp"
#include "models/writeback/inode_lists.hpp"

namespace wbsim {

Task<Errno> write_inode(WritebackContext& context, Inode& inode, bool wait, TaskStruct& task) {
  FsTrace* trace = context.vfs.trace;
  if (trace)
    trace->inode(InodeEvent::What::kWriteStart, inode, 0, wait);
  const Errno result = co_await inode.i_sb->write_inode(inode, task, wait);
  if (trace)
    trace->inode(InodeEvent::What::kWriteEnd, inode, 0, wait);
  co_return result;
}

namespace {

// Not everything was written, or it was dirtied again: where a periodic pass, in 2.6.39 any pass,
// puts the inode.
void file_partly_written(const WritebackContext& context, Inode& inode,
                         const WritebackControl& wbc) {
  DirtyInodeLists& lists = *inode.dirty_lists;
  const SingleInodeRule rule = context.rules.single_inode;
  const bool budget_used = wbc.nr_to_write <= 0;
  if (rule == SingleInodeRule::k2618 && wbc.for_kupdate)
    return lists.move_to_tail(inode);
  if (rule == SingleInodeRule::k2618) {
    inode.dirtied_when = context.now();
    return lists.move_to_head(inode);
  }
  const bool periodic = wbc.for_kupdate || rule == SingleInodeRule::k2639;
  if (periodic && (rule == SingleInodeRule::k2624 || budget_used))
    lists.requeue_io(inode);
  else
    lists.redirty_tail(inode, context.now());
}

void file_redirtied(const WritebackContext& context, Inode& inode) {
  if (context.rules.single_inode == SingleInodeRule::k2618)
    inode.dirty_lists->move_to_head(inode);
  else
    inode.dirty_lists->redirty_tail(inode, context.now());
}

void file_inode(const WritebackContext& context, Inode& inode, const WritebackControl& wbc) {
  if (!inode.dirty_lists) {  // clean when this write-back began, which took it over
    if ((inode.i_state & I_DIRTY) == 0)
      return;
    context.vfs.dirty_listener->inode_dirtied(inode);
    return file_redirtied(context, inode);  // its stamp is an old one
  }
  const SingleInodeRule rule = context.rules.single_inode;
  const bool pages_redirtied = (inode.i_state & I_DIRTY_PAGES) != 0;
  const bool dirty_pages = inode.i_mapping->pages.any_tagged(PageTag::kDirty);
  const bool pages_first = rule == SingleInodeRule::k2639 && dirty_pages;
  if (rule == SingleInodeRule::k2632 && pages_redirtied) {
    file_partly_written(context, inode, wbc);
  } else if ((inode.i_state & I_DIRTY) != 0 && !pages_first) {
    file_redirtied(context, inode);
  } else if (dirty_pages) {
    inode.i_state |= I_DIRTY_PAGES;
    file_partly_written(context, inode, wbc);
  } else {
    DirtyInodeLists::remove(inode);
  }
}

// As fsync(2) calls it: a clean inode leaves the lists, a dirty one stays where it is.
Task<Errno> writeback_single_inode_310(WritebackContext& context, Inode& inode,
                                       WritebackControl& wbc, TaskStruct& task) {
  const bool wait = wbc.sync_mode == SyncMode::WB_SYNC_ALL;
  if ((inode.i_state & I_SYNC) != 0) {
    if (!wait)
      co_return Errno::kOk;
    co_await wait_for_i_sync(context, inode, task);
  }
  const bool clean = (inode.i_state & I_DIRTY_ALL) == 0;
  if (clean && (!wait || !inode.i_mapping->pages.any_tagged(PageTag::kWriteback)))
    co_return Errno::kOk;
  inode.i_state |= I_SYNC;
  const Errno result = co_await write_locked_inode(context, inode, wbc, task);
  inode.i_state = static_cast<std::uint8_t>(inode.i_state & ~I_SYNC);
  if ((inode.i_state & I_DIRTY_ALL) == 0)
    DirtyInodeLists::remove(inode);
  else if (!inode.dirty_lists || (inode.i_state & I_DIRTY) == 0)
    context.vfs.dirty_listener->inode_dirtied(inode);
  trace_filed(context, inode);
  inode.i_sync_waiters.wake_all();
  co_return result;
}

// Up to 2.6.32: what is dirtied from now on is for the next time; data and inode are under way
// together.
Task<Errno> write_flags_first(WritebackContext& context, Inode& inode, WritebackControl& wbc,
                              TaskStruct& task) {
  const bool wait = wbc.sync_mode == SyncMode::WB_SYNC_ALL;
  const unsigned dirty = inode.i_state & I_DIRTY;
  inode.i_state = static_cast<std::uint8_t>(inode.i_state & ~I_DIRTY);
  Errno result = co_await do_writepages(context.vfs, inode.host(), wbc, task);
  if ((dirty & (I_DIRTY_SYNC | I_DIRTY_DATASYNC)) != 0) {
    const Errno written = co_await write_inode(context, inode, wait, task);
    if (result == Errno::kOk)
      result = written;
  }
  if (wait) {
    const Errno waited = co_await filemap_fdatawait(context.vfs, inode.host(), task);
    if (result == Errno::kOk)
      result = waited;
  }
  co_return result;
}

// 2.6.39: writing the data may dirty the inode, which is written after it.
Task<Errno> write_data_first(WritebackContext& context, Inode& inode, WritebackControl& wbc,
                             TaskStruct& task) {
  constexpr unsigned kInode = I_DIRTY_SYNC | I_DIRTY_DATASYNC;
  const bool wait = wbc.sync_mode == SyncMode::WB_SYNC_ALL;
  inode.i_state = static_cast<std::uint8_t>(inode.i_state & ~I_DIRTY_PAGES);
  Errno result = co_await do_writepages(context.vfs, inode.host(), wbc, task);
  if (wait) {
    const Errno waited = co_await filemap_fdatawait(context.vfs, inode.host(), task);
    if (result == Errno::kOk)
      result = waited;
  }
  const unsigned dirty = inode.i_state & kInode;
  inode.i_state = static_cast<std::uint8_t>(inode.i_state & ~kInode);
  if (dirty != 0) {
    const Errno written = co_await write_inode(context, inode, wait, task);
    if (result == Errno::kOk)
      result = written;
  }
  co_return result;
}

}  // namespace

Task<> wait_for_i_sync(WritebackContext& context, Inode& inode, TaskStruct& task) {
  co_await context.vfs.cpu.settle(task);
  while ((inode.i_state & I_SYNC) != 0) {
    co_await inode.i_sync_waiters.wait("I_SYNC");
    co_await context.vfs.cpu.woken(task);
  }
}

Task<Errno> writeback_single_inode(WritebackContext& context, Inode& inode, WritebackControl& wbc,
                                   TaskStruct& task) {
  if (context.rules.single_inode == SingleInodeRule::k310)
    co_return co_await writeback_single_inode_310(context, inode, wbc, task);
  if ((inode.i_state & I_SYNC) != 0) {
    if (wbc.sync_mode != SyncMode::WB_SYNC_ALL) {
      if (context.rules.single_inode == SingleInodeRule::k2618)
        inode.dirty_lists->move_to_head(inode);
      else
        inode.dirty_lists->requeue_io(inode);
      Errno result = Errno::kOk;
      if (context.rules.single_inode == SingleInodeRule::k2624)
        result = co_await do_writepages(context.vfs, inode.host(), wbc, task);
      co_return result;
    }
    co_await wait_for_i_sync(context, inode, task);
  }
  inode.i_state |= I_SYNC;
  const std::int64_t nr_to_write = wbc.nr_to_write;
  trace_single_inode(context, inode, true, nr_to_write, 0, task);
  const Errno result = context.rules.single_inode == SingleInodeRule::k2639
                           ? co_await write_data_first(context, inode, wbc, task)
                           : co_await write_flags_first(context, inode, wbc, task);
  trace_single_inode(context, inode, false, nr_to_write, nr_to_write - wbc.nr_to_write, task);
  inode.i_state = static_cast<std::uint8_t>(inode.i_state & ~I_SYNC);
  file_inode(context, inode, wbc);
  trace_filed(context, inode);
  inode.i_sync_waiters.wake_all();
  co_return result;
}

Task<Errno> write_all_pages(WritebackContext& context, Inode& inode, TaskStruct& task) {
  BackingDevInfo& bdi = *inode.i_mapping->bdi;
  bandwidth_estimate_start(context, bdi);
  const Errno result = co_await filemap_fdatawrite(context.vfs, inode, task);
  inode_written(context, bdi);
  co_return result;
}

namespace {
// Times that were put off are written with the inode when somebody waits for it, or when they have
// been dirty for long enough.
void write_dirty_times(WritebackContext& context, Inode& inode, const WritebackControl& wbc) {
  if ((inode.i_state & I_DIRTY_TIME) == 0)
    return;
  const bool old = context.now() > inode.dirtied_time_when + context.dirtytime_expire_interval;
  if (wbc.sync_mode != SyncMode::WB_SYNC_ALL && !old)
    return;
  if (context.vfs.trace)
    context.vfs.trace->inode(InodeEvent::What::kLazytime, inode);
  mark_inode_dirty(context.vfs, inode, I_DIRTY_SYNC);
}
}  // namespace

Task<Errno> write_locked_inode(WritebackContext& context, Inode& inode, WritebackControl& wbc,
                               TaskStruct& task) {
  Vfs& vfs = context.vfs;
  BackingDevInfo& bdi = *inode.i_mapping->bdi;
  const bool wait = wbc.sync_mode == SyncMode::WB_SYNC_ALL;
  const std::int64_t nr_to_write = wbc.nr_to_write;
  trace_single_inode(context, inode, true, nr_to_write, 0, task);
  bandwidth_estimate_start(context, bdi);
  Errno result = co_await do_writepages(vfs, inode.host(), wbc, task);
  inode_written(context, bdi);
  if (wait && (!wbc.for_sync || context.rules.sync_waits_for_data)) {
    const Errno waited = co_await filemap_fdatawait(vfs, inode.host(), task);
    if (result == Errno::kOk)
      result = waited;
  }
  write_dirty_times(context, inode, wbc);
  const unsigned dirty = inode.i_state & I_DIRTY;
  inode.i_state = static_cast<std::uint8_t>(inode.i_state & ~I_DIRTY);
  if (inode.i_mapping->pages.any_tagged(PageTag::kDirty))
    inode.i_state |= I_DIRTY_PAGES;
  if ((dirty & (I_DIRTY_SYNC | I_DIRTY_DATASYNC)) != 0) {
    const Errno written = co_await write_inode(context, inode, wait, task);
    if (result == Errno::kOk)
      result = written;
  }
  trace_single_inode(context, inode, false, nr_to_write, nr_to_write - wbc.nr_to_write, task);
  co_return result;
}

void requeue_inode(WritebackContext& context, Inode& inode, const WritebackControl& wbc) {
  if (!inode.dirty_lists)
    return;  // fsync(2) cleaned it meanwhile
  DirtyInodeLists& lists = *inode.dirty_lists;
  const bool dirty = (inode.i_state & I_DIRTY) != 0;
  if (dirty && (wbc.sync_mode == SyncMode::WB_SYNC_ALL || wbc.tagged_writepages))
    inode.dirtied_when = context.now();
  if (wbc.pages_skipped > 0)
    lists.redirty_tail(inode, context.now());
  else if (inode.i_mapping->pages.any_tagged(PageTag::kDirty) && wbc.nr_to_write <= 0)
    lists.requeue_io(inode);
  else if (dirty)
    lists.redirty_tail(inode, context.now());
  else if ((inode.i_state & I_DIRTY_TIME) != 0)
    lists.add_dirty_time(inode, context.now());
  else
    DirtyInodeLists::remove(inode);
  trace_filed(context, inode);
}

namespace {

// What the file system's own fsync does: metadata buffers of the file, then its inode.
Task<Errno> ext2_sync_file(WritebackContext& context, Inode& inode, SyncWhat what,
                           TaskStruct& task) {
  Errno result = co_await fsync_buffers_list(context.vfs, inode.i_data, task);
  const unsigned needed =
      what == SyncWhat::kFdatasync ? unsigned{I_DIRTY_DATASYNC} : unsigned{I_DIRTY};
  if ((inode.i_state & needed) == 0)
    co_return result;
  WritebackControl wbc;
  wbc.sync_mode = SyncMode::WB_SYNC_ALL;
  wbc.nr_to_write = 0;  // sys_fsync did the pages
  wbc.reason = WriteReason::kSync;
  const Errno written = co_await writeback_single_inode(context, inode, wbc, task);
  co_return result == Errno::kOk ? written : result;
}

}  // namespace

namespace {

// generic_file_fsync() without the flush.
Task<Errno> fsync_without_flush(WritebackContext& context, File& file, SyncWhat what,
                                TaskStruct& task) {
  Vfs& vfs = context.vfs;
  Inode& inode = *file.f_inode;
  const FsyncWaits waits = context.rules.fsync_waits;
  Errno result = co_await write_all_pages(context, inode.host(), task);
  if (result == Errno::kOk && waits != FsyncWaits::kAfterInode)
    result = co_await file_fdatawait(vfs, file, task);
  if (!inode.host().is_block_device) {
    co_await mutex_lock(vfs, inode, task);
    const Errno synced = co_await ext2_sync_file(context, inode, what, task);
    mutex_unlock(inode);
    if (result == Errno::kOk)
      result = synced;
  }
  Errno later = Errno::kOk;
  if (waits != FsyncWaits::kOnlyBeforeInode)
    later = co_await file_fdatawait(vfs, file, task);
  else if (vfs.rules.errseq)
    later = file_check_and_advance_wb_err(vfs, file);
  co_return result == Errno::kOk ? later : result;
}

bool ends_with_flush(const Vfs& vfs, const Inode& inode) {
  switch (vfs.rules.fsync_flush) {
    case FsyncFlush::kNone:
      return inode.i_sb->barrier;
    case FsyncFlush::kBlockDevice:
      return inode.i_sb->barrier || inode.host().is_block_device;
    case FsyncFlush::kAlways:
      return true;
  }
  return true;
}

}  // namespace

Task<Errno> vfs_fsync(WritebackContext& context, File& file, SyncWhat what, TaskStruct& task) {
  Vfs& vfs = context.vfs;
  Inode& inode = *file.f_inode;
  const std::uint64_t last_write = vfs.durability ? vfs.durability->last_write() : 0;
  task.charge(vfs.costs.write_syscall);
  if (what == SyncWhat::kFsync && (inode.i_state & I_DIRTY_TIME) != 0)
    mark_inode_dirty(vfs, inode, I_DIRTY_SYNC);
  Errno result = co_await fsync_without_flush(context, file, what, task);
  if (ends_with_flush(vfs, inode)) {
    const Errno flushed = co_await blkdev_issue_flush(vfs, *inode.host().i_data.bdi->queue, task);
    if (result == Errno::kOk)
      result = flushed;
  }
  co_await vfs.cpu.settle(task);
  if (result == Errno::kOk && vfs.durability)
    vfs.durability->promise(inode.host(), last_write);
  co_return result;
}

Task<Errno> wait_sb_inodes(WritebackContext& context, SuperBlock& sb, TaskStruct& task) {
  Errno result = Errno::kOk;
  for (Inode* inode : sb.s_inodes) {
    const Errno waited = co_await filemap_fdatawait_of_sync(context.vfs, inode->host(), task);
    if (result == Errno::kOk)
      result = waited;
  }
  co_return result;
}

}  // namespace wbsim
