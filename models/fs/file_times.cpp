#include "models/fs/buffer.hpp"
#include "models/fs/file.hpp"

namespace wbsim {

namespace {

// current_time(): the clock moves once a tick.
Duration current_time(const Vfs& vfs, const Inode& inode) {
  const Duration step = inode.i_sb->time_granularity();
  return vfs.ticks.start_of(vfs.jiffies()).time_since_epoch() / step * step;
}

void mark_time_dirty(Vfs& vfs, Inode& inode) {
  mark_inode_dirty(vfs, inode, inode.i_sb->lazytime ? I_DIRTY_TIME : I_DIRTY_SYNC);
}

bool atime_needs_update(const Vfs& vfs, const Inode& inode, Duration now) {
  constexpr Duration kDay = std::chrono::hours(24);
  if (!inode.i_sb->keeps_times() || inode.i_sb->atime == AtimeMode::kNoatime)
    return false;
  if (inode.i_sb->atime == AtimeMode::kRelatime && inode.i_mtime < inode.i_atime &&
      !(vfs.rules.relatime_daily && now - inode.i_atime >= kDay))
    return false;
  return inode.i_atime != now;
}

}  // namespace

bool file_update_time(Vfs& vfs, Inode& inode) {
  if (!inode.i_sb->keeps_times())
    return false;
  const Duration now = current_time(vfs, inode);
  if (inode.i_mtime == now)
    return false;
  inode.i_mtime = now;
  mark_time_dirty(vfs, inode);
  return true;
}

void file_accessed(Vfs& vfs, Inode& inode) {
  const Duration now = current_time(vfs, inode);
  if (!atime_needs_update(vfs, inode, now))
    return;
  inode.i_atime = now;
  mark_time_dirty(vfs, inode);
}

}  // namespace wbsim
