// A file system with ext2's manners: blocks in extents, indirect blocks that must be in memory
// before the blocks they map can be, inodes in blocks of an inode table.
//
// MODELS:   fs/ext2 of 2.6: ext2_get_block() with its boundary flag, ext2_write_inode().
// DEVIATES: no directories or deletion; new blocks come from a simple allocator. Only with metadata
//           "written" are there bitmaps, descriptors and a super block, and does allocating dirty
//           them, and the indirect blocks. The super block is dirtied by write_super() alone, which
//           in 2.4 only dates it by up to 5 s later; its copies in other groups are never written.
#pragma once

#include <array>
#include <deque>
#include <span>
#include <vector>

#include "models/fs/block_device.hpp"
#include "models/fs/vfs.hpp"
#include "models/scenario.hpp"

namespace wbsim {

class Ext2 : public SuperBlock {
 public:
  // On the device or partition `device`, whose soft block size becomes the file system's.
  Ext2(Vfs& vfs, Inode& device, const FilesystemConfig& config);

  Inode& create(const FileConfig& file);  // allocates what the file is preallocated with

  GetBlock get_block(Inode& inode, std::int64_t block, BufferHead& bh, bool create,
                     std::int64_t& metadata_block) override;
  std::int64_t mapped_run(Inode& inode, std::int64_t block, int count) override;
  int indirect_levels(std::int64_t block) const override;

  static constexpr std::int64_t kDirectBlocks = 12;
  // Of a file: what its direct blocks and the three trees of indirect ones map.
  static constexpr std::int64_t most_blocks(std::int64_t block_size) {
    const std::int64_t pointers = block_size / 4;
    return kDirectBlocks + pointers * (1 + pointers * (1 + pointers));
  }
  Task<Errno> write_inode(Inode& inode, TaskStruct& task, bool wait) override;
  void write_super() override;
  bool uses_mpage() const override { return true; }
  bool keeps_times() const override { return config_.metadata != MetadataMode::kNone; }
  Inode* block_device() const override { return &device_; }

 protected:
  struct File {
    explicit File(Inode& i) : inode(i) {}
    Inode& inode;
    std::vector<Extent> extents;  // by file block
    // Triply, doubly and singly indirect blocks; each by first file block.
    std::array<std::vector<IndirectBlock>, 3> indirect;
    std::size_t last_extent = 0;  // where the last look-up ended
    std::int64_t inode_table_block = -1;
  };
  // The indirect blocks that lead to a block of a file, the topmost first.
  struct IndirectPath {
    std::array<IndirectBlock, 3> blocks;  // disk_block -1: there is none yet
    std::size_t depth = 0;
    std::span<IndirectBlock> steps() { return {blocks.data(), depth}; }
    std::int64_t last_made();  // its block points to the first that is missing; -1: the inode does
  };

  // A new block, and the indirect blocks in front of it.
  virtual GetBlock allocate(File& file, std::int64_t block, std::int64_t& metadata_block);
  virtual void lay_out(File& file, std::int64_t blocks);  // without an access

  IndirectPath path_to(const File& file, std::int64_t block) const;
  // Blocks for those on the path that have none; false: the disk is full.
  bool add_indirect(File& file, IndirectPath& path);
  bool lay_out_indirect(File& file, std::int64_t block);  // without an access
  virtual std::int64_t new_indirect();                    // where the next one goes, -1: nowhere
  virtual void dirty_group(std::int64_t disk_block);
  static void add_block(File& file, std::int64_t block, std::int64_t disk_block);
  std::int64_t find_block(File& file, std::int64_t block);  // on the disk, -1: none
  MetadataBlocks& metadata() { return vfs_.metadata ? *vfs_.metadata : in_device_pages_; }

  Vfs& vfs_;
  Inode& device_;
  FilesystemConfig config_;
  std::int64_t blocks_;      // on the device
  std::vector<File> files_;  // by i_ino

 private:
  // What comes before the data: of the first group, and with metadata "written" of every other.
  struct GroupLayout {
    std::int64_t superblock, descriptors, bitmap, inode_table, data;
  };
  static GroupLayout group_layout(const FilesystemConfig& config, std::int64_t blocks);
  // `depth` indirect blocks lie before a block, 0 to 3; the topmost maps `covers` from `first` on.
  struct Branch {
    int depth;
    std::int64_t first;
    std::int64_t covers;
  };

  // They can be out of memory, and looking at one is an access.
  bool indirect_blocks_count() const {
    return config_.metadata == MetadataMode::kEvictable ||
           config_.metadata == MetadataMode::kWritten;
  }
  void load_before_start(const IndirectBlock& indirect);
  void reserve(const File& file);
  std::int64_t blocks_per_group() const { return std::int64_t{8} << device_.i_blkbits; }
  std::int64_t group_of(std::int64_t disk_block) const { return disk_block / blocks_per_group(); }
  std::int64_t behind_header(std::int64_t disk_block) const;
  Branch branch_of(std::int64_t block) const;
  std::int64_t bitmap_to_read(int blocks);
  void make_indirect(File& file, const IndirectBlock& indirect);
  template <class Made>
  bool complete(File& file, IndirectPath& path, Made made);
  void find_next_free(const File& file);
  bool append_block(File& file, std::int64_t block);
  std::int64_t missing_indirect(const File& file, std::int64_t block);
  bool at_boundary(std::int64_t block) const;
  std::int64_t pointers_per_block() const { return (std::int64_t{1} << device_.i_blkbits) / 4; }

  DeviceMetadata in_device_pages_;
  GroupLayout group_;
  std::int64_t next_free_;     // the allocator's hand
  std::int64_t run_left_ = 0;  // blocks until the next gap
  int lru_pagevec_;            // pages that lru_cache_add() has collected
  std::deque<Inode> inodes_;
};

}  // namespace wbsim
