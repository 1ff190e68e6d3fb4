// write(2): pages, sizes, i_mutex, and a file system that runs full.
#include <catch2/catch.hpp>

#include "models/fs/direct_io.hpp"
#include "models/fs/ext2.hpp"
#include "models/fs/file.hpp"
#include "models/fs/page_scan.hpp"
#include "tests/support/fs_buffer_text.hpp"

namespace wbsim {
namespace {

Errno write_bytes(FsFixture& f, Inode& inode, std::int64_t pos, std::int64_t length) {
  return f.await(generic_file_write(f.vfs, inode, pos, length, f.task));
}

FsSetup with_block_size(int block_size) {
  FsSetup setup;
  setup.block_size = block_size;
  return setup;
}

TEST_CASE("buffer-heads 10.1: what a write leaves behind", "[fs]") {
  for (const int block_size : {512, 1024, 2048, 4096}) {
    FsFixture f(with_block_size(block_size));
    f.file.i_size = 0;
    CHECK(write_bytes(f, f.file, 3000, 10000) == Errno::kOk);  // pages 0 to 3, in part
    CHECK(f.file.i_size == 13000);
    CHECK(f.file.i_state == (I_DIRTY_PAGES | I_DIRTY_SYNC | I_DIRTY_DATASYNC));
    CHECK(f.dirtied == std::vector<Inode*>{&f.file});
    CHECK(f.file.i_data.nrpages == 4);
    CHECK(f.cache.counters().nr_file_dirty == Pages(4));
    CHECK(f.cache.counters().nr_dirtied == Pages(4));
    CHECK(f.bdi.reclaimable.sum() == Pages(4));
    for (PageIndex index = 0; index < 4; ++index) {
      Page& page = *f.cache.find_get_page(f.file.i_data, index);
      CHECK_FALSE(page.test(PG_locked));
      CHECK(page.count == 0);
      for_each_buffer(f.vfs, page, [&](const BufferHead& bh) {
        const std::int64_t start = std::int64_t{index} * 4096 + bh.offset();
        const bool touched = start < 13000 && start + block_size > 3000;
        CHECK(bh.test_all(BH_Dirty | BH_Uptodate | BH_Mapped) == touched);
        CHECK_FALSE(bh.test(BH_New));
      });
    }
    CHECK(f.log.requests.empty());  // new blocks are not read
    f.cache.check();
  }
}

TEST_CASE("a write within the file does not touch its size", "[fs]") {
  FsFixture f;
  CHECK(write_bytes(f, f.file, 0, 4096) == Errno::kOk);
  CHECK(f.file.i_size == 8192);
  CHECK(f.file.i_state == I_DIRTY_PAGES);
}

TEST_CASE("a page costs what its buffers do, those written more, and the levels above it", "[fs]") {
  FsFixture f(with_block_size(1024));
  f.vfs.costs.write_page = Duration(100'000);
  f.vfs.costs.write_buffer = Duration(10'000);
  f.vfs.costs.dirty_buffer = Duration(1'000);
  f.vfs.costs.tree_level = Duration(100);
  const auto cost_of = [&f](std::int64_t pos, std::int64_t length) {
    const Duration before = f.processors.busy();
    CHECK(write_bytes(f, f.file, pos, length) == Errno::kOk);
    return f.processors.busy() - before;
  };
  CHECK(cost_of(0, 4096) == Duration(144'000));
  CHECK(cost_of(4096 + 1024, 1024) == Duration(141'000));
  CHECK(cost_of(64 * 4096, 4096) == Duration(144'100));
  CHECK(cost_of(0, 4096) == Duration(144'100));  // of the tree, not of the page
  CHECK(cost_of(4096 * 4096, 8192) == 2 * Duration(144'200));
}

TEST_CASE("times are dirtied once a second", "[fs]") {
  FsFixture f;
  f.fs.times = true;
  CHECK(write_bytes(f, f.file, 0, 100) == Errno::kOk);
  CHECK(f.file.i_state == (I_DIRTY_PAGES | I_DIRTY_SYNC));
  f.file.i_state = 0;
  f.run_for(std::chrono::milliseconds(999));
  CHECK(write_bytes(f, f.file, 100, 100) == Errno::kOk);
  CHECK(f.file.i_state == 0);  // the page is dirty already, and the second is the same
  f.run_for(std::chrono::milliseconds(1));
  CHECK(write_bytes(f, f.file, 200, 100) == Errno::kOk);
  CHECK(f.file.i_state == I_DIRTY_SYNC);
}

TEST_CASE("rewriting a dirty page is free", "[fs]") {
  FsFixture f;
  for (int i = 0; i < 5; ++i)
    CHECK(write_bytes(f, f.file, 0, 4096) == Errno::kOk);
  CHECK(f.cache.counters().nr_dirtied == Pages(1));
}

TEST_CASE("a write of a page under write-back does not wait, and is not lost", "[fs]") {
  FsFixture f;
  CHECK(write_bytes(f, f.file, 0, 4096) == Errno::kOk);
  std::optional<Errno> synced, wrote;
  f.spawn(filemap_fdatawrite(f.vfs, f.file, f.task), synced);
  f.run_for(Duration(1));
  const Page& page = *f.cache.find_get_page(f.file.i_data, 0);
  REQUIRE(page.test(PG_writeback));
  f.spawn(generic_file_write(f.vfs, f.file, 1024, 1024, f.other_task), wrote);
  f.run_for(Duration(1));
  CHECK(wrote == Errno::kOk);
  CHECK(page.test(PG_writeback));
  CHECK(page.test(PG_dirty));
  f.run();
  CHECK_FALSE(page.test(PG_writeback));
  CHECK(buffers_of(f, page) == Texts{"UMR@500", "UDMR@501", "UMR@502", "UMR@503"});
  f.cache.check();
}

TEST_CASE("i_mutex: a second writer of a file waits for the first", "[fs]") {
  FsFixture f;
  f.fs.blocks = {{0, 100}, {4, 104}};
  std::optional<Errno> first, second;
  f.spawn(generic_file_write(f.vfs, f.file, 100, 100, f.task), first);  // reads a block
  f.spawn(generic_file_write(f.vfs, f.file, 8192, 4096, f.other_task), second);
  f.run_for(Duration(1));
  CHECK_FALSE(first);
  CHECK_FALSE(second);
  CHECK(f.file.i_mutex_held);
  CHECK(f.file.i_size == 8192);
  f.run();
  CHECK(first == Errno::kOk);
  CHECK(second == Errno::kOk);
  CHECK_FALSE(f.file.i_mutex_held);
  CHECK(f.file.i_size == 12288);
}

TEST_CASE("i_mutex: writers of a raw device do not take it", "[fs]") {
  FsFixture f;
  std::optional<Errno> first, second;
  f.spawn(generic_file_write(f.vfs, f.device, 100, 100, f.task), first);  // reads a block
  f.spawn(generic_file_write(f.vfs, f.device, 8192, 4096, f.other_task), second);
  f.run_for(Duration(1));
  CHECK_FALSE(first);
  CHECK(second == Errno::kOk);
  f.run();
  CHECK(first == Errno::kOk);
}

TEST_CASE("raw devices: a write behind the end is an error", "[fs]") {
  FsFixture f;
  CHECK(write_bytes(f, f.device, f.device.i_size, 1024) == Errno::kEio);
  CHECK(write_bytes(f, f.device, f.device.i_size - 1024, 1024) == Errno::kOk);
  CHECK_FALSE(f.device.i_mutex_held);
}

TEST_CASE("buffer-heads 4: nothing of a failed extending write stays behind i_size", "[fs]") {
  FsFixture f;
  f.file.i_size = 0;
  f.fs.failures = {{6, GetBlock::kEnospc}};
  CHECK(write_bytes(f, f.file, 0, 16384) == Errno::kEnospc);
  CHECK(f.file.i_size == 4096);
  CHECK(f.file.i_data.nrpages == 1);
  CHECK(f.cache.counters().nr_file_dirty == Pages(1));
  CHECK_FALSE(f.file.i_mutex_held);
  f.cache.check();
}

TEST_CASE("Ext2 on a tiny device runs full", "[fs]") {
  FsSetup setup = with_block_size(4096);
  setup.block.device.capacity = Bytes(100 * 4096);
  FsFixture f(setup);
  FilesystemConfig config;
  config.block_size = 4096;
  Ext2 ext2(f.vfs, f.device, config);
  Inode& file = ext2.create(FileConfig{});
  CHECK(write_bytes(f, file, 0, 200 * 4096) == Errno::kEnospc);
  CHECK(file.i_size == 36 * 4096);  // 64 blocks are the file system's own
  CHECK(file.i_data.nrpages == 36);
  CHECK(write_bytes(f, file, file.i_size, 1) == Errno::kEnospc);
  CHECK(write_bytes(f, file, 0, 36 * 4096) == Errno::kOk);
  CHECK(f.await(filemap_fdatawrite(f.vfs, file, f.task)) == Errno::kOk);
  CHECK(f.await(filemap_fdatawait(f.vfs, file, f.task)) == Errno::kOk);
  CHECK(f.cache.counters().nr_written == Pages(36));
  f.cache.check();
}

TEST_CASE("Ext2: extents of the allocator, with gaps", "[fs]") {
  FsFixture f(with_block_size(4096));
  FilesystemConfig config;
  config.extent_blocks = 4;
  config.gap_blocks = 3;
  Ext2 ext2(f.vfs, f.device, config);
  FileConfig laid_out;
  laid_out.size = Bytes(10 * 4096);
  Inode& first = ext2.create(laid_out);
  Inode& second = ext2.create(FileConfig{});
  const auto block_of = [&](Inode& inode, std::int64_t block, bool create) {
    BufferHead bh{};
    std::int64_t metadata = -1;
    const GetBlock got = ext2.get_block(inode, block, bh, create, metadata);
    CHECK(bh.test(BH_New) == (got == GetBlock::kMapped && create));
    return got == GetBlock::kMapped ? bh.b_blocknr() : -1;
  };
  std::vector<std::int64_t> blocks;
  for (int i = 0; i < 11; ++i)
    blocks.push_back(block_of(first, i, false));
  CHECK(blocks == std::vector<std::int64_t>{64, 65, 66, 67, 71, 72, 73, 74, 78, 79, -1});
  CHECK(block_of(second, 0, true) == 80);
  CHECK(block_of(first, 10, true) == 81);
  CHECK(block_of(second, 0, false) == 80);
}

TEST_CASE("Ext2: a file that does not fit is laid out as far as it does", "[fs]") {
  FsFixture f(with_block_size(4096));
  FilesystemConfig config;
  config.metadata = GENERATE(MetadataMode::kNone, MetadataMode::kWritten);
  config.extent_blocks = 1;
  config.gap_blocks = 1;
  Ext2 ext2(f.vfs, f.device, config);
  FileConfig laid_out;
  laid_out.size = Bytes(f.device.i_size);
  Inode& inode = ext2.create(laid_out);
  const auto look_up = [&](std::int64_t block, bool create) {
    BufferHead bh{};
    std::int64_t metadata = -1;
    return ext2.get_block(inode, block, bh, create, metadata);
  };
  CHECK(look_up(0, false) == GetBlock::kMapped);
  const std::int64_t last = inode.i_size / 4096 - 1;
  CHECK(look_up(last, false) == GetBlock::kHole);
  CHECK(look_up(last, true) == GetBlock::kEnospc);
}

TEST_CASE("Ext2: an indirect block is needed for what it maps, and marks its end", "[fs]") {
  FsFixture f(with_block_size(4096));
  FilesystemConfig config;
  config.metadata = MetadataMode::kEvictable;
  Ext2 ext2(f.vfs, f.device, config);
  FileConfig given;
  given.size = Bytes(20 * 4096);
  given.extents = {{0, 1000, 12}, {12, 1013, 8}};
  given.indirect = {{1012, 12, 1024}};
  Inode& file = ext2.create(given);
  BufferHead bh{};
  std::int64_t metadata = -1;
  CHECK(ext2.get_block(file, 12, bh, false, metadata) == GetBlock::kMapped);
  CHECK(bh.b_blocknr() == 1013);
  Page& page = *f.cache.find_get_page(f.device.i_data, 1012);
  REQUIRE(try_to_free_buffers(f.vfs, page));
  f.cache.remove_from_page_cache(page);  // as reclaim does
  CHECK(ext2.get_block(file, 11, bh, false, metadata) == GetBlock::kMapped);
  CHECK(bh.test(BH_Boundary));
  CHECK(ext2.get_block(file, 12, bh, false, metadata) == GetBlock::kNeedsMetadata);
  CHECK(metadata == 1012);
  CHECK(write_bytes(f, file, 12 * 4096, 4096) == Errno::kOk);
  CHECK(f.log.requests.size() == 1);
  CHECK(f.log.requests[0].sector == Sectors(1012 * 8));
}

// Each was read together with two pages; a vector of lru_cache_add() has 14.
TEST_CASE("Ext2: of 14 indirect blocks read before the start two are active, one on 3.10", "[fs]") {
  for (const bool full_pagevec_waits : {false, true}) {
    FsFixture f(with_block_size(4096));
    f.vfs.rules.full_pagevec_waits = full_pagevec_waits;
    FilesystemConfig config;
    config.metadata = MetadataMode::kEvictable;
    Ext2 ext2(f.vfs, f.device, config);
    FileConfig given;
    given.size = Bytes(4096);
    given.extents = {{0, 900, 1}};
    for (std::int64_t i = 0; i < 28; ++i)
      given.indirect.push_back({1000 + i, 12 + 1024 * i, 1024});
    ext2.create(given);
    CHECK(f.cache.active_pages() == Pages(full_pagevec_waits ? 2 : 4));
  }
}

TEST_CASE("Ext2: write_inode dirties the inode's block, and writes it when told to wait", "[fs]") {
  FsFixture f(with_block_size(4096));
  FilesystemConfig config;
  config.metadata = MetadataMode::kPinned;
  Ext2 ext2(f.vfs, f.device, config);
  Inode& file = ext2.create(FileConfig{});
  CHECK(f.await(ext2.write_inode(file, f.task, false)) == Errno::kOk);
  BufferHead* bh = find_uptodate_block(f.vfs, f.device, 5);
  REQUIRE(bh);
  CHECK(bh->test(BH_Dirty));
  CHECK((f.device.i_state & I_DIRTY_PAGES) != 0);
  CHECK(f.log.requests.empty());
  CHECK(f.await(ext2.write_inode(file, f.task, true)) == Errno::kOk);
  CHECK_FALSE(bh->test(BH_Dirty));
  CHECK(f.log.requests.size() == 1);
}

TEST_CASE("direct I/O reads the metadata it needs first, and fails where that cannot be read",
          "[fs]") {
  FsFixture f(with_block_size(4096));
  f.fs.blocks = {{0, 100}, {1, 200}};
  f.fs.metadata = {{1, 70}};
  const auto op = GENERATE(BioOp::kRead, BioOp::kWrite);
  FileBio& metadata = f.next_buffer_bio();
  std::optional<Errno> result;
  f.spawn(direct_io(f.vfs, f.file, 4096, 4096, op, f.task), result);
  SECTION("it is read") {
    f.run();
    CHECK(result == Errno::kOk);
    REQUIRE(f.log.requests.size() == 2);
    CHECK(f.log.requests[0].sector == Sectors(70 * 8));
    CHECK_FALSE(f.log.requests[0].write);
    CHECK(f.log.requests[1].sector == Sectors(200 * 8));
  }
  SECTION("it is not") {
    f.run_for(Duration(1));
    f.make_fail(metadata);
    f.run();
    CHECK(result == Errno::kEio);
    CHECK(f.log.requests.size() == 1);
  }
}

}  // namespace
}  // namespace wbsim
