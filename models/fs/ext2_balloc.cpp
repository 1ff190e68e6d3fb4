// Where the blocks of a file go, and which blocks of the file system that changes.
#include <algorithm>
#include <limits>

#include "models/fs/buffer.hpp"
#include "models/fs/ext2.hpp"
#include "models/fs/mballoc.hpp"
#include "sim/assert.hpp"

namespace wbsim {

// The super block is at byte 1024, whatever the block size; the descriptors of all groups are
// behind it, 32 bytes each.
Ext2::GroupLayout Ext2::group_layout(const FilesystemConfig& config, std::int64_t blocks) {
  GroupLayout layout{0, 1, 2, 5, 64};
  if (config.metadata != MetadataMode::kWritten)
    return layout;
  if (config.driver == FsDriver::kExt4) {
    const Ext4Groups groups(blocks, config.block_size);
    return {groups.start(0), groups.descriptor(0), groups.block_bitmap(0), groups.inode_table(0),
            groups.first_data(0)};
  }
  const std::int64_t size = config.block_size;
  const std::int64_t groups = (blocks + 8 * size - 1) / (8 * size);
  layout.superblock = 1024 / size;
  layout.descriptors = layout.superblock + 1;
  const std::int64_t more = layout.superblock + (groups * 32 + size - 1) / size - 1;
  layout.bitmap += more;
  layout.inode_table += more;
  layout.data += more;
  return layout;
}

// ext2_block_to_path()
Ext2::Branch Ext2::branch_of(std::int64_t block) const {
  Branch branch{0, 0, kDirectBlocks};
  while (block >= branch.first + branch.covers) {
    branch.first += branch.covers;
    branch.covers = branch.depth == 0 ? pointers_per_block() : branch.covers * pointers_per_block();
    ++branch.depth;
  }
  return branch;
}

Ext2::IndirectPath Ext2::path_to(const File& file, std::int64_t block) const {
  IndirectPath path;
  auto [depth, first, covers] = branch_of(block);
  const std::size_t top = file.indirect.size() - static_cast<std::size_t>(depth);
  for (std::size_t level = top; level < file.indirect.size(); ++level) {
    const std::int64_t start = first + (block - first) / covers * covers;
    const auto& made = file.indirect[level];
    const auto at = std::lower_bound(
        made.begin(), made.end(), start,
        [](const IndirectBlock& i, std::int64_t b) { return i.first_file_block < b; });
    const bool there = at != made.end() && at->first_file_block == start;
    path.blocks[path.depth++] = {there ? at->disk_block : -1, start, covers};
    covers /= pointers_per_block();
  }
  return path;
}

void Ext2::make_indirect(File& file, const IndirectBlock& indirect) {
  std::size_t level = file.indirect.size() - 1;
  for (std::int64_t covers = indirect.file_blocks; covers > pointers_per_block();
       covers /= pointers_per_block())
    --level;
  auto& made = file.indirect[level];
  made.insert(std::upper_bound(
                  made.begin(), made.end(), indirect.first_file_block,
                  [](std::int64_t b, const IndirectBlock& i) { return b < i.first_file_block; }),
              indirect);
}

void Ext2::lay_out(File& file, std::int64_t blocks) {
  const bool with_metadata = config_.metadata == MetadataMode::kWritten;
  for (std::int64_t block = 0; block < blocks;) {
    if ((with_metadata && !lay_out_indirect(file, block)) || !append_block(file, block))
      return;  // a hole to its end
    ++block;
    // The rest of this run in one piece.
    std::int64_t more = std::min({blocks - block, run_left_, blocks_ - next_free_});
    if (with_metadata) {
      const std::int64_t in_group = next_free_ % blocks_per_group();
      const std::int64_t past = block - kDirectBlocks;
      const std::int64_t to_indirect =
          past < 0 ? -past
                   : (pointers_per_block() - past % pointers_per_block()) % pointers_per_block();
      more = std::min({more, in_group == 0 ? 0 : blocks_per_group() - in_group, to_indirect});
    }
    file.extents.back().blocks += more;
    next_free_ += more;
    run_left_ -= more;
    block += more;
  }
}

// Later files and appends start behind the extents that were given.
void Ext2::reserve(const File& file) {
  for (const Extent& extent : file.extents)
    next_free_ = std::max(next_free_, extent.disk_block + extent.blocks);
  run_left_ = 0;
}

// The allocator: the next free block, with gaps of gap_blocks after runs of extent_blocks.
void Ext2::find_next_free(const File& file) {
  if (run_left_ == 0) {
    if (config_.extent_blocks > 0 && !file.extents.empty())
      next_free_ += config_.gap_blocks;
    run_left_ = config_.extent_blocks > 0 ? config_.extent_blocks
                                          : std::numeric_limits<std::int64_t>::max();
  }
  next_free_ = behind_header(next_free_);
}

bool Ext2::append_block(File& file, std::int64_t block) {
  find_next_free(file);
  if (next_free_ >= blocks_)
    return false;
  add_block(file, block, next_free_++);
  --run_left_;
  return true;
}

void Ext2::add_block(File& file, std::int64_t block, std::int64_t disk_block) {
  const auto after =
      std::upper_bound(file.extents.begin(), file.extents.end(), block,
                       [](std::int64_t b, const Extent& extent) { return b < extent.file_block; });
  if (after != file.extents.begin()) {
    Extent& before = *std::prev(after);
    if (before.file_block + before.blocks == block &&
        before.disk_block + before.blocks == disk_block) {
      ++before.blocks;
      return;
    }
  }
  file.extents.insert(after, {block, disk_block, 1});
}

std::int64_t Ext2::IndirectPath::last_made() {
  std::int64_t last = -1;
  for (const IndirectBlock& indirect : steps())
    last = std::max(last, indirect.disk_block);
  return last;
}

std::int64_t Ext2::new_indirect() {
  next_free_ = behind_header(next_free_);
  return next_free_ < blocks_ ? next_free_++ : -1;
}

template <class Made>
bool Ext2::complete(File& file, IndirectPath& path, Made made) {
  for (IndirectBlock& indirect : path.steps()) {
    if (indirect.disk_block >= 0)
      continue;
    indirect.disk_block = new_indirect();
    if (indirect.disk_block < 0)
      return false;
    make_indirect(file, indirect);
    made(indirect.disk_block);
  }
  return true;
}

bool Ext2::lay_out_indirect(File& file, std::int64_t block) {
  IndirectPath path = path_to(file, block);
  return complete(file, path, [](std::int64_t) {});
}

// ext2_alloc_branch()
bool Ext2::add_indirect(File& file, IndirectPath& path) {
  return complete(file, path, [&](std::int64_t disk_block) {
    dirty_group(disk_block);
    metadata().preload(device_, disk_block, MetadataBlocks::Keep::kInactive);
    metadata().dirty(device_, disk_block, &file.inode);
  });
}

// The block itself, or the first of its group that can be a file's.
std::int64_t Ext2::behind_header(std::int64_t disk_block) const {
  const std::int64_t in_group = disk_block % blocks_per_group();
  if (config_.metadata != MetadataMode::kWritten || in_group >= group_.data)
    return disk_block;
  return disk_block + group_.data - in_group;
}

// Of the next `blocks` to be allocated the first bitmap that is not in memory, -1: none.
std::int64_t Ext2::bitmap_to_read(int blocks) {
  std::int64_t disk_block = next_free_;
  for (; blocks > 0; --blocks, ++disk_block) {
    disk_block = behind_header(disk_block);
    const std::int64_t bitmap = group_of(disk_block) * blocks_per_group() + group_.bitmap;
    if (!metadata().in_memory(device_, bitmap))
      return bitmap;
  }
  return -1;
}

// ext2_new_block(): a bit, and the counts of free blocks.
void Ext2::dirty_group(std::int64_t disk_block) {
  const std::int64_t group = group_of(disk_block);
  constexpr std::int64_t kDescriptorBytes = 32;
  metadata().dirty(device_, group * blocks_per_group() + group_.bitmap, nullptr);
  metadata().dirty(device_, group_.descriptors + group * kDescriptorBytes / config_.block_size,
                   nullptr);
  s_dirt = true;
}

void Ext2::write_super() {
  metadata().dirty(device_, group_.superblock, nullptr);
}

// ext2_alloc_branch(), ext2_splice_branch(): new indirect blocks in front of the data, the topmost
// first, and last the block that points to the first of them.
GetBlock Ext2::allocate(File& file, std::int64_t block, std::int64_t& metadata_block) {
  if (config_.metadata != MetadataMode::kWritten)
    return append_block(file, block) ? GetBlock::kMapped : GetBlock::kEnospc;
  IndirectPath path = path_to(file, block);
  int missing = 0;
  for (const IndirectBlock& indirect : path.steps())
    missing += indirect.disk_block < 0;
  find_next_free(file);
  if (next_free_ + missing >= blocks_)
    return GetBlock::kEnospc;
  metadata_block = bitmap_to_read(missing + 1);
  if (metadata_block >= 0)
    return GetBlock::kNeedsMetadata;
  const std::int64_t parent = path.last_made();
  if (!add_indirect(file, path) || !append_block(file, block))
    return GetBlock::kEnospc;
  dirty_group(next_free_ - 1);
  if (parent >= 0)
    metadata().dirty(device_, parent, &file.inode);
  mark_inode_dirty(vfs_, file.inode, I_DIRTY_SYNC | I_DIRTY_DATASYNC);  // i_blocks
  return GetBlock::kMapped;
}

}  // namespace wbsim
