// The LRU lists of the 2.4 buffer cache, without an engine: who goes where, in which order.
#include <catch2/catch.hpp>
#include <deque>

#include "tests/support/buffer24_text.hpp"

namespace wbsim::v24 {
namespace {

constexpr int kSize = 4096;

struct Cache : BufferCache {
  explicit Cache(Release r) : BufferCache({r, 4096, 4096}) {}

  // A buffer of a page of its own, mapped to that block.
  BufferHead& add(std::int64_t block, BlockDevice* on = nullptr) {
    Page& page = pages.emplace_back();
    page = Page{};
    BufferHead& bh = *create_buffers(page, kSize, false);
    attach(page, bh);
    bh.b_dev = on ? on : &dev;
    bh.b_blocknr = block;
    bh.set(BH_Mapped | BH_Uptodate);
    return bh;
  }
  BufferHead& add_dirty(std::int64_t block, std::int64_t flushtime = 0, BlockDevice* on = nullptr) {
    BufferHead& bh = add(block, on);
    mark_dirty(bh, Jiffies(flushtime));
    return bh;
  }
  std::string list(BufferList which) { return blocks(lru_list(which)); }
  void unlock(BufferHead& bh) {
    end_write(bh);
    bh.clear(BH_Lock);
    brelse(bh);
  }

  std::deque<Page> pages;
  BlockDevice dev{1, nullptr, nullptr};
  BlockDevice other{2, nullptr, nullptr};
};

TEST_CASE("BUF_DIRTY is in the order in which buffers became dirty", "[fs]") {
  Cache cache(Release::k2417);
  BufferHead& first = cache.add_dirty(9, 3000);
  cache.add_dirty(7, 3001);
  cache.add_dirty(8, 3002);

  CHECK(cache.list(BUF_DIRTY) == "9 7 8");
  SECTION("dirtying a dirty buffer neither moves it nor renews its b_flushtime") {
    CHECK_FALSE(cache.mark_dirty(first, Jiffies(9000)));
    CHECK(first.b_flushtime == Jiffies(3000));
    CHECK(cache.list(BUF_DIRTY) == "9 7 8");
    CHECK(cache.nr_buffers_type(BUF_DIRTY) == 3);
  }
  SECTION("one that was cleaned in between goes to the tail with a new time") {
    first.set(BH_Lock);
    cache.start_write(first);
    cache.refile_buffer(first);
    CHECK(cache.mark_dirty(first, Jiffies(9000)));
    CHECK(cache.list(BUF_DIRTY) == "7 8 9");
    CHECK(first.b_flushtime == Jiffies(9000));
  }
}

TEST_CASE("refile_buffer() files by Dirty, then Lock, and counts buffers and bytes", "[fs]") {
  Cache cache(Release::k2417);
  BufferHead& bh = cache.add_dirty(1);
  CHECK(cache.size_buffers_type(BUF_DIRTY) == Bytes(kSize));

  bh.set(BH_Lock);
  cache.refile_buffer(bh);
  CHECK(bh.b_list == BUF_DIRTY);  // dirty and locked is dirty

  cache.start_write(bh);
  cache.refile_buffer(bh);
  CHECK(bh.b_list == BUF_LOCKED);
  CHECK(cache.size_buffers_type(BUF_DIRTY) == Bytes(0));
  CHECK(cache.size_buffers_type(BUF_LOCKED) == Bytes(kSize));

  cache.end_write(bh);
  bh.clear(BH_Lock);
  CHECK(bh.b_list == BUF_LOCKED);  // until somebody refiles it
  cache.refile_buffer(bh);
  CHECK(bh.b_list == BUF_CLEAN);
  CHECK(cache.nr_buffers_type(BUF_CLEAN) == 1);
  cache.check();
}

TEST_CASE("a buffer that turns clean leaves its inode's list, one that is written does not",
          "[fs]") {
  Cache cache(Release::k2417);
  InodeBuffers inode;
  BufferHead& bh = cache.add_dirty(1);
  cache.buffer_insert_inode_queue(bh, inode);
  bh.set(BH_Lock);
  cache.start_write(bh);
  cache.refile_buffer(bh);
  CHECK(bh.b_inode == &inode);
  cache.end_write(bh);
  bh.clear(BH_Lock);
  cache.refile_buffer(bh);
  CHECK(bh.b_inode == nullptr);
  CHECK(inode.list.empty());
}

TEST_CASE("an inode's dirty buffers are listed newest first, each on one list only", "[fs]") {
  Cache cache(Release::k2417);
  InodeBuffers one, two;
  for (int block : {3, 4, 5})
    cache.buffer_insert_inode_queue(cache.add_dirty(block), one);
  CHECK(blocks(one.list) == "5 4 3");

  BufferHead& four = *std::next(one.list.begin());
  cache.buffer_insert_inode_queue(four, two);
  CHECK(blocks(one.list) == "5 3");
  CHECK(blocks(two.list) == "4");

  SECTION("invalidate_inode_buffers() unlinks them and changes nothing else") {
    cache.invalidate_inode_buffers(one);
    CHECK(one.list.empty());
    CHECK(cache.list(BUF_DIRTY) == "3 4 5");
    CHECK(cache.ledger().dirty == Bytes(3 * kSize));
  }
}

TEST_CASE("2.4.0 writes the oldest unlocked dirty buffer next", "[fs]") {
  Cache cache(Release::k240);
  CHECK(cache.oldest_unlocked() == nullptr);
  BufferHead& locked = cache.add_dirty(1);
  BufferHead& cleaned = cache.add_dirty(2);
  BufferHead& next = cache.add_dirty(3);
  locked.set(BH_Lock);
  cache.discard(cleaned);  // clean, but still on BUF_DIRTY

  CHECK(cache.oldest_unlocked() == &next);
  CHECK(cleaned.b_list == BUF_CLEAN);
  CHECK(cache.list(BUF_DIRTY) == "1 3");
}

TEST_CASE("2.4.17 takes 32 dirty buffers at a time, oldest first, and locks them", "[fs]") {
  Cache cache(Release::k2417);
  std::vector<BufferHead*> all;
  for (int block = 0; block < 40; ++block)
    all.push_back(&cache.add_dirty(block));
  all[1]->set(BH_Lock);
  cache.discard(*all[2]);
  std::array<BufferHead*, kNrSync> taken{};

  REQUIRE(cache.take_some_buffers(nullptr, taken) == kNrSync);
  CHECK(taken.front() == all[0]);
  CHECK(taken[1] == all[3]);
  CHECK(taken.back() == all[33]);
  CHECK(taken.back()->test_all(BH_Lock | BH_Mapped));
  CHECK_FALSE(taken.back()->test(BH_Dirty));
  CHECK(taken.back()->b_count == 1);
  CHECK(cache.nr_buffers_type(BUF_LOCKED) == kNrSync);
  CHECK(cache.list(BUF_DIRTY) == "1 34 35 36 37 38 39");
  CHECK(cache.list(BUF_CLEAN) == "2");
  CHECK(cache.ledger().writeback == Bytes(kNrSync * kSize));

  CHECK(cache.take_some_buffers(nullptr, taken) == 6);
  cache.check();
}

TEST_CASE("2.4.17 leaves the buffers of other devices alone when one is asked for", "[fs]") {
  Cache cache(Release::k2417);
  cache.add_dirty(1);
  BufferHead& wanted = cache.add_dirty(2, 0, &cache.other);
  std::array<BufferHead*, kNrSync> taken{};
  REQUIRE(cache.take_some_buffers(&cache.other, taken) == 1);
  CHECK(taken[0] == &wanted);
  CHECK(cache.list(BUF_DIRTY) == "1");
  CHECK(cache.oldest_locked(&cache.dev) == nullptr);
  CHECK(cache.oldest_locked(nullptr) == &wanted);
}

TEST_CASE("looking for a locked buffer refiles those whose write has ended", "[fs]") {
  Cache cache(Release::k2417);
  for (int block : {1, 2, 3})
    cache.add_dirty(block);
  std::array<BufferHead*, kNrSync> taken{};
  cache.take_some_buffers(nullptr, taken);
  cache.unlock(*taken[0]);

  CHECK(cache.list(BUF_LOCKED) == "1 2 3");
  CHECK(cache.oldest_locked(nullptr) == taken[1]);
  CHECK(cache.list(BUF_LOCKED) == "2 3");
  CHECK(cache.list(BUF_CLEAN) == "1");
}

TEST_CASE("the books of the 2.4 buffers balance", "[fs]") {
  Cache cache(Release::k2417);
  BufferLedger disk;
  cache.dev.ledger = &disk;
  BufferHead& dropped = cache.add_dirty(1);
  cache.add_dirty(2);
  std::array<BufferHead*, kNrSync> taken{};
  cache.discard(dropped);
  REQUIRE(cache.take_some_buffers(nullptr, taken) == 1);
  cache.mark_dirty(*taken[0], Jiffies(5));  // while it is being written
  cache.unlock(*taken[0]);

  CHECK(disk.dirtied == Bytes(3 * kSize));
  CHECK(disk.discarded == Bytes(kSize));
  CHECK(disk.written == Bytes(kSize));
  CHECK(disk.dirty == Bytes(kSize));
  CHECK(disk.peak_dirty == Bytes(2 * kSize));
  CHECK(disk.peak_both == Bytes(2 * kSize));
  CHECK(disk.conserved());
  CHECK(cache.ledger().conserved());
}

}  // namespace
}  // namespace wbsim::v24
