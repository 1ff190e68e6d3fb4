// ext2's format under the driver of ext4, as most distributions mount it: no journal, no extents.
//
// MODELS:   fs/ext4 of 2.6.28 - 6.1 without a journal: ext4_ind_map_blocks() when a page is
//           written to (nothing is delayed), ext4_dirty_inode(). A new block dirties its group's
//           bitmap and descriptor, its indirect block and the block of its inode, all at once; the
//           block of an inode is not for write_inode() to fill, but only to wait for. From 3.8 on a
//           new block also goes into the tree of what the file has on the disk (extents_status.c).
// DEVIATES: no directories or deletion. All bitmaps are in memory, as mounting has read them
//           (5.9); the super block is not written. An inode that is dirty already dirties its
//           block again only with a new block.
#pragma once

#include <memory>
#include <vector>

#include "models/fs/ext2.hpp"
#include "models/fs/jbd2.hpp"
#include "models/fs/mballoc.hpp"

namespace wbsim {

// Nodes on the way to the last of `n` nodes of a red-black tree that came in ascending order.
int levels_of_last_node(std::int64_t n);

class Ext4 : public Ext2 {
 public:
  Ext4(Vfs& vfs, Inode& device, const FilesystemConfig& config);

  void dirty_inode(Inode& inode) override;
  Task<Errno> write_inode(Inode& inode, TaskStruct& task, bool wait) override;
  int extent_levels(const Inode& inode) const override;

 private:
  GetBlock allocate(File& file, std::int64_t block, std::int64_t& metadata_block) override;
  void lay_out(File& file, std::int64_t blocks) override;
  std::int64_t data_block(const File& file, std::int64_t block);
  void dirty_known(std::int64_t disk_block);  // one that mounting has read
  void dirty_group(std::int64_t disk_block) override;
  std::int64_t new_indirect() override { return mballoc_.metadata_block(); }

  Ext4Groups groups_;
  Mballoc mballoc_;
  std::vector<Mballoc::Preallocation> preallocations_;  // by i_ino
};

// ext4 with its journal, extents and flexible block groups.
//
// MODELS:   what puts blocks into the running transaction: the inode's when it changes; when the
//           flusher allocates, the bitmap and the descriptor of the group, and the block of the
//           extents when the inode has no room for them; and the end of write-back.
// DEVIATES: where data lies is what extent_size and gap_size say, from the moment on in which a
//           page is written to; bitmaps and descriptors are where mke2fs puts them on a disk of
//           2 GiB. fsync(2) flushes the drive once more than the commit block has,
//           where it flushes at all.
class Ext4WithJournal : public Ext2, private DelayedAllocation {
 public:
  Ext4WithJournal(Vfs& vfs, Inode& device, const FilesystemConfig& config);

  void dirty_inode(Inode& inode) override;
  Task<Errno> write_inode(Inode& inode, TaskStruct& task, bool wait) override;
  int indirect_levels(std::int64_t) const override { return 0; }  // extents
  Jbd2* journal() override { return &journal_; }

 private:
  GetBlock allocate(File& file, std::int64_t block, std::int64_t& metadata_block) override;
  void map_blocks(Inode& inode, PageIndex first, PageIndex count) override;
  void convert_extents(Inode& inode) override;

  Jbd2 journal_;
  std::vector<PageIndex> mapped_;  // by i_ino: pages that write-back has come to
};

std::unique_ptr<Ext2> make_filesystem(Vfs& vfs, Inode& device, const FilesystemConfig& config);

}  // namespace wbsim
