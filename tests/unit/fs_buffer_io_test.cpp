// I/O of single buffers: ll_rw_block(), sync_dirty_buffer(), fsync_buffers_list(), bread().
#include <catch2/catch.hpp>

#include "models/fs/buffer_io.hpp"
#include "models/fs/page_scan.hpp"
#include "tests/support/fs_buffer_text.hpp"

namespace wbsim {
namespace {

// A block in the device's own pages, with these flags.
BufferHead& device_buffer(FsFixture& f, std::int64_t block, const std::string& flags) {
  BufferHead& bh = make_uptodate_block(f.vfs, f.device, block);
  set_buffer(bh, flags + "@" + std::to_string(block));
  if (bh.test(BH_Dirty))
    f.cache.set_page_dirty(page_of(f.vfs, bh), nullptr);
  return bh;
}

std::vector<std::int64_t> written_blocks(const FsFixture& f) {
  std::vector<std::int64_t> blocks;
  for (const RequestRecord& rq : f.log.requests)
    if (rq.write)
      blocks.push_back(rq.sector.count() / (f.device.block_size() / 512));
  return blocks;
}

TEST_CASE("buffer-heads 8: submit_bh: sector, length, Req", "[fs]") {
  for (const int block_size : {512, 1024, 2048, 4096}) {
    FsSetup setup;
    setup.block_size = block_size;
    FsFixture f(setup);
    BufferHead& bh = device_buffer(f, 77, "UML");
    bh.set_end_io(BufferEndIo::kWriteSync);
    page_of(f.vfs, bh).b_count = 1;
    FileBio& bio = buffer_bio(f.vfs, bh, BioOp::kWrite, true, WriteReason::kMetadata);
    CHECK(bio.sector == Sectors(77 * block_size / 512));
    CHECK(bio.length == Sectors(block_size / 512));
    CHECK(bio.segments == 1);
    CHECK(bio.meta);
    CHECK(to_text(bh) == "UMLR@77");
    bio.bi_end_io(bio, true);
    CHECK(to_text(bh) == "UMR@77");
    CHECK(page_of(f.vfs, bh).b_count == 0);
  }
}

TEST_CASE("buffer-heads 8: submit_bh requires lock, mapping and a completion", "[fs]") {
  FsFixture f;
  const auto submit = [&f](BufferHead& bh, BufferEndIo end_io) {
    bh.set_end_io(end_io);
    buffer_bio(f.vfs, bh, BioOp::kWrite, false, WriteReason::kMetadata);
  };
  CHECK_THROWS_AS(submit(device_buffer(f, 1, "UM"), BufferEndIo::kWriteSync), InvariantBroken);
  CHECK_THROWS_AS(submit(device_buffer(f, 2, "UL"), BufferEndIo::kWriteSync), InvariantBroken);
  CHECK_THROWS_AS(submit(device_buffer(f, 3, "UML"), BufferEndIo::kNone), InvariantBroken);
  CHECK_THROWS_AS(submit(device_buffer(f, 4, "UMLY"), BufferEndIo::kWriteSync), InvariantBroken);
  CHECK_THROWS_AS(submit(device_buffer(f, 5, "UMLW"), BufferEndIo::kWriteSync), InvariantBroken);
}

TEST_CASE("buffer-heads 8: submit_bh of a write forgets the error of the last one", "[fs]") {
  FsFixture f;
  BufferHead& bh = device_buffer(f, 1, "UMLRE");
  bh.set_end_io(BufferEndIo::kWriteSync);
  buffer_bio(f.vfs, bh, BioOp::kWrite, false, WriteReason::kMetadata);
  CHECK(to_text(bh) == "UMLR@1");
  BufferHead& never_submitted = device_buffer(f, 2, "UMLE");
  never_submitted.set_end_io(BufferEndIo::kWriteSync);
  buffer_bio(f.vfs, never_submitted, BioOp::kWrite, false, WriteReason::kMetadata);
  CHECK(to_text(never_submitted) == "UMLRE@2");
}

TEST_CASE("buffer-heads 8: ll_rw_block table", "[fs]") {
  struct Row {
    BlockRw rw;
    const char* before;
    const char* after;  // once submitted
    bool submits;
  };
  for (const Row& row :
       {Row{BlockRw::kWrite, "UDM", "UMLR@9", true}, Row{BlockRw::kWrite, "UM", "UM@9", false},
        Row{BlockRw::kWrite, "UDML", "UDML@9", false},  // 14.8
        Row{BlockRw::kSwrite, "UDM", "UMLR@9", true}, Row{BlockRw::kSwrite, "UM", "UM@9", false},
        Row{BlockRw::kRead, "M", "MLR@9", true}, Row{BlockRw::kRead, "UM", "UM@9", false},
        Row{BlockRw::kRead, "ML", "ML@9", false}}) {
    FsFixture f;
    BufferHead& bh = device_buffer(f, 9, row.before);
    CAPTURE(row.before);
    f.sim.spawn("test", ll_rw_block(f.vfs, row.rw, bh, f.task));
    f.run_for(Duration(1));
    CHECK(to_text(bh) == row.after);
    CHECK(page_of(f.vfs, bh).b_count == (row.submits ? 1 : 0));
    f.run();
    CHECK(f.log.requests.size() == (row.submits ? 1 : 0));
    CHECK(page_of(f.vfs, bh).b_count == 0);
  }
}

TEST_CASE("buffer-heads 8: SWRITE of a locked buffer waits, then writes", "[fs]") {
  FsFixture f;
  BufferHead& bh = device_buffer(f, 9, "UDML");
  f.sim.spawn("test", ll_rw_block(f.vfs, BlockRw::kSwrite, bh, f.task), ProcessKind::kDaemon);
  f.run();
  CHECK(to_text(bh) == "UDML@9");
  unlock_buffer(f.vfs, bh);
  f.run();
  CHECK(to_text(bh) == "UMR@9");
  CHECK(written_blocks(f) == std::vector<std::int64_t>{9});
}

TEST_CASE("buffer-heads 8: sync_dirty_buffer writes and waits", "[fs]") {
  FsFixture f;
  BufferHead& bh = device_buffer(f, 9, "UDM");
  CHECK(f.await(sync_dirty_buffer(f.vfs, bh, f.task)) == Errno::kOk);
  CHECK(to_text(bh) == "UMR@9");
  CHECK(page_of(f.vfs, bh).b_count == 0);
  CHECK(written_blocks(f) == std::vector<std::int64_t>{9});
  CHECK(f.await(sync_dirty_buffer(f.vfs, bh, f.task)) == Errno::kOk);  // clean: nothing to do
  CHECK(written_blocks(f).size() == 1);
}

TEST_CASE("buffer-heads 8: sync_dirty_buffer reports a failed write", "[fs]") {
  FsFixture f;
  BufferHead& bh = device_buffer(f, 9, "UDM");
  FileBio& bio = f.next_buffer_bio();
  std::optional<Errno> result;
  f.spawn(sync_dirty_buffer(f.vfs, bh, f.task), result);
  f.run_for(Duration(1));
  f.make_fail(bio);
  f.run();
  CHECK(result == Errno::kEio);
  CHECK(to_text(bh) == "MRE@9");
  CHECK(page_of(f.vfs, bh).b_count == 0);
}

TEST_CASE("buffer-heads 8: fsync_buffers_list writes in the order of the list", "[fs]") {
  FsSetup setup;
  setup.block.queue.scheduler = "noop";
  FsFixture f(setup);
  for (const int block : {30, 10, 50, 20})
    mark_buffer_dirty_inode(f.vfs, make_uptodate_block(f.vfs, f.device, block), f.file, nullptr);
  BufferHead& cleaned = make_uptodate_block(f.vfs, f.device, 50);
  cleaned.clear(BH_Dirty);
  CHECK(f.await(fsync_buffers_list(f.vfs, f.file.i_data, f.task)) == Errno::kOk);
  CHECK(written_blocks(f) == std::vector<std::int64_t>{30, 10, 20});
  CHECK(f.file.i_data.private_list.empty());
  CHECK_FALSE(cleaned.test(BH_Assoc));
  for (const int block : {30, 10, 20}) {
    const BufferHead& bh = make_uptodate_block(f.vfs, f.device, block);
    CHECK(to_text(bh) == "UMR@" + std::to_string(block));
    CHECK(page_of(f.vfs, bh).b_count == 0);
  }
}

TEST_CASE("buffer-heads 8: fsync_buffers_list waits for a write under way, then writes", "[fs]") {
  FsFixture f;
  BufferHead& bh = make_uptodate_block(f.vfs, f.device, 30);
  mark_buffer_dirty_inode(f.vfs, bh, f.file, nullptr);
  std::optional<Errno> synced, result;
  f.spawn(sync_dirty_buffer(f.vfs, bh, f.other_task), synced);
  f.run_for(Duration(1));
  mark_buffer_dirty(f.vfs, bh, nullptr);  // while it is written
  f.spawn(fsync_buffers_list(f.vfs, f.file.i_data, f.task), result);
  f.run();
  CHECK(result == Errno::kOk);
  CHECK(written_blocks(f) == std::vector<std::int64_t>{30, 30});
  CHECK_FALSE(bh.test(BH_Dirty));
}

TEST_CASE("buffer-heads 8: fsync_buffers_list waits for clean buffers under write", "[fs]") {
  FsFixture f;
  BufferHead& bh = make_uptodate_block(f.vfs, f.device, 30);
  mark_buffer_dirty_inode(f.vfs, bh, f.file, nullptr);
  FileBio& bio = f.next_buffer_bio();
  std::optional<Errno> synced, result;
  f.spawn(sync_dirty_buffer(f.vfs, bh, f.other_task), synced);
  f.run_for(Duration(1));
  f.make_fail(bio);
  f.spawn(fsync_buffers_list(f.vfs, f.file.i_data, f.task), result);
  f.run_for(Duration(1));
  CHECK_FALSE(result);
  f.run();
  CHECK(result == Errno::kEio);
}

TEST_CASE("buffer-heads 7: end_buffer_async_read", "[fs]") {
  FsFixture f;
  const auto read = [&f](PageIndex index, bool second_ok) -> Page& {
    Page& page = f.lock(add_page(f, index, {"UM@1", "MLr@2", "MLr@3", "UM@4"}));
    end_buffer_async_read(f.vfs, f.buffer(page, 2), true);
    CHECK(page.test(PG_locked));
    CHECK(to_text(f.buffer(page, 2)) == "UM@3");
    end_buffer_async_read(f.vfs, f.buffer(page, 1), second_ok);
    CHECK_FALSE(page.test(PG_locked));
    return page;
  };
  const Page& good = read(0, true);
  CHECK(good.test(PG_uptodate));
  CHECK_FALSE(good.test(PG_error));
  Page& bad = read(1, false);
  CHECK_FALSE(bad.test(PG_uptodate));
  CHECK(bad.test(PG_error));
  CHECK(to_text(f.buffer(bad, 1)) == "M@2");
}

TEST_CASE("buffer-heads 7: end_buffer_write_sync and end_buffer_read_sync", "[fs]") {
  FsFixture f;
  BufferHead& bh = device_buffer(f, 9, "UML");
  page_of(f.vfs, bh).b_count = 4;
  end_buffer_write_sync(f.vfs, bh, false);
  CHECK(to_text(bh) == "ME@9");
  bh.set(BH_Lock);
  end_buffer_write_sync(f.vfs, bh, true);
  CHECK(bh.test(BH_Uptodate));
  bh.set(BH_Lock);
  end_buffer_read_sync(f.vfs, bh, false);
  CHECK_FALSE(bh.test(BH_Uptodate));
  bh.set(BH_Lock);
  end_buffer_read_sync(f.vfs, bh, true);
  CHECK(bh.test(BH_Uptodate));
  CHECK_FALSE(bh.test(BH_Lock));
  CHECK(page_of(f.vfs, bh).b_count == 0);
}

TEST_CASE("bread reads a block once, null after an error", "[fs]") {
  FsFixture f;
  BufferHead* bh = f.await(bread(f.vfs, f.device, 9, f.task));
  REQUIRE(bh);
  CHECK(to_text(*bh) == "UMR@9");
  CHECK(f.await(bread(f.vfs, f.device, 9, f.task)) == bh);
  CHECK(f.log.requests.size() == 1);
  CHECK(f.log.requests[0].sector == Sectors(18));
  CHECK(f.log.requests[0].meta_sectors == Sectors(2));

  FileBio& bio = f.next_buffer_bio();
  std::optional<BufferHead*> failed;
  f.spawn(bread(f.vfs, f.device, 10, f.task), failed);
  f.run_for(Duration(1));
  f.make_fail(bio);
  f.run();
  REQUIRE(failed);
  CHECK(*failed == nullptr);
}

TEST_CASE("bread by two tasks at once reads once", "[fs]") {
  FsFixture f;
  std::optional<BufferHead*> first, second;
  f.spawn(bread(f.vfs, f.device, 9, f.task), first);
  f.spawn(bread(f.vfs, f.device, 9, f.other_task), second);
  f.run();
  REQUIRE(first);
  CHECK(first == second);
  CHECK(f.log.requests.size() == 1);
}

TEST_CASE("buffer-heads 7: errors of the mapping are reported once", "[fs]") {
  FsFixture f;
  f.file.i_data.AS_ENOSPC = true;
  CHECK(f.await(filemap_fdatawait(f.vfs, f.file, f.task)) == Errno::kEnospc);
  CHECK(f.await(filemap_fdatawait(f.vfs, f.file, f.task)) == Errno::kOk);
  f.file.i_data.AS_EIO = true;
  CHECK(f.await(filemap_fdatawait(f.vfs, f.file, f.task)) == Errno::kEio);
  CHECK(f.await(filemap_fdatawait(f.vfs, f.file, f.task)) == Errno::kOk);
}

}  // namespace
}  // namespace wbsim
