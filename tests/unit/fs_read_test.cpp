// read(2): what is read from the disk in which pieces, and the read-ahead window.
#include <catch2/catch.hpp>

#include "models/fs/buffer_io.hpp"
#include "models/fs/file.hpp"
#include "models/fs/page_scan.hpp"
#include "tests/support/fs_buffer_text.hpp"

namespace wbsim {
namespace {

using Pieces = std::vector<std::pair<std::int64_t, std::int64_t>>;  // sector, sectors

// What was read since the last call.
Pieces pieces(FsFixture& f) {
  Pieces result;
  for (const RequestRecord& rq : f.log.requests) {
    CHECK_FALSE(rq.write);
    result.emplace_back(rq.sector.count(), rq.sectors.count());
  }
  f.log.requests.clear();
  return result;
}

FsSetup in_order(int block_size) {
  FsSetup setup;
  setup.block_size = block_size;
  setup.block.queue.scheduler = "noop";
  return setup;
}

// A file whose blocks follow each other on the disk.
void lay_out(FsFixture& f, std::int64_t size) {
  f.file.i_size = size;
  for (std::int64_t i = 0; i * f.file.block_size() < size; ++i)
    f.fs.blocks[i] = 1000 + i;
}

Errno read_bytes(FsFixture& f, FileRaState& ra, std::int64_t pos, std::int64_t length,
                 std::int64_t ra_pages = 32) {
  return f.await(generic_file_read(f.vfs, f.file, pos, length, ra, ra_pages, f.task));
}

Errno read_page(FsFixture& f, PageIndex index) {
  FileRaState ra;
  return read_bytes(f, ra, std::int64_t{index} * 4096, 4096, 1);
}

std::int64_t cached_until(FsFixture& f) {
  std::int64_t n = 0;
  while (f.cache.find_get_page(f.file.i_data, static_cast<PageIndex>(n)))
    ++n;
  return n;
}

TEST_CASE("reading page by page: the window doubles up to its limit", "[fs]") {
  FsFixture f(in_order(4096));
  lay_out(f, 100 * 4096);
  FileRaState ra;
  struct Row {
    std::int64_t page, cached;
  };
  for (const Row& row : {Row{0, 4}, Row{1, 12}, Row{2, 12}, Row{3, 12}, Row{4, 28}, Row{11, 28},
                         Row{12, 60}, Row{27, 60}, Row{28, 92}, Row{59, 92}, Row{60, 100}}) {
    CHECK(read_bytes(f, ra, row.page * 4096, 4096) == Errno::kOk);
    CAPTURE(row.page);
    CHECK(cached_until(f) == row.cached);
  }
}

// A file of 2 MiB read in calls of one page: the sectors of each request.
std::vector<std::int64_t> requests_of_reader(std::int64_t read_ahead_kb) {
  FsFixture f(in_order(4096));
  lay_out(f, 512 * 4096);
  FileRaState ra;
  for (std::int64_t page = 0; page < 512; ++page)
    CHECK(read_bytes(f, ra, page * 4096, 4096, read_ahead_kb / 4) == Errno::kOk);
  std::vector<std::int64_t> sizes;
  for (const auto& [sector, sectors] : pieces(f))
    sizes.push_back(sectors / 2);
  return sizes;
}

TEST_CASE("read_ahead_kb is the largest request of a sequential reader", "[fs]") {
  using Sizes = std::vector<std::int64_t>;
  const auto begins = [](const Sizes& all, const Sizes& first) {
    return all.size() > first.size() && std::equal(first.begin(), first.end(), all.begin());
  };
  CHECK(requests_of_reader(0) == Sizes(512, 4));
  CHECK(begins(requests_of_reader(16), {8, 16, 16, 16, 16}));
  CHECK(begins(requests_of_reader(128), {16, 32, 64, 128, 128, 128}));
  CHECK(begins(requests_of_reader(512), {16, 64, 128, 256, 512, 512}));
}

TEST_CASE("the first window follows from the request", "[fs]") {
  struct Row {
    std::int64_t request, max, window;
  };
  for (const Row& row : {Row{1, 32, 4}, Row{2, 32, 4}, Row{3, 32, 8}, Row{4, 32, 8}, Row{8, 32, 16},
                         Row{9, 32, 32}, Row{16, 32, 32}, Row{1, 128, 4}, Row{4, 128, 16},
                         Row{5, 128, 16}, Row{32, 128, 64}, Row{33, 128, 128}}) {
    FsFixture f(in_order(4096));
    lay_out(f, 500 * 4096);
    FileRaState ra;
    CHECK(read_bytes(f, ra, 0, row.request * 4096, row.max) == Errno::kOk);
    CAPTURE(row.request, row.max);
    CHECK(ra.prev_index == row.request - 1);
    // The marker at start + request was not reached: the first window is all there is.
    CHECK(cached_until(f) == row.window);
  }
}

TEST_CASE("a random read reads what is asked for, and leaves the window alone", "[fs]") {
  FsFixture f(in_order(4096));
  lay_out(f, 500 * 4096);
  FileRaState ra;
  CHECK(read_bytes(f, ra, 50 * 4096, 4096) == Errno::kOk);
  CHECK(pieces(f) == Pieces{{(1000 + 50) * 8, 8}});
  CHECK(ra.size == 0);
  CHECK(read_bytes(f, ra, 70 * 4096 + 100, 4096) == Errno::kOk);
  CHECK(pieces(f) == Pieces{{(1000 + 70) * 8, 16}});
  // What follows on it is sequential: a first window.
  CHECK(read_bytes(f, ra, 72 * 4096, 4096) == Errno::kOk);
  CHECK(pieces(f) == Pieces{{(1000 + 72) * 8, 32}});
  CHECK(ra.async_size == 3);
}

TEST_CASE("a random read of more than the window's limit starts a window", "[fs]") {
  FsFixture f(in_order(4096));
  lay_out(f, 500 * 4096);
  FileRaState ra;
  CHECK(read_bytes(f, ra, 50 * 4096, 10 * 4096, 8) == Errno::kOk);
  for (PageIndex i = 50; i < 60; ++i)
    CHECK(f.cache.find_get_page(f.file.i_data, i));
}

TEST_CASE("pages in the cache are not read again", "[fs]") {
  FsFixture f(in_order(4096));
  lay_out(f, 8 * 4096);
  FileRaState ra;
  CHECK(read_bytes(f, ra, 0, 8 * 4096) == Errno::kOk);
  CHECK(pieces(f) == Pieces{{8000, 64}});
  CHECK(read_bytes(f, ra, 0, 8 * 4096) == Errno::kOk);
  CHECK(pieces(f).empty());
  f.cache.check();
}

TEST_CASE("nothing is read behind the end of the file", "[fs]") {
  FsFixture f(in_order(4096));
  lay_out(f, 4096);
  FileRaState ra;
  CHECK(read_bytes(f, ra, 4096, 4096) == Errno::kOk);
  CHECK(read_bytes(f, ra, 100, 0) == Errno::kOk);
  CHECK(pieces(f).empty());
  CHECK(read_bytes(f, ra, 0, 1 << 20) == Errno::kOk);
  CHECK(pieces(f) == Pieces{{8000, 8}});
}

TEST_CASE("the last page is read as far as the file goes", "[fs]") {
  FsFixture f(in_order(1024));
  lay_out(f, 5000);
  FileRaState ra;
  CHECK(read_bytes(f, ra, 0, 5000) == Errno::kOk);
  CHECK(pieces(f) == Pieces{{2000, 10}});
}

TEST_CASE("holes are zeros, without I/O", "[fs]") {
  FsFixture f(in_order(1024));
  f.file.i_size = 4096;
  CHECK(read_page(f, 0) == Errno::kOk);
  CHECK(pieces(f).empty());
  CHECK(f.cache.find_get_page(f.file.i_data, 0)->test(PG_uptodate));
}

TEST_CASE("a page that is a hole in part is read in part", "[fs]") {
  struct Row {
    std::map<std::int64_t, std::int64_t> blocks;
    Pieces read;
  };
  for (const Row& row : {Row{{{0, 100}, {1, 101}}, {{200, 4}}},            // the end
                         Row{{{2, 102}, {3, 103}}, {{204, 4}}},            // the start
                         Row{{{0, 100}, {3, 103}}, {{200, 2}, {206, 2}}},  // the middle
                         Row{{{0, 100}, {1, 50}, {2, 51}, {3, 52}}, {{200, 2}, {100, 6}}}}) {
    FsFixture f(in_order(1024));
    f.file.i_size = 4096;
    f.fs.blocks = row.blocks;
    CHECK(read_page(f, 0) == Errno::kOk);
    CHECK(pieces(f) == row.read);
    Page& page = *f.cache.find_get_page(f.file.i_data, 0);
    CHECK(page.test(PG_uptodate));
    CHECK_FALSE(page.test(PG_locked));
  }
}

TEST_CASE("of a partly uptodate page only the rest is read", "[fs]") {
  FsFixture f(in_order(1024));
  lay_out(f, 4096);
  CHECK(f.await(generic_file_write(f.vfs, f.file, 1024, 1024, f.task)) == Errno::kOk);
  CHECK(read_page(f, 0) == Errno::kOk);
  CHECK(pieces(f) == Pieces{{2000, 2}, {2004, 4}});
  Page& page = *f.cache.find_get_page(f.file.i_data, 0);
  CHECK(page.test(PG_uptodate));
  CHECK(buffers_of(f, page) == Texts{"UMR@1000", "UDM@1001", "UMR@1002", "UMR@1003"});
}

TEST_CASE("the metadata a partly uptodate page needs is read first", "[fs]") {
  FsFixture f(in_order(1024));
  lay_out(f, 4096);
  CHECK(f.await(generic_file_write(f.vfs, f.file, 1024, 1024, f.task)) == Errno::kOk);
  f.fs.metadata = {{2, 70}};
  CHECK(read_page(f, 0) == Errno::kOk);
  CHECK(pieces(f) == Pieces{{140, 2}, {2000, 2}, {2004, 4}});
}

TEST_CASE("metadata of the read itself comes before the pages it maps", "[fs]") {
  FsFixture f(in_order(4096));
  lay_out(f, 4 * 4096);
  f.fs.metadata = {{2, 70}};
  FileRaState ra;
  CHECK(read_bytes(f, ra, 0, 4 * 4096) == Errno::kOk);
  CHECK(pieces(f) == Pieces{{8000, 16}, {560, 8}, {8016, 16}});
}

TEST_CASE("bios of a read stay within the queue's limits", "[fs]") {
  FsSetup setup = in_order(4096);
  setup.block.queue.max_sectors = Sectors(255);
  FsFixture f(setup);
  lay_out(f, 40 * 4096);
  FileRaState ra;
  CHECK(read_bytes(f, ra, 0, 40 * 4096, 64) == Errno::kOk);
  CHECK(pieces(f) == Pieces{{8000, 248}, {8248, 72}});
}

TEST_CASE("a page whose read-ahead failed is tried once more", "[fs]") {
  for (const bool again : {false, true}) {
    FsFixture f(in_order(4096));
    lay_out(f, 4096);
    FileBio& first = f.next_page_bio();
    FileBio& second = f.next_buffer_bio();
    FileRaState ra;
    std::optional<Errno> result;
    f.spawn(generic_file_read(f.vfs, f.file, 0, 4096, ra, 32, f.task), result);
    f.run_for(Duration(1));
    f.make_fail(first);
    while (again && !second.bi_end_io)
      f.run_for(std::chrono::microseconds(10));
    if (again)
      f.make_fail(second);
    f.run();
    CHECK(result == (again ? Errno::kEio : Errno::kOk));
    const Page& page = *f.cache.find_get_page(f.file.i_data, 0);
    CHECK(page.test(PG_uptodate) == !again);
    CHECK(page.test(PG_error) == again);
    CHECK_FALSE(page.test(PG_locked));
    CHECK(read_page(f, 0) == Errno::kOk);  // and the error does not stick
    CHECK_FALSE(page.test(PG_error));
  }
}

TEST_CASE("metadata that cannot be read makes the read fail", "[fs]") {
  FsFixture f(in_order(4096));
  lay_out(f, 4096);
  f.fs.failures = {{0, GetBlock::kEio}};
  CHECK(read_page(f, 0) == Errno::kEio);
  f.fs.failures.clear();
  CHECK(read_page(f, 0) == Errno::kOk);
}

TEST_CASE("two readers of a page wait for one read", "[fs]") {
  FsFixture f(in_order(4096));
  lay_out(f, 4096);
  FileRaState ra, other_ra;
  std::optional<Errno> first, second;
  f.spawn(generic_file_read(f.vfs, f.file, 0, 4096, ra, 32, f.task), first);
  f.spawn(generic_file_read(f.vfs, f.file, 0, 4096, other_ra, 32, f.other_task), second);
  f.run();
  CHECK(first == Errno::kOk);
  CHECK(second == Errno::kOk);
  CHECK(pieces(f) == Pieces{{8000, 8}});
}

TEST_CASE("a reader of the raw device waits for a block that is being read", "[fs]") {
  FsFixture f(in_order(1024));
  FileRaState ra;
  std::optional<BufferHead*> block;
  std::optional<Errno> result;
  f.spawn(bread(f.vfs, f.device, 9, f.other_task), block);
  f.spawn(generic_file_read(f.vfs, f.device, 8192, 4096, ra, 1, f.task), result);
  f.run();
  CHECK(result == Errno::kOk);
  REQUIRE(block);
  CHECK(to_text(**block) == "UMR@9");
  CHECK(page_of(f.vfs, **block).b_count == 0);
  CHECK(pieces(f) == Pieces{{18, 2}, {16, 2}, {20, 4}});
}

TEST_CASE("a page truncated while its read is waited for is no error", "[fs]") {
  FsFixture f(in_order(4096));
  lay_out(f, 4096);
  Page& page = f.lock(f.add_page(0));
  FileRaState ra;
  std::optional<Errno> result;
  f.spawn(generic_file_read(f.vfs, f.file, 0, 4096, ra, 32, f.task), result);
  f.run();
  CHECK_FALSE(result);
  f.file.i_size = 0;
  f.cache.unlock_page(page);
  f.cache.remove_from_page_cache(page);
  f.run();
  CHECK(result == Errno::kOk);
  f.cache.check();
}

}  // namespace
}  // namespace wbsim
