#include "models/fs/ext4.hpp"

#include <algorithm>
#include <bit>

#include "models/fs/buffer.hpp"

namespace wbsim {

namespace {
FilesystemConfig with_metadata(FilesystemConfig config) {
  config.metadata = MetadataMode::kWritten;
  return config;
}
}  // namespace

int levels_of_last_node(std::int64_t n) {
  const auto size = static_cast<std::uint64_t>(n + 2);
  const int doubled = 63 - std::countl_zero(size);
  return 2 * (doubled - 1) + (size >= std::uint64_t{3} << (doubled - 1) ? 1 : 0);
}

Ext4::Ext4(Vfs& vfs, Inode& device, const FilesystemConfig& config)
    : Ext2(vfs, device, with_metadata(config)),
      groups_(blocks_, config.block_size),
      mballoc_(groups_) {}

void Ext4::dirty_known(std::int64_t disk_block) {
  if (!metadata().in_memory(device_, disk_block))
    metadata().preload(device_, disk_block, MetadataBlocks::Keep::kHeld);
  metadata().dirty(device_, disk_block, nullptr);
}

// ext4_mb_mark_diskspace_used()
void Ext4::dirty_group(std::int64_t disk_block) {
  const std::int64_t group = groups_.group_of(disk_block);
  dirty_known(groups_.block_bitmap(group));
  dirty_known(groups_.descriptor(group));
}

void Ext4::dirty_inode(Inode& inode) {
  dirty_known(files_[inode.i_ino].inode_table_block);
}

Task<Errno> Ext4::write_inode(Inode& inode, TaskStruct& task, bool wait) {
  if (!wait)
    co_return Errno::kOk;
  co_return co_await Ext2::write_inode(inode, task, wait);
}

int Ext4::extent_levels(const Inode& inode) const {
  return levels_of_last_node(static_cast<std::int64_t>(files_[inode.i_ino].extents.size()));
}

std::int64_t Ext4::data_block(const File& file, std::int64_t block) {
  const auto ino = static_cast<std::size_t>(file.inode.i_ino);
  if (ino >= preallocations_.size())
    preallocations_.resize(ino + 1);
  return mballoc_.data_block(block, config_.block_size, preallocations_[ino]);
}

void Ext4::lay_out(File& file, std::int64_t blocks) {
  for (std::int64_t block = 0; block < blocks; ++block) {
    const std::int64_t disk_block = lay_out_indirect(file, block) ? data_block(file, block) : -1;
    if (disk_block < 0)
      return;  // a hole to its end
    add_block(file, block, disk_block);
  }
}

GetBlock Ext4::allocate(File& file, std::int64_t block, std::int64_t&) {
  IndirectPath path = path_to(file, block);
  const std::int64_t parent = path.last_made();
  if (!add_indirect(file, path))
    return GetBlock::kEnospc;
  const std::int64_t disk_block = data_block(file, block);
  if (disk_block < 0)
    return GetBlock::kEnospc;
  add_block(file, block, disk_block);
  dirty_group(disk_block);
  if (parent >= 0)
    metadata().dirty(device_, parent, &file.inode);  // ext4_splice_branch()
  dirty_inode(file.inode);                           // i_blocks
  mark_inode_dirty(vfs_, file.inode, I_DIRTY_SYNC | I_DIRTY_DATASYNC);
  return GetBlock::kMapped;
}

namespace {

constexpr std::int64_t kExtentsInInode = 4;
constexpr std::int64_t kExtentBlocks = 32768;                   // longest, and a group's
constexpr std::int64_t kJournalBytes = std::int64_t{64} << 20;  // of mke2fs, for 2 GiB

// sparse_super2 and flex_bg put what is in front of the data into the first group.
constexpr std::int64_t kDescriptors = 1, kBitmaps = 257, kExtentTree = 33026;

FilesystemConfig with_inodes(FilesystemConfig config) {
  config.metadata = MetadataMode::kPinned;
  return config;
}

std::int64_t journal_blocks(std::int64_t blocks, int block_size) {
  return std::min(kJournalBytes / block_size, blocks / 4);
}

}  // namespace

// The journal is in the middle of the disk.
Ext4WithJournal::Ext4WithJournal(Vfs& vfs, Inode& device, const FilesystemConfig& config)
    : Ext2(vfs, device, with_inodes(config)),
      journal_(vfs, device, *this, blocks_ / 2, journal_blocks(blocks_, config.block_size),
               config.barrier) {}

void Ext4WithJournal::dirty_inode(Inode& inode) {
  journal_.dirty_metadata(files_[inode.i_ino].inode_table_block);
}

Task<Errno> Ext4WithJournal::write_inode(Inode& inode, TaskStruct& task, bool wait) {
  if (wait && journal_.has(files_[inode.i_ino].inode_table_block))
    co_await journal_.complete_transaction(task);
  co_return Errno::kOk;
}

// As write(2) sees it: the file has grown.
GetBlock Ext4WithJournal::allocate(File& file, std::int64_t block, std::int64_t& metadata_block) {
  dirty_inode(file.inode);
  return Ext2::allocate(file, block, metadata_block);
}

void Ext4WithJournal::map_blocks(Inode& inode, PageIndex first, PageIndex count) {
  const auto ino = static_cast<std::size_t>(inode.i_ino);
  if (ino >= mapped_.size())
    mapped_.resize(ino + 1);
  if (first < mapped_[ino])
    return;
  mapped_[ino] = first + count;
  const std::int64_t block = (std::int64_t{first} << kPageShift) >> inode.i_blkbits;
  const std::int64_t group = find_block(files_[ino], block) / kExtentBlocks;
  journal_.dirty_metadata(kDescriptors);
  journal_.dirty_metadata(kBitmaps + group);
  if (block >= kExtentsInInode * kExtentBlocks)
    journal_.dirty_metadata(kExtentTree);
  dirty_inode(inode);
}

void Ext4WithJournal::convert_extents(Inode& inode) {
  dirty_inode(inode);
}

std::unique_ptr<Ext2> make_filesystem(Vfs& vfs, Inode& device, const FilesystemConfig& config) {
  if (config.driver == FsDriver::kExt2)
    return std::make_unique<Ext2>(vfs, device, config);
  if (config.journal)
    return std::make_unique<Ext4WithJournal>(vfs, device, config);
  return std::make_unique<Ext4>(vfs, device, config);
}

}  // namespace wbsim
