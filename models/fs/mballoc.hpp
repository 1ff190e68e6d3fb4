// Which blocks a file on ext4's driver gets.
//
// MODELS:   fs/ext4/mballoc.c of 2.6.28 - 6.1: ext4_mb_normalize_request(), the preallocation of
//           an inode and that of small files (locality group), and a buddy per group. Seen at work
//           in recordings of 6.1 whose ext2 was mounted so.
// DEVIATES: blocks are never freed, nor is what a preallocation has left when the file is closed.
//           No search by goal or by the best extent: the first buddy of the least order that has
//           one, in the inode's group, then in the last and down to the first. Inodes are all in
//           group 0.
#pragma once

#include <array>
#include <cstdint>
#include <set>
#include <vector>

namespace wbsim {

// Where the parts of a block group are, as mke2fs puts them.
class Ext4Groups {
 public:
  Ext4Groups(std::int64_t blocks, int block_size);

  std::int64_t count() const { return count_; }
  std::int64_t blocks_per_group() const { return std::int64_t{8} * block_size_; }
  std::int64_t group_of(std::int64_t block) const {
    return (block - first_block_) / blocks_per_group();
  }
  std::int64_t descriptor(std::int64_t group) const;    // the block that has it
  std::int64_t block_bitmap(std::int64_t group) const;  // behind it the bitmap of inodes
  std::int64_t inode_table(std::int64_t group) const { return block_bitmap(group) + 2; }
  std::int64_t first_data(std::int64_t group) const;
  std::int64_t start(std::int64_t group) const { return first_block_ + group * blocks_per_group(); }
  std::int64_t end(std::int64_t group) const;

 private:
  std::int64_t blocks_;
  int block_size_;
  std::int64_t first_block_;  // 1 where the boot block is one of its own
  std::int64_t count_;
  std::int64_t descriptor_blocks_;
  std::int64_t reserved_;  // for descriptors of a file system that grows
  std::int64_t table_blocks_;
};

class Mballoc {
 public:
  explicit Mballoc(const Ext4Groups& groups);

  struct Preallocation {
    std::int64_t next = 0, left = 0;
  };
  // The next block of a file that has `file_block` blocks; -1: the disk is full.
  std::int64_t data_block(std::int64_t file_block, int block_size, Preallocation& of_inode);
  std::int64_t metadata_block();

 private:
  static constexpr int kOrders = 14;  // up to 8192 blocks
  using Buddies = std::array<std::set<std::int64_t>, kOrders>;

  std::int64_t take(Preallocation& from);
  Preallocation preallocate(std::int64_t blocks);
  std::int64_t allocate(int order);  // -1: no group has so much in one piece
  std::int64_t allocate_in(Buddies& free, int order);

  std::vector<Buddies> free_;  // by group
  std::size_t current_ = 0;    // where large pieces come from
  Preallocation locality_group_;
};

}  // namespace wbsim
