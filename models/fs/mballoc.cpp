#include "models/fs/mballoc.hpp"

#include <algorithm>
#include <bit>

namespace wbsim {

namespace {

constexpr std::int64_t kDescriptorBytes = 32;
constexpr std::int64_t kBytesPerInode = 16384;  // of mke2fs.conf
constexpr std::int64_t kGrowth = 1024;          // times as large it may become
constexpr std::int64_t kKiB = 1024, kMiB = 1024 * kKiB;
constexpr std::int64_t kLostAndFoundBytes = 16 * kKiB;
constexpr std::int64_t kDirectBlocks = 12;
constexpr std::int64_t kSmallFileBlocks = 16;       // s_mb_stream_request
constexpr std::int64_t kLocalityGroupBlocks = 512;  // s_mb_group_prealloc
constexpr std::int64_t kPrefetchedGroups = 32;      // s_mb_prefetch, without flex_bg
constexpr std::int64_t kPageBytes = 4096;

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
          div_up(blocks_per_group() * block_size / kBytesPerInode * kExt4InodeBytes, block_size)) {}

std::int64_t Ext4Groups::descriptor(std::int64_t group) const {
  return first_block_ + 1 + group * kDescriptorBytes / block_size_;
}

std::int64_t Ext4Groups::block_bitmap(std::int64_t group) const {
  return start(group) + (has_super(group) ? 1 + descriptor_blocks_ + reserved_ : 0);
}

std::int64_t Ext4Groups::first_data(std::int64_t group) const {
  return inode_table(group) + table_blocks_;
}

// Behind the root directory, lost+found, and the indirect block of the reserved descriptors.
std::int64_t Ext4Groups::first_free(std::int64_t group) const {
  if (group != 0)
    return first_data(group);
  return first_data(0) + 1 + std::min(kLostAndFoundBytes / block_size_, kDirectBlocks) + 1;
}

std::int64_t Ext4Groups::end(std::int64_t group) const {
  return std::min(blocks_, start(group + 1));
}

std::int64_t Ext4Groups::buddies_per_page() const {
  return std::max<std::int64_t>(kPageBytes / (2 * block_size_), 1);
}

namespace {
// ext4_mb_prefetch_fini(): bitmaps are read for 32 groups at a time, and their buddies are made
// from the last group down; with one, those of the groups before it in its page.
std::vector<std::size_t> order_of_groups(const Ext4Groups& groups) {
  std::vector<std::size_t> order{0};
  const std::int64_t together = groups.buddies_per_page();
  for (std::int64_t start = 0; start < groups.count(); start += kPrefetchedGroups) {
    const std::int64_t end = std::min(start + kPrefetchedGroups, groups.count());
    for (std::int64_t page = (end - 1) / together; page >= start / together; --page)
      for (std::int64_t g = page * together; g < std::min((page + 1) * together, end); ++g)
        order.push_back(static_cast<std::size_t>(g));
  }
  return order;
}
}  // namespace

// What is free of a new file system: each group behind its header.
Mballoc::Mballoc(const Ext4Groups& groups) : order_(order_of_groups(groups)) {
  for (std::int64_t g = 0; g < groups.count(); ++g) {
    const std::int64_t start = groups.start(g);
    groups_.push_back({start});
    groups_.back().add({groups.first_free(g) - start, groups.end(g) - start});
  }
}

// In the largest buddies.
void Mballoc::Group::add(Run run) {
  while (run.start < run.end) {
    const int aligned = std::countr_zero(static_cast<std::uint64_t>(run.start));
    const int order = std::min({aligned, order_of(run.end - run.start), kOrders - 1});
    free[static_cast<std::size_t>(order)].insert(run.start);
    run.start += std::int64_t{1} << order;
  }
}

void Mballoc::Group::remove(Run run) {
  for (int order = 0; order < kOrders; ++order) {
    auto& list = free[static_cast<std::size_t>(order)];
    auto buddy = list.lower_bound(run.start);
    while (buddy != list.end() && *buddy < run.end)
      buddy = list.erase(buddy);
  }
}

std::vector<Mballoc::Run> Mballoc::Group::runs() const {
  std::vector<Run> buddies;
  for (int order = 0; order < kOrders; ++order)
    for (const std::int64_t block : free[static_cast<std::size_t>(order)])
      buddies.push_back({block, block + (std::int64_t{1} << order)});
  std::sort(buddies.begin(), buddies.end(),
            [](const Run& a, const Run& b) { return a.start < b.start; });
  std::vector<Run> joined;
  for (const Run& buddy : buddies) {
    if (!joined.empty() && joined.back().end == buddy.start)
      joined.back().end = buddy.end;
    else
      joined.push_back(buddy);
  }
  return joined;
}

// ext4_mb_simple_scan_group()
std::int64_t Mballoc::Group::allocate(int order) {
  for (int found = order; found < kOrders; ++found) {
    auto& list = free[static_cast<std::size_t>(found)];
    if (list.empty())
      continue;
    const std::int64_t block = *list.begin();
    list.erase(list.begin());
    add({block + (std::int64_t{1} << order), block + (std::int64_t{1} << found)});
    return start + block;
  }
  return -1;
}

// ext4_mb_complex_scan_group() at criteria 1, if ext4_mb_good_group() lets it.
std::int64_t Mballoc::Group::allocate_run(std::int64_t blocks) {
  const std::vector<Run> all = runs();
  std::int64_t total = 0;
  for (const Run& run : all)
    total += run.end - run.start;
  if (total < blocks * static_cast<std::int64_t>(all.size()))
    return -1;
  const auto fits = [blocks](const Run& run) { return run.end - run.start >= blocks; };
  const auto run = std::find_if(all.begin(), all.end(), fits);
  if (run == all.end())
    return -1;
  remove(*run);
  add({run->start + blocks, run->end});
  return start + run->start;
}

std::int64_t Mballoc::take(Preallocation& from) {
  --from.left;
  return from.next++;
}

template <class AllocateIn>
std::int64_t Mballoc::allocate(AllocateIn allocate_in) {
  for (std::size_t tried = 0; tried < order_.size(); ++tried) {
    const std::size_t at = (current_ + tried) % order_.size();
    const std::int64_t block = allocate_in(groups_[order_[at]]);
    if (block < 0)
      continue;
    current_ = at;
    return block;
  }
  return -1;
}

// A piece, or as much of it as there is in one.
Mballoc::Preallocation Mballoc::preallocate(std::int64_t blocks) {
  if (!std::has_single_bit(static_cast<std::uint64_t>(blocks))) {
    const std::int64_t block = allocate([=](Group& g) { return g.allocate_run(blocks); });
    if (block >= 0)
      return {block, blocks};
  }
  for (int order = order_of(blocks); order >= 0; --order) {
    const std::int64_t block = allocate([=](Group& g) { return g.allocate(order); });
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
    const Run wanted = normalized(file_block, block_size);
    const std::int64_t covered = of_inode.covered;
    const std::int64_t from = covered <= file_block ? std::max(wanted.start, covered) : file_block;
    const std::int64_t unused = file_block - from;
    of_inode = preallocate(wanted.end - from);
    of_inode.covered = covered;
    if (unused > 0 && of_inode.left > unused) {
      of_inode.covered = from + of_inode.left;
      of_inode.next += unused;
      of_inode.left -= unused;
    }
  }
  return of_inode.left > 0 ? take(of_inode) : -1;
}

std::int64_t Mballoc::metadata_block() {
  for (const std::size_t group : order_) {
    const std::int64_t block = groups_[group].allocate(0);
    if (block >= 0)
      return block;
  }
  return -1;
}

// ext4_mb_normalize_request(): which blocks of the file are to lie together with this one.
Mballoc::Run Mballoc::normalized(std::int64_t file_block, std::int64_t block_size) {
  const std::int64_t bytes = (file_block + 1) * block_size;
  if (bytes <= kMiB)
    return {0, static_cast<std::int64_t>(
                   std::bit_ceil(static_cast<std::uint64_t>(std::max(bytes, 16 * kKiB)))) /
                   block_size};
  // A piece has at most 2048 blocks.
  std::int64_t piece = 8 * kMiB;
  if (bytes <= 4 * kMiB || block_size <= kKiB)
    piece = 2 * kMiB;
  else if (bytes <= 8 * kMiB || block_size <= 2 * kKiB)
    piece = 4 * kMiB;
  const std::int64_t number = (bytes - 1) / piece;
  return {number * piece / block_size, (number + 1) * piece / block_size};
}

}  // namespace wbsim
