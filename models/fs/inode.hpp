// struct inode and struct super_block, as far as write-back sees them.
#pragma once

#include <boost/intrusive/list.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "models/fs/buffer_head.hpp"
#include "models/mm/address_space.hpp"
#include "models/mm/errno.hpp"
#include "models/mm/task_struct.hpp"
#include "sim/task.hpp"
#include "sim/units.hpp"
#include "sim/wait_queue.hpp"

namespace wbsim {

struct SuperBlock;
class DirtyInodeLists;
class Jbd2;

namespace v24 {
struct InodeLists;
}

enum InodeState : std::uint8_t {
  I_DIRTY_SYNC = 1 << 0,      // times and the like
  I_DIRTY_DATASYNC = 1 << 1,  // what fdatasync needs: the size
  I_DIRTY_PAGES = 1 << 2,
  I_SYNC = 1 << 3,        // being written back
  I_DIRTY_TIME = 1 << 4,  // lazytime: only its times are newer than on the disk
  I_DIRTY = I_DIRTY_SYNC | I_DIRTY_DATASYNC | I_DIRTY_PAGES,
  I_DIRTY_ALL = I_DIRTY | I_DIRTY_TIME,
};

enum class AtimeMode : std::uint8_t;

struct Inode
    : boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::safe_link>> {
  Inode(PageTreeNodes& nodes, SuperBlock& sb, std::uint64_t ino, int blkbits)
      : i_data(nodes), i_sb(&sb), i_ino(ino), i_blkbits(static_cast<std::uint8_t>(blkbits)) {
    i_data.host = this;
  }
  AddressSpace i_data;
  // Its own, but for a device node: that one shows the pages of the block device. Both inodes can
  // be dirty, and both can be written back at the same time.
  AddressSpace* i_mapping = &i_data;
  SuperBlock* i_sb;
  std::uint64_t i_ino;
  std::int64_t i_size = 0;            // bytes
  Jiffies dirtied_when{};             // when it turned from clean to dirty, or was put off
  Jiffies dirtied_time_when{};        // when it became I_DIRTY_TIME
  Duration i_mtime{-1}, i_atime{-1};  // since boot, in steps of the file system's granularity
  // For the policy: the lists this inode is queued on while dirty, null when clean.
  DirtyInodeLists* dirty_lists = nullptr;
  v24::InodeLists* buffers24 = nullptr;  // 2.4: its dirty buffers, once it has had any
  std::uint8_t dirty_list = 0;           // which of them
  std::uint8_t i_state = 0;
  std::uint8_t i_blkbits;
  bool is_block_device = false;  // its pages are the device's blocks, 1:1
  bool i_mutex_held = false;     // by a write(2), or by fsync's file system part
  WaitQueue i_sync_waiters;
  WaitQueue i_mutex_waiters;

  Inode& host() const { return *i_mapping->host; }  // of the pages
  std::int64_t block_size() const { return std::int64_t{1} << i_blkbits; }
};

enum class GetBlock : std::uint8_t {
  kMapped,
  kHole,  // nothing there and create was false
  kEnospc,
  kEio,
  kNeedsMetadata,  // an indirect block must be read first: `metadata_block`
};

// A mounted file system, or the pseudo file system of the block devices.
struct SuperBlock {
  virtual ~SuperBlock() = default;
  // get_block_t: maps file block `block`, sets Mapped, b_blocknr, New and Boundary.
  virtual GetBlock get_block(Inode& inode, std::int64_t block, BufferHead& bh, bool create,
                             std::int64_t& metadata_block) = 0;
  // The disk block of `block` if get_block() would only look it up, and find the blocks of the
  // `count` from there on one after the other without a Boundary; -1 when each must be asked for.
  virtual std::int64_t mapped_run(Inode&, std::int64_t /*block*/, int /*count*/) { return -1; }
  // So many indirect blocks get_block() goes through on its way to `block`.
  virtual int indirect_levels(std::int64_t /*block*/) const { return 0; }
  // So many nodes of the tree of a file's pieces a new block at its end goes through.
  virtual int extent_levels(const Inode&) const { return 0; }
  // The inode's own fields have changed: before it is filed as dirty. Not told again as long as the
  // same flags are set.
  virtual void dirty_inode(Inode&) {}
  virtual Task<Errno> write_inode(Inode& inode, TaskStruct& task, bool wait) = 0;
  // Writes pages with mpage_writepages(), else buffer by buffer.
  virtual bool uses_mpage() const = 0;
  virtual bool keeps_times() const = 0;  // a write makes the inode I_DIRTY_SYNC
  // s_time_gran; the clock itself moves once a tick.
  virtual Duration time_granularity() const { return std::chrono::seconds(1); }
  virtual Jbd2* journal() { return nullptr; }
  // The device whose pages hold its metadata, null when it keeps none.
  virtual Inode* block_device() const { return nullptr; }

  std::vector<Inode*> s_inodes;
  int s_number = 0;  // in the order of mounting
  // fsync(2) empties the drive's cache whatever the kernel's own fsync does: mounted barrier=1.
  bool barrier = false;
  AtimeMode atime{};       // whether read(2) dates the inode
  bool lazytime = false;   // times alone make an inode I_DIRTY_TIME instead of I_DIRTY_SYNC
  bool has_super = false;  // a super block that write_super() puts into its buffer
  bool s_dirt = false;     // and that has changed since
  virtual void write_super() {}
};

// Told when an inode turns from clean to dirty; implemented by the flushers in writeback/.
class DirtyListener {
 public:
  virtual ~DirtyListener() = default;
  virtual void inode_dirtied(Inode& inode) = 0;
};

}  // namespace wbsim
