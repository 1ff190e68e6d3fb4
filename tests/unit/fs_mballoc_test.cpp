// The layout of recordings of 6.1: ext2 on a disk of 2 GiB, mounted by ext4's driver.
#include <catch2/catch.hpp>
#include <set>
#include <utility>
#include <vector>

#include "models/fs/mballoc.hpp"

using namespace wbsim;

namespace {

constexpr std::int64_t kGiB = std::int64_t{1} << 30;

struct Allocator {
  explicit Allocator(int block_size, std::int64_t bytes = 2 * kGiB)
      : size(block_size), groups(bytes / block_size, block_size), mballoc(groups) {}
  std::int64_t next(std::int64_t file_block) {
    return mballoc.data_block(file_block, size, of_inode);
  }
  // {first block on the disk, length} of the runs of a file written from its begin.
  std::vector<std::pair<std::int64_t, std::int64_t>> runs(std::int64_t blocks) {
    std::vector<std::pair<std::int64_t, std::int64_t>> result;
    for (std::int64_t block = 0; block < blocks; ++block) {
      const std::int64_t at = next(block);
      if (!result.empty() && result.back().first + result.back().second == at)
        ++result.back().second;
      else
        result.emplace_back(at, 1);
    }
    return result;
  }
  int size;
  Ext4Groups groups;
  Mballoc mballoc;
  Mballoc::Preallocation of_inode;
};

}  // namespace

TEST_CASE("mke2fs puts descriptors, bitmaps and inodes in front of a group's data", "[fs]") {
  const Ext4Groups groups(2 * kGiB / 4096, 4096);
  CHECK(groups.count() == 16);
  CHECK(groups.descriptor(15) == 1);
  CHECK(groups.block_bitmap(0) == 129);
  CHECK(groups.inode_table(0) == 131);
  CHECK(groups.first_data(0) == 643);
  CHECK(groups.block_bitmap(1) == 263176 / 8);  // behind a copy of the super block
  CHECK(groups.block_bitmap(2) == 524288 / 8);
  CHECK(groups.block_bitmap(15) == 3932160 / 8);

  const Ext4Groups small(2 * kGiB / 1024, 1024);
  CHECK(small.count() == 256);
  CHECK(small.descriptor(255) == 9);
  CHECK(small.block_bitmap(0) == 532 / 2);
  CHECK(small.block_bitmap(1) == 16916 / 2);
  CHECK(small.block_bitmap(30) == 491522 / 2);
  CHECK(small.first_data(0) == 792 / 2);
  CHECK(small.group_of(small.start(7)) == 7);
  CHECK(small.end(255) == 2 * kGiB / 1024);
}

TEST_CASE("a file gets pieces that double up to 2048 blocks, its first 16 among small files",
          "[fs]") {
  Allocator a(4096);
  const auto runs = a.runs(30720 + 15 * 2048 + 1);
  // 16 of the locality group, then the upper half of 32 and 32 more; of 96 the upper 64, 128; of
  // 384 the upper 256, 512. Then 1024 and 8 MiB at a time to the end of the group; the last group,
  // and the one before it.
  const std::vector<std::pair<std::int64_t, std::int64_t>> recorded{{1024, 16},
                                                                    {688, 48},
                                                                    {768, 64},
                                                                    {896, 128},
                                                                    {1664, 256},
                                                                    {2048, 512},
                                                                    {3072, 1024 + 14 * 2048},
                                                                    {15 * 32768 + 2048, 15 * 2048},
                                                                    {14 * 32768 + 2048, 1}};
  CHECK(runs == recorded);
}

TEST_CASE("indirect blocks fill what pieces of data leave", "[fs]") {
  Allocator a(4096);
  static_cast<void>(a.runs(1024));
  std::vector<std::int64_t> blocks;
  for (int i = 0; i < 64; ++i)
    blocks.push_back(a.mballoc.metadata_block());
  CHECK(blocks.front() == 649);
  CHECK(blocks[22] == 671);
  CHECK(blocks[23] == 832);
}

// Group 0 is passed over for 1536 blocks: its free runs are shorter in the mean.
TEST_CASE("blocks of 1 KiB come 2 MiB at a time, three times in a group", "[fs]") {
  Allocator a(1024);
  const std::vector<std::pair<std::int64_t, std::int64_t>> recorded{{513, 16},
                                                                    {433, 48},
                                                                    {1057, 64},
                                                                    {1153, 128},
                                                                    {1409, 256},
                                                                    {2049, 512},
                                                                    {30 * 8192 + 643, 1024},
                                                                    {30 * 8192 + 2049, 3 * 2048}};
  CHECK(a.runs(2048 + 3 * 2048) == recorded);
}

// The groups of a file that fills `bytes`, in order, without the first.
static std::vector<std::int64_t> groups_of(Allocator& a, std::int64_t bytes) {
  std::vector<std::int64_t> order;
  for (const auto& run : a.runs(bytes / a.size))
    if (const std::int64_t group = a.groups.group_of(run.first);
        group != 0 && (order.empty() || group != order.back()))
      order.push_back(group);
  return order;
}

TEST_CASE("groups are taken as their buddies were made, 32 at a time and from the last of these",
          "[fs]") {
  Allocator small(1024);  // two groups' buddies and bitmaps are in one page
  const auto order = groups_of(small, 220 << 20);
  const std::vector<std::int64_t> begin(order.begin(), order.begin() + 6);
  CHECK(begin == std::vector<std::int64_t>{30, 31, 28, 29, 26, 27});
  const std::vector<std::int64_t> next(order.begin() + 28, order.begin() + 35);
  CHECK(next == std::vector<std::int64_t>{2, 3, 1, 62, 63, 60, 61});

  Allocator large(4096, 8 * kGiB);
  const std::vector<std::int64_t> of_large = groups_of(large, 5 * kGiB);
  CHECK(of_large.front() == 31);
  CHECK(of_large[30] == 1);
  CHECK(of_large[31] == 63);
}

TEST_CASE("no block is given twice, in whatever order a file asks", "[fs]") {
  const int size = GENERATE(1024, 2048, 4096);
  const std::int64_t step = GENERATE(1, 7, -1);  // without a common divisor with the number
  constexpr std::int64_t kBlocks = 6000;
  Allocator a(size, 256 << 20);
  std::set<std::int64_t> given;
  std::int64_t asked = 0;
  for (std::int64_t n = 0; n < kBlocks; ++n) {
    const std::int64_t data = a.next(((n * step) % kBlocks + kBlocks) % kBlocks);
    REQUIRE(data >= a.groups.first_free(0));
    REQUIRE(data < (256 << 20) / size);
    given.insert(data);
    given.insert(a.mballoc.metadata_block());
    asked += 2;
  }
  CHECK(static_cast<std::int64_t>(given.size()) == asked);
}

TEST_CASE("a full disk has no block left", "[fs]") {
  const Ext4Groups groups(2048, 1024);
  Mballoc mballoc(groups);
  Mballoc::Preallocation of_inode;
  std::int64_t blocks = 0;
  while (mballoc.data_block(blocks, 1024, of_inode) >= 0)
    ++blocks;
  CHECK(blocks <= 2048 - groups.first_data(0));
  CHECK(blocks >= (2048 - groups.first_data(0)) / 2);
}
