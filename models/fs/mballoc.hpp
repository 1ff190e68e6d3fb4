// Which blocks a file on ext4's driver gets.
//
// MODELS:   fs/ext4/mballoc.c of 2.6.28 - 6.1: ext4_mb_normalize_request(), the preallocation of
//           an inode and that of small files (locality group), and a buddy per group. Seen at work
//           in recordings of 6.1 whose ext2 was mounted so.
// DEVIATES: blocks are never freed, nor is what a preallocation has left when the file is closed.
//           No search by goal or by the best extent: of a power of two the first buddy of the least
//           order that has one, else the first run of a group whose free runs are as long in the
//           mean; in the last group that was used, then in the others as their bitmaps were read.
//           Inodes are all in group 0.
#pragma once

#include <array>
#include <cstdint>
#include <set>
#include <vector>

namespace wbsim {

constexpr std::int64_t kExt4InodeBytes = 256;

// Where the parts of a block group are, as mke2fs puts them.
class Ext4Groups {
 public:
  Ext4Groups(std::int64_t blocks, int block_size);

  std::int64_t count() const { return count_; }
  std::int64_t blocks_per_group() const { return std::int64_t{8} * block_size_; }
  std::int64_t buddies_per_page() const;  // groups whose bitmap and buddy share a page
  std::int64_t group_of(std::int64_t block) const {
    return (block - first_block_) / blocks_per_group();
  }
  std::int64_t descriptor(std::int64_t group) const;    // the block that has it
  std::int64_t block_bitmap(std::int64_t group) const;  // behind it the bitmap of inodes
  std::int64_t inode_table(std::int64_t group) const { return block_bitmap(group) + 2; }
  std::int64_t first_data(std::int64_t group) const;
  std::int64_t first_free(std::int64_t group) const;  // of a file system that has no files yet
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
    // Of the file: up to here blocks were preallocated, some of which it does not use. The next
    // preallocation does not cover them again.
    std::int64_t covered = 0;
  };
  // The next block of a file that has `file_block` blocks; -1: the disk is full.
  std::int64_t data_block(std::int64_t file_block, int block_size, Preallocation& of_inode);
  std::int64_t metadata_block();

 private:
  static constexpr int kOrders = 14;  // up to 8192 blocks
  using Buddies = std::array<std::set<std::int64_t>, kOrders>;
  struct Run {
    std::int64_t start, end;
  };
  struct Group {
    std::int64_t start;
    Buddies free{};  // blocks of the group, from 0 on

    void add(Run run);
    void remove(Run run);
    std::vector<Run> runs() const;
    std::int64_t allocate(int order);  // -1: it has not so much in one piece
    std::int64_t allocate_run(std::int64_t blocks);
  };

  static Run normalized(std::int64_t file_block, std::int64_t block_size);
  static std::int64_t take(Preallocation& from);
  Preallocation preallocate(std::int64_t blocks);
  template <class AllocateIn>
  std::int64_t allocate(AllocateIn allocate_in);  // -1: no group can

  std::vector<Group> groups_;
  std::vector<std::size_t> order_;  // of the groups that are tried: the inode's first
  std::size_t current_ = 0;         // in order_: where large pieces come from
  Preallocation locality_group_;
};

}  // namespace wbsim
