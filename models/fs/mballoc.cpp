#include "models/fs/mballoc.hpp"

#include <algorithm>
#include <bit>

namespace wbsim {

namespace {

constexpr std::int64_t kDescriptorBytes = 32;
constexpr std::int64_t kInodeBytes = 256;
constexpr std::int64_t kBytesPerInode = 16384;  // of mke2fs.conf
constexpr std::int64_t kGrowth = 1024;          // times as large it may become
constexpr std::int64_t kKiB = 1024, kMiB = 1024 * kKiB;
constexpr std::int64_t kSmallFileBlocks = 16;       // s_mb_stream_request
constexpr std::int64_t kLocalityGroupBlocks = 512;  // s_mb_group_prealloc

std::int64_t div_up(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}

bool is_power_of(std::int64_t n, std::int64_t base) {
  while (n % base == 0)
    n /= base;
  return n == 1;
}

// sparse_super: who has a copy of the super block and the descriptors.
bool has_super(std::int64_t group) {
  return group <= 1 || is_power_of(group, 3) || is_power_of(group, 5) || is_power_of(group, 7);
}

int order_of(std::int64_t blocks) {
  return 63 - std::countl_zero(static_cast<std::uint64_t>(blocks));
}

// ext4_mb_normalize_request(): up to which size a file of `bytes` gets its blocks.
std::int64_t normalized_end(std::int64_t bytes, std::int64_t block_size) {
  if (bytes <= kMiB)
    return static_cast<std::int64_t>(
        std::bit_ceil(static_cast<std::uint64_t>(std::max(bytes, 16 * kKiB))));
  // A piece has at most 2048 blocks.
  std::int64_t piece = 8 * kMiB;
  if (bytes <= 4 * kMiB || block_size <= kKiB)
    piece = 2 * kMiB;
  else if (bytes <= 8 * kMiB || block_size <= 2 * kKiB)
    piece = 4 * kMiB;
  return div_up(bytes, piece) * piece;
}

}  // namespace

Ext4Groups::Ext4Groups(std::int64_t blocks, int block_size)
    : blocks_(blocks),
      block_size_(block_size),
      first_block_(block_size <= kKiB ? kKiB / block_size : 0),
      count_(div_up(blocks - first_block_, blocks_per_group())),
      descriptor_blocks_(div_up(count_ * kDescriptorBytes, block_size)),
      reserved_(
          std::min(div_up(count_ * kGrowth * kDescriptorBytes, block_size) - descriptor_blocks_,
                   std::int64_t{block_size} / 4)),
      table_blocks_(
          div_up(blocks_per_group() * block_size / kBytesPerInode * kInodeBytes, block_size)) {}

std::int64_t Ext4Groups::descriptor(std::int64_t group) const {
  return first_block_ + 1 + group * kDescriptorBytes / block_size_;
}

std::int64_t Ext4Groups::block_bitmap(std::int64_t group) const {
  return start(group) + (has_super(group) ? 1 + descriptor_blocks_ + reserved_ : 0);
}

std::int64_t Ext4Groups::first_data(std::int64_t group) const {
  return inode_table(group) + table_blocks_;
}

std::int64_t Ext4Groups::end(std::int64_t group) const {
  return std::min(blocks_, start(group + 1));
}

// What is free of a new file system: each group behind its header, in the largest buddies.
Mballoc::Mballoc(const Ext4Groups& groups) : free_(static_cast<std::size_t>(groups.count())) {
  for (std::size_t g = 0; g < free_.size(); ++g) {
    const auto group = static_cast<std::int64_t>(g);
    const std::int64_t start = groups.start(group);
    const std::int64_t end = groups.end(group) - start;
    for (std::int64_t block = groups.first_data(group) - start; block < end;) {
      const int aligned = std::countr_zero(static_cast<std::uint64_t>(block));
      const int order = std::min({aligned, order_of(end - block), kOrders - 1});
      free_[g][static_cast<std::size_t>(order)].insert(start + block);
      block += std::int64_t{1} << order;
    }
  }
}

std::int64_t Mballoc::take(Preallocation& from) {
  --from.left;
  return from.next++;
}

std::int64_t Mballoc::allocate_in(Buddies& free, int order) {
  for (int found = order; found < kOrders; ++found) {
    auto& list = free[static_cast<std::size_t>(found)];
    if (list.empty())
      continue;
    const std::int64_t block = *list.begin();
    list.erase(list.begin());
    while (found > order) {
      --found;
      free[static_cast<std::size_t>(found)].insert(block + (std::int64_t{1} << found));
    }
    return block;
  }
  return -1;
}

std::int64_t Mballoc::allocate(int order) {
  for (std::size_t tried = 0; tried < free_.size(); ++tried) {
    const std::int64_t block = allocate_in(free_[current_], order);
    if (block >= 0)
      return block;
    current_ = current_ == 0 ? free_.size() - 1 : current_ - 1;
  }
  return -1;
}

// A piece, or as much of it as there is in one.
Mballoc::Preallocation Mballoc::preallocate(std::int64_t blocks) {
  for (int order = order_of(blocks); order >= 0; --order) {
    const std::int64_t block = allocate(order);
    if (block >= 0)
      return {block, std::int64_t{1} << order};
  }
  return {-1, 0};
}

std::int64_t Mballoc::data_block(std::int64_t file_block, int block_size, Preallocation& of_inode) {
  if (of_inode.left == 0 && file_block < kSmallFileBlocks) {
    if (locality_group_.left == 0)
      locality_group_ = preallocate(kLocalityGroupBlocks);
    return locality_group_.left > 0 ? take(locality_group_) : -1;
  }
  if (of_inode.left == 0) {
    const std::int64_t end = normalized_end((file_block + 1) * block_size, block_size) / block_size;
    // The first piece of an inode is of all its blocks: those in the locality group are left out.
    const std::int64_t unused = file_block == kSmallFileBlocks ? file_block : 0;
    of_inode = preallocate(end - file_block + unused);
    if (of_inode.left > unused) {
      of_inode.next += unused;
      of_inode.left -= unused;
    }
  }
  return of_inode.left > 0 ? take(of_inode) : -1;
}

std::int64_t Mballoc::metadata_block() {
  for (std::size_t group = 0; group < free_.size(); ++group) {
    const std::int64_t block = allocate_in(free_[group], 0);
    if (block >= 0)
      return block;
  }
  return -1;
}

}  // namespace wbsim
