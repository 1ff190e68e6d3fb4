// Prepare and commit: which blocks a write reads, maps, zeroes and dirties.
#include <catch2/catch.hpp>

#include "models/fs/block_write_begin.hpp"
#include "models/fs/buffer_io.hpp"
#include "models/fs/file.hpp"
#include "tests/support/fs_buffer_text.hpp"

namespace wbsim {
namespace {

using State = Prepared::State;

std::vector<int> reads_of(FsFixture& f, Prepared& prepared) {
  std::vector<int> numbers;
  while (!prepared.reads.empty()) {
    FileBio& bio = prepared.reads.pop_front();
    BufferHead& bh = f.vfs.buffers[static_cast<BufferId>(bio.cookie)];
    CHECK(bio.op == BioOp::kRead);
    numbers.push_back(bh.b_number());
    bio.bi_end_io(bio, true);
  }
  return numbers;
}

Page& locked_page(FsFixture& f, const Texts& buffers) {
  return f.lock(add_page(f, 0, buffers));
}

TEST_CASE("buffer-heads 4: only partly written existing blocks are read", "[fs]") {
  struct Row {
    int block_size;
    std::int64_t from, to;
    std::vector<int> reads;
  };
  const std::vector<Row> rows{
      {512, 0, 4096, {}},        {512, 512, 1024, {}},     {512, 1, 4096, {0}},
      {512, 0, 4095, {7}},       {512, 700, 3000, {1, 5}}, {512, 600, 601, {1}},
      {1024, 0, 4096, {}},       {1024, 1024, 3072, {}},   {1024, 100, 4096, {0}},
      {1024, 100, 4000, {0, 3}}, {1024, 1024, 1500, {1}},  {1024, 1023, 1025, {0, 1}},
      {2048, 0, 2048, {}},       {2048, 1, 4095, {0, 1}},  {2048, 2047, 2048, {0}},
      {4096, 0, 4096, {}},       {4096, 1, 4096, {0}},     {4096, 0, 4095, {0}},
      {4096, 10, 20, {0}},
  };
  for (const Row& row : rows) {
    FsSetup setup;
    setup.block_size = row.block_size;
    FsFixture f(setup);
    for (int i = 0; i < f.blocks_per_page(); ++i)
      f.fs.blocks[i] = 100 + i;
    Page& page = f.lock(f.add_page(0));
    Prepared prepared = block_prepare(f.vfs, f.file, page, row.from, row.to);
    CAPTURE(row.block_size, row.from, row.to);
    CHECK(prepared.state == (row.reads.empty() ? State::kReady : State::kReading));
    CHECK(prepared.waiting_count == static_cast<int>(row.reads.size()));
    CHECK(reads_of(f, prepared) == row.reads);

    block_commit_write(f.vfs, page, row.from, row.to, nullptr);
    bool all = true;
    for (int i = 0; i < f.blocks_per_page(); ++i) {
      const std::int64_t start = std::int64_t{i} * row.block_size;
      const bool touched = start < row.to && start + row.block_size > row.from;
      const BufferHead& bh = f.buffer(page, i);
      CHECK(bh.test(BH_Dirty) == touched);
      CHECK(bh.test(BH_Mapped) == touched);
      CHECK(bh.test(BH_Uptodate) == touched);
      CHECK_FALSE(bh.test(BH_New));
      all = all && touched;
    }
    CHECK(page.test(PG_uptodate) == all);
    CHECK(page.test(PG_dirty));
    f.cache.unlock_page(page);
    f.cache.check();
  }
}

TEST_CASE("buffer-heads 4: a new block is zeroed, not read", "[fs]") {
  FsFixture f;
  Page& page = f.lock(f.add_page(0));
  const Prepared prepared = block_prepare(f.vfs, f.file, page, 100, 2000);
  CHECK(prepared.state == State::kReady);
  CHECK(prepared.reads.empty());
  CHECK(buffers_of(f, page) == Texts{"MN@500", "MN@501", "", ""});
  block_commit_write(f.vfs, page, 100, 2000, nullptr);
  CHECK(buffers_of(f, page) == Texts{"UDM@500", "UDM@501", "", ""});
  CHECK_FALSE(page.test(PG_uptodate));
}

TEST_CASE("buffer-heads 4: a hole in the file becomes a new block", "[fs]") {
  FsFixture f;
  f.fs.blocks = {{0, 100}, {2, 102}, {3, 103}};
  Page& page = f.lock(f.add_page(0));
  Prepared prepared = block_prepare(f.vfs, f.file, page, 512, 1536);
  CHECK(reads_of(f, prepared) == std::vector<int>{0});
  CHECK(buffers_of(f, page) == Texts{"UMR@100", "MN@501", "", ""});
}

TEST_CASE("buffer-heads 4: Delay and Unwritten blocks are not read", "[fs]") {
  FsFixture f;
  Page& page = locked_page(f, {"MY@100", "M@101", "M@102", "MW@103"});
  Prepared prepared = block_prepare(f.vfs, f.file, page, 10, 4090);
  CHECK(prepared.state == State::kReady);
  CHECK(prepared.reads.empty());
}

TEST_CASE("buffer-heads 4: nothing is read that is uptodate", "[fs]") {
  FsFixture f;
  Page& page = locked_page(f, {"UM@100", "M@101", "M@102", "M@103"});
  Prepared prepared = block_prepare(f.vfs, f.file, page, 10, 4090);
  CHECK(reads_of(f, prepared) == std::vector<int>{3});

  Page& whole = f.lock(f.add_page(1, PG_uptodate));
  prepared = block_prepare(f.vfs, f.file, whole, 1000, 1100);
  CHECK(prepared.state == State::kReady);
  CHECK(buffers_of(f, whole) == Texts{"UMN@504", "UMN@505", "U", "U"});
}

TEST_CASE("buffer-heads 4: untouched blocks of an uptodate page become uptodate", "[fs]") {
  FsFixture f;
  Page& page = locked_page(f, {"M@100", "M@101", "M@102", ""});
  page.set(PG_uptodate);
  CHECK(block_prepare(f.vfs, f.file, page, 0, 1024).state == State::kReady);
  CHECK(buffers_of(f, page) == Texts{"UM@100", "UM@101", "UM@102", "U"});
}

TEST_CASE("buffer-heads 4.1: a new block loses its alias among the device's buffers", "[fs]") {
  FsFixture f;
  BufferHead& alias = make_uptodate_block(f.vfs, f.device, 501);
  mark_buffer_dirty(f.vfs, alias, nullptr);
  alias.set(BH_Req);
  BufferHead& neighbour = make_uptodate_block(f.vfs, f.device, 502);
  mark_buffer_dirty(f.vfs, neighbour, nullptr);
  Page& page = f.lock(f.add_page(0));
  block_prepare(f.vfs, f.file, page, 1024, 2048);
  CHECK(to_text(alias) == "UM@501");
  CHECK(to_text(neighbour) == "UDM@502");
}

TEST_CASE("buffer-heads 4: after a failed get_block no stale data is exposed", "[fs]") {
  FsFixture f;
  f.fs.failures = {{2, GetBlock::kEnospc}};
  Page& page = f.lock(f.add_page(0));
  const Prepared prepared = block_prepare(f.vfs, f.file, page, 100, 4096);
  CHECK(prepared.state == State::kFailed);
  CHECK(prepared.error == Errno::kEnospc);
  CHECK(buffers_of(f, page) == Texts{"MN@500", "MN@501", "", ""});
  page_zero_new_buffers(f.vfs, page, nullptr);
  CHECK(buffers_of(f, page) == Texts{"UDM@500", "UDM@501", "", ""});
  CHECK(page.test(PG_dirty));
}

TEST_CASE("buffer-heads 4: reads begun before get_block failed are awaited", "[fs]") {
  FsFixture f;
  f.fs.blocks = {{0, 100}};
  f.fs.failures = {{2, GetBlock::kEnospc}};
  CHECK(f.await(generic_file_write(f.vfs, f.file, 100, 4000, f.task)) == Errno::kEnospc);
  Page& page = *f.cache.find_get_page(f.file.i_data, 0);
  CHECK(buffers_of(f, page) == Texts{"UMR@100", "UDM@501", "", ""});
  CHECK(page.b_count == 0);
  f.fs.failures.clear();
  CHECK(f.await(generic_file_write(f.vfs, f.file, 100, 4000, f.task)) == Errno::kOk);
  f.cache.check();
}

TEST_CASE("buffer-heads 4: reads begun before metadata was missing are awaited", "[fs]") {
  FsFixture f;
  f.fs.blocks = {{0, 100}, {1, 101}, {2, 102}, {3, 103}};
  f.fs.metadata = {{2, 70}};
  CHECK(f.await(generic_file_write(f.vfs, f.file, 100, 3900, f.task)) == Errno::kOk);
  Page& page = *f.cache.find_get_page(f.file.i_data, 0);
  CHECK(buffers_of(f, page) == Texts{"UDMR@100", "UDM@101", "UDM@102", "UDMR@103"});
  CHECK(page.b_count == 0);
  CHECK(page.test(PG_uptodate));
}

TEST_CASE("buffer-heads 4: a block that somebody else reads is waited for", "[fs]") {
  FsFixture f;
  f.device.i_data.bdi = &f.bdi;
  std::optional<BufferHead*> bread_result;
  std::optional<Errno> written;
  f.spawn(bread(f.vfs, f.device, 8, f.other_task), bread_result);
  f.spawn(generic_file_write(f.vfs, f.device, 8 * 1024 + 100, 100, f.task), written);
  f.run_for(std::chrono::microseconds(50));
  CHECK_FALSE(bread_result);
  CHECK_FALSE(written);
  f.run();
  CHECK(written == Errno::kOk);
  CHECK(f.log.requests.size() == 1);
  CHECK(to_text(**bread_result) == "UDMR@8");
}

TEST_CASE("buffer-heads 4: a read that fails ends the write with EIO", "[fs]") {
  FsFixture f;
  f.fs.blocks = {{0, 100}, {1, 101}, {2, 102}, {3, 103}};
  FileBio& bio = f.next_buffer_bio();
  std::optional<Errno> written;
  f.spawn(generic_file_write(f.vfs, f.file, 100, 100, f.task), written);
  f.run_for(Duration(1));
  f.make_fail(bio);
  f.run();
  CHECK(written == Errno::kEio);
  Page& page = *f.cache.find_get_page(f.file.i_data, 0);
  CHECK(buffers_of(f, page) == Texts{"MR@100", "", "", ""});
  CHECK_FALSE(page.test(PG_dirty));
  CHECK_FALSE(page.test(PG_locked));
  CHECK(f.await(generic_file_write(f.vfs, f.file, 100, 100, f.task)) == Errno::kOk);
}

TEST_CASE("buffer-heads 4: metadata that cannot be read ends the write with EIO", "[fs]") {
  FsFixture f;
  f.fs.blocks = {{0, 100}, {1, 101}, {2, 102}, {3, 103}};
  f.fs.metadata = {{2, 70}};
  FileBio& bio = f.next_buffer_bio();
  std::optional<Errno> written;
  f.spawn(generic_file_write(f.vfs, f.file, 2048, 1024, f.task), written);
  f.run_for(Duration(1));
  f.make_fail(bio);
  f.run();
  CHECK(written == Errno::kEio);
  Page& page = *f.cache.find_get_page(f.file.i_data, 0);
  CHECK_FALSE(page.test(PG_dirty));
  CHECK_FALSE(page.test(PG_locked));
}

}  // namespace
}  // namespace wbsim
