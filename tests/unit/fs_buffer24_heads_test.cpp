// Heads, free lists and the hash of the 2.4 buffer cache, without an engine.
#include <catch2/catch.hpp>
#include <vector>

#include "tests/support/buffer24_text.hpp"

namespace wbsim::v24 {
namespace {

CacheParams params(Release release, std::int64_t heads_max = 4096) {
  return {release, heads_max, 4096};
}

TEST_CASE("create_buffers() makes heads from the page's end backwards, ascending", "[fs]") {
  BufferCache cache(params(Release::k240));
  Page page{};
  BufferHead* const first = cache.create_buffers(page, 1024, false);
  REQUIRE(first);
  // The last one made is the first of the page.
  std::vector<std::uint32_t> ids;
  for (BufferHead* bh = first; bh; bh = bh->b_this_page) {
    ids.push_back(bh->b_id);
    CHECK(bh->b_state == 0);
    CHECK(bh->b_count == 0);
    CHECK(bh->b_dev == nullptr);
    CHECK(bh->b_list == BUF_CLEAN);
    CHECK(bh->b_end_io == EndIo::kNone);
  }
  CHECK(ids == std::vector<std::uint32_t>{4, 3, 2, 1});

  cache.attach(page, *first);
  CHECK(page.buffers == 4);
  CHECK(cache[1].b_this_page == first);
}

TEST_CASE("a page's buffers go behind the head of the free list, and then before it", "[fs]") {
  BufferCache cache(params(Release::k240));
  BlockDevice dev{3, nullptr, nullptr};
  Page a{}, b{};
  REQUIRE(cache.grow_free_list(a, 1024));
  CHECK(places(cache.free_list(1024), a) == "a0 a1 a2 a3");

  // The list is now A, B, C with A = a1.
  cache.take_from_free_list(dev, 7, 1024);
  CHECK(places(cache.free_list(1024), a) == "a1 a2 a3");
  REQUIRE(cache.grow_free_list(b, 1024));
  CHECK(places(cache.free_list(1024), a) == "b0 b1 b2 b3 a2 a3 a1");

  CHECK(cache.take_from_free_list(dev, 8, 1024) == &cache.page_buffers(b));
}

TEST_CASE("each size has a free list of its own; odd sizes have none", "[fs]") {
  BufferCache cache(params(Release::k240));
  BlockDevice dev{3, nullptr, nullptr};
  Page page{}, unused{};
  REQUIRE(cache.grow_free_list(page, 512));
  CHECK(places(cache.free_list(512), page) == "a0 a1 a2 a3 a4 a5 a6 a7");
  CHECK(cache.free_list(1024).empty());
  CHECK(cache.take_from_free_list(dev, 1, 4096) == nullptr);
  CHECK_FALSE(cache.grow_free_list(unused, 1000));
  CHECK_FALSE(cache.grow_free_list(unused, 8192));
}

TEST_CASE("a buffer from the free list is mapped, hashed, referenced and last on BUF_CLEAN",
          "[fs]") {
  BufferCache cache(params(Release::k240));
  BlockDevice dev{3, nullptr, nullptr}, other{4, nullptr, nullptr};
  Page page{};
  cache.grow_free_list(page, 2048);
  BufferHead* const first = cache.take_from_free_list(dev, 70, 2048);
  BufferHead* const second = cache.take_from_free_list(dev, 30, 2048);
  CHECK(first->b_state == BH_Mapped);
  CHECK(first->b_count == 1);
  CHECK(blocks(cache.lru_list(BUF_CLEAN)) == "70 30");

  CHECK(cache.get_hash_table(dev, 30) == second);
  CHECK(second->b_count == 2);
  CHECK(cache.get_hash_table(other, 30) == nullptr);
  CHECK(cache.get_hash_table(dev, 31) == nullptr);
}

TEST_CASE("bforget() of 2.4.0 drops the last reference's buffer unwritten", "[fs]") {
  BufferCache cache(params(Release::k240));
  BlockDevice dev{3, nullptr, nullptr};
  Page page{};
  cache.grow_free_list(page, 2048);
  BufferHead& bh = *cache.take_from_free_list(dev, 70, 2048);
  cache.mark_dirty(bh, Jiffies(100));

  SECTION("with another reference it only lets go") {
    ++bh.b_count;
    cache.bforget(bh);
    CHECK(bh.b_count == 1);
    CHECK(bh.test(BH_Dirty));
    CHECK(cache.nr_buffers_type(BUF_DIRTY) == 1);
  }
  SECTION("a locked one stays") {
    bh.set(BH_Lock);
    cache.bforget(bh);
    CHECK(bh.b_count == 0);
    CHECK(bh.test(BH_Dirty));
    CHECK(bh.hashed);
  }
  SECTION("otherwise it goes to the tail of its free list") {
    cache.bforget(bh);
    CHECK(cache.get_hash_table(dev, 70) == nullptr);
    CHECK(bh.b_dev == nullptr);
    CHECK(bh.b_state == 0);
    CHECK(places(cache.free_list(2048), page) == "a1 a0");
    CHECK(cache.nr_buffers_type(BUF_DIRTY) == 0);
    CHECK(cache.ledger().discarded == Bytes(2048));
  }
}

TEST_CASE("bforget() of 2.4.17 cleans the buffer, files it and lets go", "[fs]") {
  BufferCache cache(params(Release::k2417));
  BlockDevice dev{3, nullptr, nullptr};
  Page page{};
  REQUIRE(cache.hash_page_buffers(page, dev, 40, 1024));
  BufferHead& bh = *cache.get_hash_table(dev, 41);
  cache.mark_dirty(bh, Jiffies(100));
  cache.bforget(bh);
  CHECK(bh.b_count == 0);
  CHECK_FALSE(bh.test(BH_Dirty));
  CHECK(bh.b_list == BUF_CLEAN);
  CHECK(cache.get_hash_table(dev, 41) == &bh);  // still there
}

TEST_CASE("a page of the device gives all its blocks to the hash", "[fs]") {
  BufferCache cache(params(Release::k2417));
  BlockDevice dev{3, nullptr, nullptr};
  Page page{};
  page.set(PG_uptodate);
  REQUIRE(cache.hash_page_buffers(page, dev, 40, 1024));
  for (int block = 40; block < 44; ++block) {
    BufferHead* const bh = cache.get_hash_table(dev, block);
    REQUIRE(bh);
    CHECK(bh->test_all(BH_Mapped | BH_Uptodate));
  }
  CHECK(cache.get_hash_table(dev, 44) == nullptr);
}

TEST_CASE("the reserve of heads is for async callers", "[fs]") {
  // Room for four pages of eight; 2.4.0 reserves 16 heads.
  BufferCache cache(params(Release::k240, 32));
  CHECK(cache.nr_reserved() == 16);
  CHECK(BufferCache(params(Release::k2417)).nr_reserved() == 80);
  std::array<Page, 4> pages{};
  for (Page& page : pages) {
    BufferHead* const first = cache.create_buffers(page, 512, false);
    REQUIRE(first);
    cache.attach(page, *first);
  }
  Page more{};
  CHECK(cache.create_buffers(more, 512, true) == nullptr);

  // Sixteen are given back: they are the reserve.
  REQUIRE(cache.drop_buffers(pages[0]));
  REQUIRE(cache.drop_buffers(pages[1]));
  CHECK(cache.nr_unused() == 16);
  CHECK(cache.create_buffers(more, 512, false) == nullptr);
  CHECK(cache.nr_unused() == 16);  // what it had taken went back
  CHECK(cache.create_buffers(more, 512, true) != nullptr);
  CHECK(cache.nr_unused() == 8);
}

TEST_CASE("an unused head is taken above the reserve, up to it the slab gives a new one", "[fs]") {
  BufferCache cache(params(Release::k240));
  std::array<Page, 3> pages{};
  for (Page& page : pages)
    cache.attach(page, *cache.create_buffers(page, 512, false));
  for (Page& page : pages)
    REQUIRE(cache.drop_buffers(page));
  REQUIRE(cache.nr_unused() == 24);  // eight above the reserve
  Page page{};
  cache.attach(page, *cache.create_buffers(page, 512, false));
  CHECK(cache.nr_unused() == 16);
  Page more{};
  cache.attach(more, *cache.create_buffers(more, 512, true));
  CHECK(cache.nr_unused() == 16);
}

TEST_CASE("heads above the reserve and 20 more go back to the slab", "[fs]") {
  BufferCache cache(params(Release::k240));
  std::array<Page, 6> pages{};
  for (Page& page : pages)
    cache.attach(page, *cache.create_buffers(page, 512, false));
  for (Page& page : pages)
    REQUIRE(cache.drop_buffers(page));
  CHECK(cache.nr_unused() == 36);  // MAX_UNUSED_BUFFERS
  CHECK(cache.heads_in_use() == 0);
}

TEST_CASE("a page with a busy buffer keeps all of them", "[fs]") {
  BufferCache cache(params(Release::k240));
  BlockDevice dev{3, nullptr, nullptr};
  Page page{};
  cache.grow_free_list(page, 2048);
  BufferHead& bh = *cache.take_from_free_list(dev, 70, 2048);
  CHECK_FALSE(cache.drop_buffers(page));  // a reference
  cache.mark_dirty(bh, Jiffies(1));
  cache.brelse(bh);
  CHECK_FALSE(cache.drop_buffers(page));  // dirty
  cache.discard(bh);
  bh.set(BH_Lock);
  CHECK_FALSE(cache.drop_buffers(page));  // locked
  bh.clear(BH_Lock);
  CHECK(cache.drop_buffers(page));
  CHECK(cache.get_hash_table(dev, 70) == nullptr);
  CHECK(cache.free_list(2048).empty());
  CHECK_FALSE(page.test(PG_private));
}

}  // namespace
}  // namespace wbsim::v24
