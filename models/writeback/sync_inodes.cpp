#include "models/writeback/sync_inodes.hpp"

#include "models/writeback/single_inode.hpp"

namespace wbsim {

void SyncInodes::add(Inode& inode) {
  const auto sb = static_cast<std::size_t>(inode.i_sb->s_number);
  while (s_dirty_.size() <= sb)
    s_dirty_.emplace_back();
  s_dirty_[sb].add(inode);
}

Task<> SyncInodes::sync_inodes(TaskStruct& task) {
  for (DirtyInodeLists& lists : s_dirty_) {
    const DirtyInodeLists::List& dirty = lists.list(DirtyInodeLists::kDirty);
    for (std::size_t left = dirty.size(); left > 0 && !dirty.empty(); --left) {
      const Errno ignored =
          co_await sync_one(lists.list(DirtyInodeLists::kDirty).back(), false, task);
      static_cast<void>(ignored);  // the buffer is not uptodate
    }
  }
}

Task<Errno> SyncInodes::sync_one(Inode& inode, bool wait, TaskStruct& task) {
  if ((inode.i_state & I_SYNC) != 0) {
    co_await context_.vfs.cpu.settle(task);
    while ((inode.i_state & I_SYNC) != 0) {
      co_await inode.i_sync_waiters.wait("I_LOCK");
      co_await context_.vfs.cpu.woken(task);
    }
    if (!wait)
      co_return Errno::kOk;
  }
  const unsigned dirty = inode.i_state & I_DIRTY;
  if (inode.dirty_lists)
    DirtyInodeLists::remove(inode);
  inode.i_state = static_cast<std::uint8_t>((inode.i_state & ~I_DIRTY) | I_SYNC);
  Errno result = Errno::kOk;
  if ((dirty & (I_DIRTY_SYNC | I_DIRTY_DATASYNC)) != 0)
    result = co_await write_inode(context_, inode, wait, task);
  inode.i_state = static_cast<std::uint8_t>(inode.i_state & ~I_SYNC);
  if ((inode.i_state & I_DIRTY) != 0) {
    inode.dirtied_when = context_.now();
    add(inode);
  }
  inode.i_sync_waiters.wake_all();
  co_return result;
}

}  // namespace wbsim
