#include "models/fs/ext2.hpp"

#include <algorithm>
#include <limits>

#include "models/fs/mballoc.hpp"
#include "sim/assert.hpp"

namespace wbsim {

namespace {
// The phase of that vector at the first file. Not derived: read from the blocks that the recorded
// P1cold runs do not read again, on which all kernels agree. It decides which blocks stay active,
// not how many (one in seven; one in 14 on 3.10).
constexpr int kLruPagevecPhase = 4;
constexpr std::int64_t kInodeBytes = 128;
constexpr std::int64_t kSystemInodes = 11;  // the last of them is lost+found's
}  // namespace

Ext2::Ext2(Vfs& vfs, Inode& device, const FilesystemConfig& config)
    : vfs_(vfs),
      device_(device),
      config_(config),
      blocks_(device.i_size / config.block_size),
      in_device_pages_(vfs),
      group_(group_layout(config, blocks_)),
      next_free_(group_.data),
      lru_pagevec_(kLruPagevecPhase) {
  int bits = 9;
  while ((1 << bits) < config.block_size)
    ++bits;
  device.i_blkbits = static_cast<std::uint8_t>(bits);  // set_blocksize()
  barrier = config.barrier;
  atime = config.atime;
  lazytime = config.lazytime;
  if (config.metadata != MetadataMode::kWritten || config.driver != FsDriver::kExt2)
    return;
  has_super = true;
  for (std::int64_t block = group_.superblock; block < group_.bitmap; ++block)
    metadata().preload(device_, block, MetadataBlocks::Keep::kHeld);
}

Inode& Ext2::create(const FileConfig& config) {
  Inode& inode = inodes_.emplace_back(vfs_.cache.tree_nodes(), *this, inodes_.size(),
                                      static_cast<int>(device_.i_blkbits));
  inode.i_size = config.size.count();
  inode.i_data.bdi = device_.i_data.bdi;
  inode.i_data.disk_start = device_.i_data.disk_start;
  s_inodes.push_back(&inode);
  File& file = files_.emplace_back(inode);
  file.extents = config.extents;
  std::sort(file.extents.begin(), file.extents.end(),
            [](const Extent& a, const Extent& b) { return a.file_block < b.file_block; });
  for (const IndirectBlock& indirect : config.indirect)
    file.indirect[indirect.file_blocks > pointers_per_block() ? 1 : 2].push_back(indirect);
  for (auto& level : file.indirect)
    std::sort(level.begin(), level.end(), [](const IndirectBlock& a, const IndirectBlock& b) {
      return a.first_file_block < b.first_file_block;
    });
  if (file.extents.empty())
    lay_out(file, (inode.i_size + inode.block_size() - 1) / inode.block_size());
  reserve(file);
  if (config_.metadata != MetadataMode::kNone)
    file.inode_table_block = config.inode_table_block.value_or(
        group_.inode_table +
        (kSystemInodes + static_cast<std::int64_t>(inode.i_ino)) *
            (config_.driver == FsDriver::kExt4 ? kExt4InodeBytes : kInodeBytes) /
            config_.block_size);
  if (file.inode_table_block >= 0)
    metadata().preload(device_, file.inode_table_block, MetadataBlocks::Keep::kInactive);
  if (indirect_blocks_count())
    for (const IndirectBlock& indirect : config.indirect)
      load_before_start(indirect);
  return inode;
}

// As if somebody had read two pages behind the block, and dropped them again. lru_cache_add()
// collects 14 pages per processor before they go to the list; a block that is on the list already
// when the second of its pages is mapped becomes active, and so outlives those that are not.
void Ext2::load_before_start(const IndirectBlock& indirect) {
  constexpr int kPagevec = 14;
  constexpr int kPagesARead = 3;
  const int full = vfs_.rules.full_pagevec_waits ? kPagevec + 1 : kPagevec;
  const int pages_after_it = full - 1 - lru_pagevec_;
  metadata().preload(
      device_, indirect.disk_block,
      pages_after_it <= 1 ? MetadataBlocks::Keep::kActive : MetadataBlocks::Keep::kInactive);
  lru_pagevec_ = (lru_pagevec_ + kPagesARead) % kPagevec;
}

std::int64_t Ext2::find_block(File& file, std::int64_t block) {
  const auto inside = [&](std::size_t i) {
    return i < file.extents.size() && block >= file.extents[i].file_block &&
           block < file.extents[i].file_block + file.extents[i].blocks;
  };
  if (!inside(file.last_extent)) {
    const auto after = std::upper_bound(
        file.extents.begin(), file.extents.end(), block,
        [](std::int64_t b, const Extent& extent) { return b < extent.file_block; });
    if (after == file.extents.begin())
      return -1;
    file.last_extent = static_cast<std::size_t>(after - file.extents.begin()) - 1;
    if (!inside(file.last_extent))
      return -1;
  }
  const Extent& extent = file.extents[file.last_extent];
  return extent.disk_block + (block - extent.file_block);
}

// The first indirect block on the way to `block` that is not in memory, -1 when all are.
std::int64_t Ext2::missing_indirect(const File& file, std::int64_t block) {
  for (const auto& level : file.indirect) {
    const auto after = std::upper_bound(
        level.begin(), level.end(), block,
        [](std::int64_t b, const IndirectBlock& i) { return b < i.first_file_block; });
    if (after == level.begin())
      continue;
    const IndirectBlock& indirect = *std::prev(after);
    const bool maps = block < indirect.first_file_block + indirect.file_blocks;
    if (maps && !metadata().in_memory(device_, indirect.disk_block))
      return indirect.disk_block;
  }
  return -1;
}

// The last block that one indirect block maps: what follows lies behind the next indirect block.
bool Ext2::at_boundary(std::int64_t block) const {
  const std::int64_t past_direct = block + 1 - kDirectBlocks;
  return past_direct >= 0 && (past_direct & (pointers_per_block() - 1)) == 0;
}

GetBlock Ext2::get_block(Inode& inode, std::int64_t block, BufferHead& bh, bool create,
                         std::int64_t& metadata_block) {
  File& file = files_[inode.i_ino];
  metadata_block = -1;
  if (indirect_blocks_count()) {
    metadata_block = missing_indirect(file, block);
    if (metadata_block >= 0)
      return GetBlock::kNeedsMetadata;
  }
  std::int64_t disk_block = find_block(file, block);
  if (disk_block < 0) {
    if (!create)
      return GetBlock::kHole;
    const GetBlock allocated = allocate(file, block, metadata_block);
    if (allocated != GetBlock::kMapped)
      return allocated;
    disk_block = find_block(file, block);
    bh.set(BH_New);
  }
  bh.map_to(disk_block);
  if (at_boundary(block))
    bh.set(BH_Boundary);
  return GetBlock::kMapped;
}

int Ext2::indirect_levels(std::int64_t block) const {
  return branch_of(block).depth;
}

// Not where each look-up of a block counts as an access to the indirect block that maps it.
std::int64_t Ext2::mapped_run(Inode& inode, std::int64_t block, int count) {
  if (indirect_blocks_count())
    return -1;
  File& file = files_[inode.i_ino];
  const std::int64_t disk_block = find_block(file, block);
  if (disk_block < 0)
    return -1;
  const Extent& extent = file.extents[file.last_extent];
  const std::int64_t past_direct = block + count - kDirectBlocks;
  const bool boundary = past_direct >= 0 && (past_direct & (pointers_per_block() - 1)) < count;
  return boundary || block + count > extent.file_block + extent.blocks ? -1 : disk_block;
}

Task<Errno> Ext2::write_inode(Inode& inode, TaskStruct& task, bool wait) {
  const std::int64_t block = files_[inode.i_ino].inode_table_block;
  if (block < 0)
    co_return Errno::kOk;
  co_return co_await metadata().update(device_, block, task, wait);
}

}  // namespace wbsim
