// Rings of buffers: how they are made, dirtied, invalidated and freed; tags against page bits.
#include <catch2/catch.hpp>
#include <set>

#include "models/fs/buffer.hpp"
#include "models/fs/buffer_io.hpp"
#include "tests/support/fs_buffer_text.hpp"

namespace wbsim {
namespace {

bool dirty_tag(const Page& page) {
  return page.mapping->pages.tagged(page.index, PageTag::kDirty);
}
bool writeback_tag(const Page& page) {
  return page.mapping->pages.tagged(page.index, PageTag::kWriteback);
}

TEST_CASE("buffer-heads 1.1: clear_page_dirty_for_io leaves the DIRTY tag", "[fs]") {
  FsFixture f;
  Page& page = f.add_page(3);
  CHECK(set_page_dirty_buffers(f.vfs, page, nullptr));
  CHECK_FALSE(set_page_dirty_buffers(f.vfs, page, nullptr));
  CHECK(f.cache.counters().nr_file_dirty == Pages(1));
  CHECK(f.bdi.reclaimable.sum() == Pages(1));
  f.lock(page);
  CHECK(f.cache.clear_page_dirty_for_io(page));
  CHECK_FALSE(page.test(PG_dirty));
  CHECK(dirty_tag(page));  // 14.1
  CHECK(f.cache.counters().nr_file_dirty == Pages(0));
  CHECK(f.bdi.reclaimable.sum() == Pages(0));
  CHECK_FALSE(f.cache.clear_page_dirty_for_io(page));

  f.cache.set_page_writeback(page);
  CHECK_FALSE(dirty_tag(page));
  CHECK(writeback_tag(page));
  CHECK(f.cache.counters().nr_writeback == Pages(1));
  CHECK(f.bdi.writeback.sum() == Pages(1));
  f.cache.unlock_page(page);
  f.cache.end_page_writeback(page);
  CHECK_FALSE(writeback_tag(page));
  CHECK(f.cache.counters().nr_writeback == Pages(0));
  CHECK(f.bdi.writeback.sum() == Pages(0));
  CHECK(f.bdi.written.sum() == Pages(1));
  CHECK(f.cache.counters().nr_written == Pages(1));
  f.cache.check();
}

TEST_CASE("buffer-heads 1.1: a page redirtied between the two steps keeps its DIRTY tag", "[fs]") {
  FsFixture f;
  Page& page = f.add_page(3);
  set_page_dirty_buffers(f.vfs, page, nullptr);
  f.lock(page);
  f.cache.clear_page_dirty_for_io(page);
  set_page_dirty_buffers(f.vfs, page, nullptr);
  f.cache.set_page_writeback(page);
  CHECK(page.test(PG_dirty));
  CHECK(dirty_tag(page));
  CHECK(writeback_tag(page));
  f.cache.unlock_page(page);
  f.cache.end_page_writeback(page);
  CHECK(dirty_tag(page));
  CHECK(f.cache.counters().nr_file_dirty == Pages(1));
  f.cache.check();
}

TEST_CASE("buffer-heads 1.1: a page dirtied under write-back gets the tag back", "[fs]") {
  FsFixture f;
  Page& page = f.add_page(3);
  set_page_dirty_buffers(f.vfs, page, nullptr);
  f.lock(page);
  f.cache.clear_page_dirty_for_io(page);
  f.cache.set_page_writeback(page);
  f.cache.unlock_page(page);
  CHECK_FALSE(dirty_tag(page));
  set_page_dirty_buffers(f.vfs, page, nullptr);
  CHECK(dirty_tag(page));
  CHECK(writeback_tag(page));
  f.cache.check();
}

TEST_CASE("buffer-heads 2: the ring is closed, ascending, with every flag clear", "[fs]") {
  for (const int block_size : {512, 1024, 2048, 4096}) {
    FsSetup setup;
    setup.block_size = block_size;
    FsFixture f(setup);
    Page& page = f.add_page(0);
    create_empty_buffers(f.vfs, page, block_size, 0);
    CHECK(page.test(PG_private));
    const BufferHead* bh = &page_buffers(f.vfs, page);
    for (int i = 0; i < 4096 / block_size; ++i) {
      CHECK(bh->offset() == std::int64_t{i} * block_size);
      CHECK(bh->b_size() == block_size);
      CHECK(bh->b_state() == 0);
      CHECK(bh->b_blocknr() == -1);
      CHECK(&page_of(f.vfs, *bh) == &page);
      CHECK(bh == &ring_of(f.vfs, page)[static_cast<std::size_t>(i)]);
      bh = &bh->next();
    }
    CHECK(bh == &page_buffers(f.vfs, page));
  }
}

TEST_CASE("buffer-heads 2: the list is in ascending order, the last closes the ring", "[fs]") {
  FsFixture f;
  Page& page = f.add_page(0);
  create_empty_buffers(f.vfs, page, 1024, 0);
  for (int i = 0; i < 4; ++i) {
    CHECK(f.buffer(page, i).b_number() == i);
    CHECK(&f.buffer(page, i).next() == &f.buffer(page, (i + 1) % 4));
  }
}

TEST_CASE("buffer-heads 1.2: what a buffer knows fits in 8 bytes and does not mix", "[fs]") {
  constexpr unsigned kAll = (1U << 14) - 1;
  for (const std::int64_t block :
       {std::int64_t{-1}, std::int64_t{0}, std::int64_t{1} << 32, BufferHead::kMostBlocks - 1}) {
    BufferHead bh(10, 0);
    CHECK(bh.b_blocknr() == -1);
    CHECK(bh.b_end_io() == BufferEndIo::kNone);
    bh.set_blocknr(block);
    bh.set(kAll);
    bh.set_end_io(BufferEndIo::kReadSync);
    bh.set_end_io(BufferEndIo::kWriteSync);
    CHECK(bh.b_state() == kAll);
    CHECK(bh.b_blocknr() == block);
    CHECK(bh.b_end_io() == BufferEndIo::kWriteSync);
    CHECK(bh.b_size() == 1024);
    CHECK(bh.b_number() == 3);
    bh.clear(kAll);
    CHECK(bh.b_state() == 0);
    CHECK(bh.b_blocknr() == block);
    CHECK(bh.b_end_io() == BufferEndIo::kWriteSync);
  }
}

TEST_CASE("buffer-heads 1.2: every buffer of every page lies apart and knows its page", "[fs]") {
  constexpr PageId kPages = 21;
  BufferPool pool(Pages{kPages});
  std::set<BufferId> ids;
  for (const int blkbits : {9, 10, 11, 12}) {
    const BufferHead last(blkbits, 0);
    const auto count = static_cast<std::size_t>(last.ring_size());
    for (PageId page = 1; page <= kPages + 1; ++page) {
      for (BufferHead& bh : pool.ring(page, count)) {
        bh = last;
        CHECK(pool.b_page(bh) == page);
        CHECK(&pool[pool.id_of(bh)] == &bh);
        CHECK(ids.insert(pool.id_of(bh)).second);
      }
    }
  }
  CHECK(ids.size() == 15 * (kPages + 1));
  CHECK(ids.count(0) == 0);
}

TEST_CASE("buffer-heads 2: all buffers inherit dirty and uptodate from their page", "[fs]") {
  FsFixture f;
  f.file.i_size = 100;  // those beyond the end of the file too
  const auto buffers_with = [&](PageIndex index, bool dirty, bool uptodate, unsigned initial) {
    Page& page = f.add_page(index);
    if (uptodate)
      page.set(PG_uptodate);
    if (dirty)
      f.cache.set_page_dirty(page, nullptr);
    create_empty_buffers(f.vfs, page, 1024, initial);
    return buffers_of(f, page);
  };
  CHECK(buffers_with(0, false, false, 0) == Texts(4, ""));
  CHECK(buffers_with(1, true, false, 0) == Texts(4, "D"));
  CHECK(buffers_with(2, false, true, 0) == Texts(4, "U"));
  CHECK(buffers_with(3, true, true, 0) == Texts(4, "UD"));
  CHECK(buffers_with(4, false, false, BH_Dirty | BH_Uptodate) == Texts(4, "UD"));
}

TEST_CASE("buffer-heads 3: __set_page_dirty_buffers dirties all, mark_buffer_dirty one", "[fs]") {
  FsFixture f;
  Page& all = add_page(f, 0, {"UM@1", "", "U", "UM@4"});
  CHECK(set_page_dirty_buffers(f.vfs, all, nullptr));
  CHECK(buffers_of(f, all) == Texts{"UDM@1", "D", "UD", "UDM@4"});
  CHECK(f.dirtied == std::vector<Inode*>{&f.file});
  CHECK(f.file.i_state == I_DIRTY_PAGES);

  Page& one = add_page(f, 1, {"UM@1", "", "U", "UM@4"});
  mark_buffer_dirty(f.vfs, f.buffer(one, 2), nullptr);
  CHECK(buffers_of(f, one) == Texts{"UM@1", "", "UD", "UM@4"});
  CHECK(one.test(PG_dirty));
  CHECK(dirty_tag(one));
  CHECK(f.cache.counters().nr_file_dirty == Pages(2));
  CHECK(f.dirtied.size() == 1);  // dirtying a dirty inode moves nothing
}

TEST_CASE("buffer-heads 3: dirtying what is dirty is free", "[fs]") {
  FsFixture f;
  Page& page = add_page(f, 0, {"UDM@1", "UM@2", "U", "U"});
  const Pages before = f.cache.counters().nr_dirtied;
  mark_buffer_dirty(f.vfs, f.buffer(page, 0), &f.task);
  mark_buffer_dirty(f.vfs, f.buffer(page, 1), &f.task);
  CHECK_FALSE(set_page_dirty_buffers(f.vfs, page, &f.task));
  CHECK(f.cache.counters().nr_dirtied == before);
  CHECK(f.cache.dirtyings().fraction(f.task.dirties).numerator == 0);
  CHECK(f.dirtied.empty());
}

TEST_CASE("buffer-heads 3: a newly dirty page counts for its dirtier, its device and all", "[fs]") {
  FsFixture f;
  Page& page = f.add_page(0);
  set_page_dirty_buffers(f.vfs, page, &f.task);
  CHECK(f.cache.dirtyings().fraction(f.task.dirties).numerator == 1);
  CHECK(f.bdi.reclaimable.sum() == Pages(1));
  CHECK(f.cache.counters().nr_file_dirty == Pages(1));
}

TEST_CASE("buffer-heads 3: mark_buffer_dirty_inode appends at the tail, once", "[fs]") {
  FsFixture f;
  for (const int block : {30, 10, 20})
    mark_buffer_dirty_inode(f.vfs, make_uptodate_block(f.vfs, f.device, block), f.file, nullptr);
  mark_buffer_dirty_inode(f.vfs, make_uptodate_block(f.vfs, f.device, 30), f.file, nullptr);
  std::vector<std::int64_t> order;
  for (const BufferId id : f.file.i_data.private_list.all())
    order.push_back(f.vfs.buffers[id].b_blocknr());
  CHECK(order == std::vector<std::int64_t>{30, 10, 20});
  CHECK(remove_assoc_queue(f.vfs, f.file.i_data).b_blocknr() == 30);
  mark_buffer_dirty_inode(f.vfs, make_uptodate_block(f.vfs, f.device, 30), f.file, nullptr);
  for (const int block : {10, 20, 30})
    CHECK(remove_assoc_queue(f.vfs, f.file.i_data).b_blocknr() == block);
  CHECK(f.file.i_data.private_list.empty());
}

TEST_CASE("buffer-heads 5: invalidating discards what starts behind the offset", "[fs]") {
  struct Row {
    std::int64_t offset;
    int kept;
  };
  for (const Row& row : {Row{1, 1}, Row{1024, 1}, Row{1025, 2}, Row{1500, 2}, Row{2048, 2},
                         Row{3072, 3}, Row{3073, 4}, Row{4095, 4}}) {
    FsFixture f;
    Page& page = add_page(f, 0, Texts(4, "UDMRNY@7"));
    block_invalidatepage(f.vfs, f.lock(page), row.offset);
    CAPTURE(row.offset);
    for (int i = 0; i < 4; ++i)
      CHECK(to_text(f.buffer(page, i)) == (i < row.kept ? "UDMRNY@7" : "U"));
    CHECK(page.test(PG_private));
    CHECK(page.test(PG_dirty));
  }
}

TEST_CASE("buffer-heads 5: invalidating the whole page frees its buffers", "[fs]") {
  FsFixture f;
  Page& page = add_page(f, 0, Texts(4, "UDM@7"));
  f.lock(page);
  f.cache.cancel_dirty_page(page);
  block_invalidatepage(f.vfs, page, 0);
  CHECK_FALSE(page.test(PG_private));
  f.cache.unlock_page(page);
  f.cache.check();
}

TEST_CASE("buffer-heads 8: try_to_free_buffers refuses while anything is busy", "[fs]") {
  for (const char* busy : {"UDM@7", "UML@7"}) {
    FsFixture f;
    Page& page = add_page(f, 0, {"UM@4", "UM@5", "UM@6", busy});
    CHECK_FALSE(try_to_free_buffers(f.vfs, page));
    CHECK(page.test(PG_private));
  }
  FsFixture f;
  Page& page = add_page(f, 0, Texts(4, "UM@4"));
  get_bh(f.vfs, f.buffer(page, 2));
  CHECK_FALSE(try_to_free_buffers(f.vfs, page));
  put_bh(f.vfs, f.buffer(page, 2));
  f.cache.set_page_dirty(page, nullptr);
  f.lock(page);
  f.cache.clear_page_dirty_for_io(page);
  f.cache.set_page_writeback(page);
  f.cache.unlock_page(page);
  CHECK_FALSE(try_to_free_buffers(f.vfs, page));
  f.cache.end_page_writeback(page);
  CHECK(try_to_free_buffers(f.vfs, page));
  CHECK_FALSE(page.test(PG_private));
}

TEST_CASE("buffer-heads 8: freeing clean buffers of a dirty page cleans the page", "[fs]") {
  FsFixture f;
  Page& page = add_page(f, 0, Texts(4, "UM@4"));
  f.cache.set_page_dirty(page, nullptr);
  CHECK(try_to_free_buffers(f.vfs, page));
  CHECK_FALSE(page.test(PG_dirty));
  CHECK_FALSE(dirty_tag(page));
  CHECK(f.cache.counters().nr_file_dirty == Pages(0));
  CHECK(f.bdi.reclaimable.sum() == Pages(0));
  f.cache.check();
}

TEST_CASE("buffer-heads 7: a write error of freed buffers is left to the mapping", "[fs]") {
  FsFixture f;
  Page& page = add_page(f, 0, {"UM@4", "ME@5", "UM@6", "UM@7"});
  CHECK(try_to_free_buffers(f.vfs, page));
  CHECK(f.file.i_data.AS_EIO);
}

}  // namespace
}  // namespace wbsim
