// Making files shorter: which pages and buffers go, what happens to the block at the new end.
#include <catch2/catch.hpp>

#include "models/fs/file.hpp"
#include "models/fs/page_scan.hpp"
#include "models/fs/truncate.hpp"
#include "tests/support/fs_buffer_text.hpp"

namespace wbsim {
namespace {

Errno truncate_to(FsFixture& f, std::int64_t size) {
  return f.await(truncate(f.vfs, f.file, size, f.task));
}

void write_bytes(FsFixture& f, std::int64_t pos, std::int64_t length) {
  REQUIRE(f.await(generic_file_write(f.vfs, f.file, pos, length, f.task)) == Errno::kOk);
}

Page* page_at(FsFixture& f, PageIndex index) {
  return f.cache.find_get_page(f.file.i_data, index);
}

TEST_CASE("buffer-heads 5: truncation drops the pages behind the new end", "[fs]") {
  FsFixture f;
  write_bytes(f, 0, 5 * 4096);
  CHECK(truncate_to(f, 2 * 4096) == Errno::kOk);
  CHECK(f.file.i_size == 2 * 4096);
  CHECK(f.file.i_data.nrpages == 2);
  CHECK(page_at(f, 1));
  CHECK_FALSE(page_at(f, 2));
  CHECK(f.cache.counters().nr_file_dirty == Pages(2));
  CHECK(f.cache.counters().nr_discarded == Pages(3));
  CHECK(f.bdi.reclaimable.sum() == Pages(2));
  CHECK((f.file.i_state & I_DIRTY_DATASYNC) != 0);
  f.cache.check();
  CHECK(truncate_to(f, 0) == Errno::kOk);
  CHECK(f.file.i_data.pages.empty());
  CHECK(f.cache.counters().nr_file_dirty == Pages(0));
  f.cache.check();
}

TEST_CASE("buffer-heads 5: the block that straddles the new end stays and is dirty", "[fs]") {
  FsFixture f;
  write_bytes(f, 0, 4096);
  CHECK(f.await(filemap_fdatawrite(f.vfs, f.file, f.task)) == Errno::kOk);
  CHECK(truncate_to(f, 1500) == Errno::kOk);
  CHECK(buffers_of(f, *page_at(f, 0)) == Texts{"UMR@500", "UDMR@501", "U", "U"});
  CHECK(page_at(f, 0)->test(PG_dirty));
  CHECK_FALSE(page_at(f, 0)->test(PG_locked));
  f.cache.check();
}

TEST_CASE("buffer-heads 5: an end at a block's end dirties nothing", "[fs]") {
  FsFixture f;
  write_bytes(f, 0, 4096);
  CHECK(f.await(filemap_fdatawrite(f.vfs, f.file, f.task)) == Errno::kOk);
  CHECK(truncate_to(f, 2048) == Errno::kOk);
  CHECK(buffers_of(f, *page_at(f, 0)) == Texts{"UMR@500", "UMR@501", "U", "U"});
  CHECK_FALSE(page_at(f, 0)->test(PG_dirty));
}

TEST_CASE("buffer-heads 5: the last block is read if it is not in memory", "[fs]") {
  FsFixture f;
  f.fs.blocks = {{0, 100}, {1, 101}, {2, 102}};
  CHECK(truncate_to(f, 1500) == Errno::kOk);
  REQUIRE(f.log.requests.size() == 1);
  CHECK(f.log.requests[0].sector == Sectors(202));
  REQUIRE(page_at(f, 0));
  CHECK(buffers_of(f, *page_at(f, 0)) == Texts{"", "UDMR@101", "", ""});
  CHECK(page_at(f, 0)->test(PG_dirty));
  CHECK_FALSE(page_at(f, 0)->test(PG_locked));
  f.cache.check();
}

TEST_CASE("buffer-heads 5: the last block may need metadata to be found", "[fs]") {
  FsFixture f;
  f.fs.blocks = {{1, 101}};
  f.fs.metadata = {{1, 70}};
  CHECK(truncate_to(f, 1500) == Errno::kOk);
  REQUIRE(f.log.requests.size() == 2);
  CHECK(f.log.requests[0].sector == Sectors(140));
  CHECK(f.log.requests[1].sector == Sectors(202));
}

TEST_CASE("buffer-heads 5: a hole at the new end stays a hole", "[fs]") {
  FsFixture f;
  CHECK(truncate_to(f, 1500) == Errno::kOk);
  CHECK(f.log.requests.empty());
  CHECK(f.fs.blocks.empty());
  CHECK(f.cache.counters().nr_file_dirty == Pages(0));
  f.cache.check();
}

TEST_CASE("buffer-heads 5: the last block cannot be read", "[fs]") {
  FsFixture f;
  f.fs.blocks = {{1, 101}};
  FileBio& bio = f.next_buffer_bio();
  std::optional<Errno> result;
  f.spawn(truncate(f.vfs, f.file, 1500, f.task), result);
  f.run_for(Duration(1));
  f.make_fail(bio);
  f.run();
  CHECK(result == Errno::kEio);
  CHECK_FALSE(page_at(f, 0)->test(PG_dirty));
  CHECK_FALSE(page_at(f, 0)->test(PG_locked));
}

TEST_CASE("buffer-heads 5: truncation waits for write-back, of the last page too", "[fs]") {
  FsFixture f;
  write_bytes(f, 0, 3 * 4096);
  std::optional<Errno> written, cut;
  f.spawn(filemap_fdatawrite(f.vfs, f.file, f.task), written);
  f.run_for(Duration(1));
  REQUIRE(page_at(f, 0)->test(PG_writeback));
  REQUIRE(page_at(f, 2)->test(PG_writeback));
  f.spawn(truncate(f.vfs, f.file, 1500, f.other_task), cut);
  f.run_for(Duration(1));
  CHECK_FALSE(cut);
  f.run();
  CHECK(cut == Errno::kOk);
  CHECK(f.file.i_data.nrpages == 1);
  CHECK(f.cache.counters().nr_written == Pages(3));
  CHECK(buffers_of(f, *page_at(f, 0)) == Texts{"UMR@500", "UDMR@501", "U", "U"});
  f.cache.check();
}

TEST_CASE("pages that others wait for are truncated all the same", "[fs]") {
  FsFixture f;
  write_bytes(f, 0, 3 * 4096);
  std::optional<Errno> written, waited, cut, wrote;
  f.spawn(filemap_fdatawrite(f.vfs, f.file, f.task), written);
  f.run_for(Duration(1));
  f.spawn(truncate(f.vfs, f.file, 0, f.other_task), cut);
  f.spawn(filemap_fdatawait(f.vfs, f.file, f.task), waited);
  f.run();
  CHECK(written == Errno::kOk);
  CHECK(cut == Errno::kOk);
  CHECK(waited == Errno::kOk);
  CHECK(f.file.i_data.nrpages == 0);
  f.cache.check();
  write_bytes(f, 0, 3 * 4096);  // the pages are found in the free list again
  f.cache.check();
}

TEST_CASE("making a file longer leaves a hole", "[fs]") {
  FsFixture f;
  write_bytes(f, 0, 8192);
  const Pages dirty = f.cache.counters().nr_file_dirty;
  CHECK(truncate_to(f, 1 << 20) == Errno::kOk);
  CHECK(f.file.i_size == 1 << 20);
  CHECK(f.cache.counters().nr_file_dirty == dirty);
  CHECK(f.log.requests.empty());
}

TEST_CASE("truncation of block sizes up to the page", "[fs]") {
  for (const int block_size : {512, 2048, 4096}) {
    FsSetup setup;
    setup.block_size = block_size;
    FsFixture f(setup);
    write_bytes(f, 0, 8192);
    CHECK(truncate_to(f, 2 * 512 + 100) == Errno::kOk);
    const std::int64_t straddling = (2 * 512 + 100) / block_size;
    for_each_buffer(f.vfs, *page_at(f, 0), [&](const BufferHead& bh) {
      CHECK(bh.test(BH_Dirty) == (bh.b_number() <= straddling));
      CHECK(bh.test(BH_Mapped) == (bh.b_number() <= straddling));
    });
    CHECK(f.file.i_data.nrpages == 1);
    f.cache.check();
  }
}

}  // namespace
}  // namespace wbsim
