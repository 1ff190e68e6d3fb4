// write(2), read(2) and block_write_full_page() of 2.4.
#include <catch2/catch.hpp>

#include "models/fs/file24.hpp"
#include "tests/support/machine24_fixture.hpp"

namespace wbsim::v24 {
namespace {

// Blocks of 1 KiB.
struct Files : Machine24 {
  explicit Files(std::string kernel) : Machine24(std::move(kernel), small_blocks()) {}
  static Scenario small_blocks() {
    Scenario s = hz100();
    s.filesystems[0].block_size = 1024;
    return s;
  }
  BufferHead& buffer(Page& page, int number) {
    BufferHead* bh = &b.cache.page_buffers(page);
    for (; number > 0; --number)
      bh = bh->b_this_page;
    return *bh;
  }
  Errno write(std::int64_t pos, std::int64_t length) {
    return await(v24::generic_file_write(b, file(0), pos, length, task));
  }
  Errno read(std::int64_t pos, std::int64_t length) {
    return await(v24::generic_file_read(b, file(0), pos, length, ra, 32, task));
  }
  Page& locked_page(PageIndex index) {
    Page& found = page(file(0), index);
    found.set(PG_locked);
    return found;
  }
  FileRaState ra;
};

TEST_CASE("a write of 2.4 dirties the buffers it touches, not the page", "[fs]") {
  for (const char* kernel : {"2.4.0", "2.4.17"}) {
    Files m(kernel);
    REQUIRE(m.write(1024, 2048) == Errno::kOk);
    Page& page = m.page(m.file(0), 0);
    CHECK_FALSE(m.buffer(page, 0).test(BH_Dirty));
    CHECK(m.buffer(page, 1).test_all(BH_Dirty | BH_Uptodate | BH_Mapped));
    CHECK(m.buffer(page, 2).test(BH_Dirty));
    CHECK_FALSE(m.buffer(page, 3).test(BH_Dirty));
    CHECK_FALSE(page.test(PG_dirty));
    CHECK_FALSE(page.test(PG_uptodate));
    CHECK(m.dirty_buffers() == 2);
    CHECK(m.log.requests.empty());  // whole blocks need no read
  }
}

TEST_CASE("data buffers go to the list that fsync writes", "[fs]") {
  Files late("2.4.17");
  REQUIRE(late.write(0, 4096) == Errno::kOk);
  CHECK(late.b.lists_of(late.file(0)).i_dirty_buffers.list.empty());
  CHECK(late.b.lists_of(late.file(0)).i_dirty_data_buffers.list.size() == 4);

  Files early("2.4.0");
  REQUIRE(early.write(0, 4096) == Errno::kOk);
  CHECK(early.b.lists_of(early.file(0)).i_dirty_buffers.list.size() == 4);
}

TEST_CASE("a part of a block is read first, and zeros are not", "[fs]") {
  Files m("2.4.17");
  REQUIRE(m.write(1000, 100) == Errno::kOk);  // the ends of blocks 0 and 1
  CHECK(m.log.requests.size() == 1);          // read as one
  CHECK(m.log.requests[0].sectors == Sectors(4));
  CHECK_FALSE(m.log.requests[0].write);

  const std::int64_t end = m.file(0).i_size;
  REQUIRE(m.write(end + 10, 100) == Errno::kOk);
  CHECK(m.log.requests.size() == 1);
  CHECK(m.file(0).i_size == end + 110);
}

TEST_CASE("a page is read by its buffers, and unlocked when the last one ends", "[fs]") {
  for (const char* kernel : {"2.4.0", "2.4.17"}) {
    Files m(kernel);
    REQUIRE(m.read(0, 4096) == Errno::kOk);
    Page& page = m.page(m.file(0), 0);
    CHECK(page.test(PG_uptodate));
    CHECK_FALSE(page.test(PG_locked));
    REQUIRE_FALSE(m.log.requests.empty());
    CHECK(m.log.requests[0].bios >= 4);
  }
}

TEST_CASE("block_write_full_page() of 2.4 writes clean buffers too; the page stays locked",
          "[fs]") {
  Files m("2.4.17");
  REQUIRE(m.write(0, 1024) == Errno::kOk);
  Page& page = m.locked_page(0);
  for (int i = 0; i < 4; ++i)
    m.buffer(page, i).set(BH_Uptodate);
  std::optional<Errno> result;
  m.spawn(block_write_full_page(m.b, m.file(0), page, m.task), result);
  REQUIRE(result.has_value());
  for (int i = 0; i < 4; ++i) {
    CHECK(m.buffer(page, i).test_all(BH_Lock | BH_Async | BH_Mapped));
    CHECK_FALSE(m.buffer(page, i).test(BH_Dirty));
  }
  CHECK(page.test(PG_locked));

  m.tq_disk.run();
  m.settle();
  CHECK_FALSE(page.test(PG_locked));
  CHECK(m.b.cache.ledger().written == Bytes(4096));
  CHECK(m.b.cache.ledger().conserved());
}

TEST_CASE("the page that straddles the end is committed, and left to bdflush", "[fs]") {
  Files m("2.4.17");
  m.file(0).i_size = 1500;
  REQUIRE(m.read(0, 1500) == Errno::kOk);
  const std::size_t requests = m.log.requests.size();
  Page& page = m.locked_page(0);
  CHECK(m.await(block_write_full_page(m.b, m.file(0), page, m.task)) == Errno::kOk);
  CHECK_FALSE(page.test(PG_locked));
  CHECK(m.log.requests.size() == requests);
  CHECK(m.buffer(page, 0).test(BH_Dirty));
  CHECK(m.buffer(page, 1).test(BH_Dirty));
  CHECK_FALSE(m.buffer(page, 2).test(BH_Dirty));

  m.file(0).i_size = 0;
  page.set(PG_locked);
  CHECK(m.await(block_write_full_page(m.b, m.file(0), page, m.task)) == Errno::kEio);
  CHECK_FALSE(page.test(PG_locked));
}

TEST_CASE("a raw device is written through the buffer cache in 2.4.0, by pages in 2.4.17", "[fs]") {
  Files early("2.4.0");
  REQUIRE(early.await(v24::generic_file_write(early.b, early.raw(0), 0, 8192, early.task)) ==
          Errno::kOk);
  CHECK(early.b.cache.get_hash_table(early.dev(), 1));
  CHECK(early.raw(0).i_data.nrpages == 0);
  CHECK(early.log.requests.empty());  // whole blocks need no read
  REQUIRE(early.await(v24::generic_file_write(early.b, early.raw(0), 8192, 100, early.task)) ==
          Errno::kOk);
  CHECK(early.log.requests.size() == 1);

  Files late("2.4.17");
  REQUIRE(late.await(v24::generic_file_write(late.b, late.raw(0), 0, 8192, late.task)) ==
          Errno::kOk);
  CHECK(late.raw(0).i_data.nrpages == 2);
}

TEST_CASE("a new file block drops the stale copy that the buffer cache has of it", "[fs]") {
  for (const char* kernel : {"2.4.0", "2.4.17"}) {
    Files m(kernel);
    Inode& file = m.file(0);
    const std::int64_t end = file.i_size;
    // The allocator's next block: behind the file's 16 MiB.
    const std::int64_t next =
        m.on_disk(file, static_cast<PageIndex>(end / 4096 - 1)).count() / 2 + 4;
    v24::BufferHead& alias = preload_block(m.b, m.dev(), next, 1024);
    m.mark_dirty(alias, 5);
    REQUIRE(m.write(end, 1024) == Errno::kOk);
    CHECK_FALSE(alias.test(BH_Dirty));
    CHECK(m.b.cache.ledger().discarded == Bytes(1024));
  }
}

TEST_CASE("fsync of 2.4 puts a file on the disk", "[fs]") {
  for (const char* kernel : {"2.4.0", "2.4.17"}) {
    Files m(kernel);
    REQUIRE(m.write(0, 64 * 1024) == Errno::kOk);
    File file{.f_inode = &m.file(0)};
    CHECK(m.await(m.context.files->fsync(file, SyncWhat::kFsync, m.task)) == Errno::kOk);
    CHECK(m.was_written(m.on_disk(m.file(0), 0), Sectors(128)));
    CHECK(m.b.cache.ledger().dirty == Bytes(0));
    const VmCounters vm = m.kernel24->memory.counters();
    CHECK(vm.nr_dirtied == Pages(16));
    CHECK(vm.nr_written == Pages(16));
  }
}

}  // namespace
}  // namespace wbsim::v24
