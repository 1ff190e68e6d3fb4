// do_writepages(): which dirty pages are found, in which order, and what makes it wait.
#include <algorithm>
#include <catch2/catch.hpp>
#include <numeric>

#include "models/fs/buffer_io.hpp"
#include "models/fs/file.hpp"
#include "models/fs/page_scan.hpp"
#include "tests/support/fs_buffer_text.hpp"

namespace wbsim {
namespace {

using Indices = std::vector<std::int64_t>;

// One block per page; page i lies at block 10 * i, so that each is a request of its own, and the
// disk takes them in the order of submission.
FsSetup scattered(PageScanRule rule, bool mpage = false) {
  FsSetup setup = rule == PageScanRule::k2624 ? FsSetup::of_2624() : FsSetup{};
  if (rule > PageScanRule::k2631)
    setup.rules.page_scan = rule;
  setup.block_size = 4096;
  setup.mpage = mpage;
  setup.block.queue.scheduler = "noop";
  return setup;
}

void dirty_pages(FsFixture& f, const Indices& indices) {
  f.file.i_size = std::int64_t{1} << 30;
  for (const std::int64_t i : indices) {
    f.fs.blocks[i] = 10 * i;
    Page* page = f.cache.find_get_page(f.file.i_data, static_cast<PageIndex>(i));
    if (!page)
      page = &f.add_page(static_cast<PageIndex>(i), PG_uptodate);
    set_page_dirty_buffers(f.vfs, *page, nullptr);
  }
}

Indices range(std::int64_t first, std::int64_t last) {
  Indices indices(static_cast<std::size_t>(last - first + 1));
  std::iota(indices.begin(), indices.end(), first);
  return indices;
}

Indices joined(Indices a, const Indices& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

Indices written(const FsFixture& f) {
  Indices indices;
  for (const RequestRecord& rq : f.log.requests)
    indices.push_back(rq.sector.count() / 80);
  return indices;
}

WritebackControl cyclic(std::int64_t nr) {
  WritebackControl wbc;
  wbc.range_cyclic = true;
  wbc.nr_to_write = nr;
  return wbc;
}

Page& page_at(FsFixture& f, PageIndex index) {
  return *f.cache.find_get_page(f.file.i_data, index);
}

TEST_CASE("pdflush 9.6: page scan table", "[fs]") {
  struct Result {
    Indices pages;
    std::int64_t left;
    PageIndex index;
  };
  struct Row {
    Indices dirty;
    PageIndex index;
    std::int64_t nr;
    Result r2624, r2631;
  };
  const Indices all = range(0, 29);
  const std::vector<Row> rows{
      {all, 20, 12, {range(20, 29), 2, 30}, {joined(range(20, 29), {0, 1}), 0, 2}},
      {all, 0, 5, {range(0, 13), -9, 14}, {range(0, 4), 0, 5}},
      {all, 20, 100, {range(20, 29), 90, 30}, {joined(range(20, 29), range(0, 19)), 70, 20}},
      {range(0, 4), 10, 100, {range(0, 4), 95, 5}, {range(0, 4), 95, 5}},
      {{3, 4, 50}, 10, 2, {{50}, 1, 51}, {{50, 3}, 0, 4}},
  };
  for (const Row& row : rows) {
    for (const auto rule : {PageScanRule::k2624, PageScanRule::k2631}) {
      for (const bool mpage : {false, true}) {
        FsFixture f(scattered(rule, mpage));
        dirty_pages(f, row.dirty);
        f.file.i_data.writeback_index = row.index;
        WritebackControl wbc = cyclic(row.nr);
        CHECK(f.await(do_writepages(f.vfs, f.file, wbc, f.task)) == Errno::kOk);
        const Result& expected = rule == PageScanRule::k2624 ? row.r2624 : row.r2631;
        CAPTURE(row.dirty, row.index, row.nr, mpage);
        CHECK(written(f) == expected.pages);
        CHECK(wbc.nr_to_write == expected.left);
        CHECK(f.file.i_data.writeback_index == expected.index);
        f.cache.check();
      }
    }
  }
}

// bdi 9.6 for 2.6.39, whose scan 3.10 has; 6.x 10.5.
TEST_CASE("bdi 9.6, 6.x 10.5: page scan from 2.6.39 on", "[fs]") {
  struct Row {
    PageScanRule rule;
    Indices dirty;
    PageIndex index;
    std::int64_t nr;
    Indices pages;
    std::int64_t left;
    PageIndex next;
  };
  const Indices all = range(0, 29);
  const std::vector<Row> rows{
      {PageScanRule::k310, all, 20, 12, joined(range(20, 29), {0, 1}), 0, 1},
      {PageScanRule::k310, all, 0, 5, range(0, 4), 0, 4},
      {PageScanRule::k61, all, 20, 12, range(20, 29), 2, 0},
      {PageScanRule::k61, all, 0, 5, range(0, 4), 0, 4},
      {PageScanRule::k61, range(0, 4), 10, 100, {}, 100, 0},
  };
  for (const Row& row : rows) {
    FsFixture f(scattered(row.rule));
    dirty_pages(f, row.dirty);
    f.file.i_data.writeback_index = row.index;
    WritebackControl wbc = cyclic(row.nr);
    CHECK(f.await(do_writepages(f.vfs, f.file, wbc, f.task)) == Errno::kOk);
    CAPTURE(row.dirty, row.index, row.nr);
    CHECK(written(f) == row.pages);
    CHECK(wbc.nr_to_write == row.left);
    CHECK(f.file.i_data.writeback_index == row.next);
    f.cache.check();
  }
}

// A writer that keeps dirtying pages behind the scan does not keep it going.
TEST_CASE("bdi 6: an integrity scan takes only the pages dirty when it began", "[fs]") {
  for (const auto rule : {PageScanRule::k310, PageScanRule::k61}) {
    FsFixture f(scattered(rule));
    dirty_pages(f, range(0, 20));
    Page& held = f.lock(page_at(f, 3));  // the scan waits here
    std::optional<Errno> done;
    f.spawn(filemap_fdatawrite(f.vfs, f.file, f.task), done);
    f.run();
    dirty_pages(f, range(21, 40));
    f.cache.unlock_page(held);
    f.run();
    REQUIRE(done);
    CHECK(written(f) == range(0, 20));
    CHECK(f.cache.counters().nr_file_dirty == Pages(20));
    for (PageIndex i = 0; i <= 40; ++i)
      CHECK_FALSE(f.file.i_data.pages.tagged(i, PageTag::kTowrite));
  }
}

TEST_CASE("pdflush 6.4: 2.6.31 wraps, and ends before where it began", "[fs]") {
  for (const bool dirty_before : {false, true}) {
    FsFixture f(scattered(PageScanRule::k2631));
    dirty_pages(f, range(20, 29));
    if (dirty_before)
      dirty_pages(f, {7});
    Page& busy = f.lock(page_at(f, 20));  // is skipped, and must not be looked at again
    f.cache.clear_page_dirty_for_io(busy);
    f.cache.set_page_writeback(busy);
    f.cache.unlock_page(busy);
    set_page_dirty_buffers(f.vfs, busy, nullptr);
    f.file.i_data.writeback_index = 20;
    WritebackControl wbc = cyclic(100);
    CHECK(f.await(do_writepages(f.vfs, f.file, wbc, f.task)) == Errno::kOk);
    CHECK(written(f) == joined(range(21, 29), dirty_before ? Indices{7} : Indices{}));
    CHECK(f.file.i_data.writeback_index == (dirty_before ? 8 : 0));
  }
}

TEST_CASE("pdflush 6.4: nothing to write, nothing done", "[fs]") {
  FsFixture f(scattered(PageScanRule::k2631));
  dirty_pages(f, range(0, 3));
  for (const std::int64_t nr : {0, -5}) {
    WritebackControl wbc = cyclic(nr);
    CHECK(f.await(do_writepages(f.vfs, f.file, wbc, f.task)) == Errno::kOk);
    CHECK(written(f).empty());
  }
}

TEST_CASE("pdflush 6.4: a range is not wrapped and does not move writeback_index", "[fs]") {
  for (const auto rule : {PageScanRule::k2624, PageScanRule::k2631}) {
    FsFixture f(scattered(rule));
    dirty_pages(f, {1, 5, 6, 7, 30});
    f.file.i_data.writeback_index = 3;
    WritebackControl wbc;
    wbc.nr_to_write = 100;
    wbc.range_start = 5;
    wbc.range_end = 7;
    CHECK(f.await(do_writepages(f.vfs, f.file, wbc, f.task)) == Errno::kOk);
    CHECK(written(f) == Indices{5, 6, 7});
    CHECK(wbc.nr_to_write == 97);
    CHECK(f.file.i_data.writeback_index == 3);
  }
}

TEST_CASE("pdflush 6.4: the whole file with budget left sets writeback_index", "[fs]") {
  for (const auto rule : {PageScanRule::k2624, PageScanRule::k2631}) {
    FsFixture f(scattered(rule));
    dirty_pages(f, {1, 5, 30});
    f.file.i_data.writeback_index = 3;
    CHECK(f.await(filemap_fdatawrite(f.vfs, f.file, f.task)) == Errno::kOk);
    CHECK(written(f) == Indices{1, 5, 30});
    CHECK(f.file.i_data.writeback_index == 31);
  }
}

TEST_CASE("buffer-heads 14.10: pages under write-back are skipped, or waited for", "[fs]") {
  for (const auto rule : {PageScanRule::k2624, PageScanRule::k2631}) {
    for (const auto mode : {SyncMode::WB_SYNC_NONE, SyncMode::WB_SYNC_ALL}) {
      FsFixture f(scattered(rule));
      dirty_pages(f, {0, 1});
      WritebackControl first = cyclic(1);
      std::optional<Errno> done;
      f.spawn(do_writepages(f.vfs, f.file, first, f.task), done);
      f.run_for(Duration(1));
      REQUIRE(page_at(f, 0).test(PG_writeback));
      dirty_pages(f, {0});
      WritebackControl wbc;
      wbc.sync_mode = mode;
      wbc.nr_to_write = 100;
      CHECK(f.await(do_writepages(f.vfs, f.file, wbc, f.task)) == Errno::kOk);
      const bool waits = mode == SyncMode::WB_SYNC_ALL;
      CHECK(page_at(f, 0).test(PG_dirty) == !waits);
      const Indices order = written(f);
      CHECK(std::count(order.begin(), order.end(), 0) == (waits ? 2 : 1));
      CHECK(wbc.nr_to_write == (rule == PageScanRule::k2624 ? (waits ? 99 : 100) : 98 + !waits));
      f.cache.check();
    }
  }
}

TEST_CASE("pdflush 6.4: after a wait for the lock a page under write-back is skipped", "[fs]") {
  for (const auto mode : {SyncMode::WB_SYNC_NONE, SyncMode::WB_SYNC_ALL}) {
    FsFixture f(scattered(PageScanRule::k2631));
    dirty_pages(f, {0});
    Page& page = f.lock(page_at(f, 0));
    WritebackControl wbc;
    wbc.sync_mode = mode;
    wbc.nr_to_write = 100;
    std::optional<Errno> done;
    f.spawn(do_writepages(f.vfs, f.file, wbc, f.task), done);
    f.run();
    CHECK_FALSE(done);
    f.cache.clear_page_dirty_for_io(page);  // the owner of the lock writes it
    f.cache.set_page_writeback(page);
    f.cache.unlock_page(page);
    set_page_dirty_buffers(f.vfs, page, nullptr);
    f.run();
    CHECK(done.has_value() == (mode == SyncMode::WB_SYNC_NONE));
    f.cache.end_page_writeback(page);
    f.run();
    CHECK(done.has_value());
    CHECK(wbc.nr_to_write == (mode == SyncMode::WB_SYNC_NONE ? 100 : 99));
    f.cache.check();
  }
}

// Two fsync(2) of one file: the second comes to a page that the first has locked.
TEST_CASE("pdflush 6.4: what another wrote meanwhile is waited for up to 2.6.24", "[fs]") {
  const auto rule = GENERATE(PageScanRule::k2624, PageScanRule::k2631, PageScanRule::k61);
  FsFixture f(scattered(rule));
  dirty_pages(f, {0});
  Page& page = f.lock(page_at(f, 0));
  std::optional<Errno> done;
  f.spawn(filemap_fdatawrite(f.vfs, f.file, f.task), done);
  f.run();
  f.cache.clear_page_dirty_for_io(page);
  f.cache.set_page_writeback(page);
  f.cache.unlock_page(page);
  f.run();
  CHECK(done.has_value() == (rule != PageScanRule::k2624));
  f.cache.end_page_writeback(page);
  f.run();
  CHECK(done == Errno::kOk);
  CHECK(written(f).empty());
  f.cache.check();
}

TEST_CASE("pdflush 6.4: the page is locked while its write-back is waited for", "[fs]") {
  FsFixture f(scattered(PageScanRule::k2631));
  dirty_pages(f, {0});
  Page& page = f.lock(page_at(f, 0));
  f.cache.clear_page_dirty_for_io(page);
  f.cache.set_page_writeback(page);
  f.cache.unlock_page(page);
  set_page_dirty_buffers(f.vfs, page, nullptr);
  std::optional<Errno> synced, wrote;
  f.spawn(filemap_fdatawrite(f.vfs, f.file, f.task), synced);
  f.run();
  CHECK(page.test(PG_locked));
  f.spawn(generic_file_write(f.vfs, f.file, 0, 4096, f.other_task), wrote);
  f.run();
  CHECK_FALSE(wrote);
  f.cache.end_page_writeback(page);
  f.run();
  CHECK(synced == Errno::kOk);
  CHECK(wrote == Errno::kOk);
  CHECK(page.count == 0);
  CHECK(page.test(PG_dirty));
  f.cache.check();
}

TEST_CASE("pdflush 6.4: a page truncated while its lock is waited for is skipped", "[fs]") {
  FsFixture f(scattered(PageScanRule::k2631));
  dirty_pages(f, {0, 1});
  Page& page = f.lock(page_at(f, 0));
  WritebackControl wbc = cyclic(10);
  std::optional<Errno> done;
  f.spawn(do_writepages(f.vfs, f.file, wbc, f.task), done);
  f.run();
  f.cache.cancel_dirty_page(page);
  f.cache.unlock_page(page);
  f.cache.remove_from_page_cache(page);
  f.run();
  CHECK(done == Errno::kOk);
  CHECK(written(f) == Indices{1});
  CHECK(wbc.nr_to_write == 9);
  f.cache.check();
}

TEST_CASE("pdflush 6.4: congestion ends a nonblocking scan", "[fs]") {
  for (const auto rule : {PageScanRule::k2624, PageScanRule::k2631}) {
    FsSetup setup = scattered(rule);
    setup.block.queue.nr_requests = 16;  // congested from 15 on
    FsFixture f(setup);
    dirty_pages(f, range(0, 59));
    WritebackControl wbc = cyclic(50);
    wbc.nonblocking = true;
    std::optional<Errno> done;
    f.spawn(do_writepages(f.vfs, f.file, wbc, f.task), done);
    f.run_for(Duration(1));
    REQUIRE(f.queue.write_congested());
    if (rule == PageScanRule::k2631) {
      CHECK(done == Errno::kOk);
      CHECK(wbc.nr_to_write == 35);
      CHECK(f.file.i_data.writeback_index == 15);
    }
    CHECK(wbc.encountered_congestion);
    WritebackControl late = cyclic(50);  // and lets the next one do nothing
    late.nonblocking = true;
    std::optional<Errno> nothing;
    f.spawn(do_writepages(f.vfs, f.file, late, f.other_task), nothing);
    f.run_for(Duration(1));
    CHECK(nothing == Errno::kOk);
    CHECK(late.encountered_congestion);
    CHECK(late.nr_to_write == 50);
    f.run();
    CHECK(written(f) == (rule == PageScanRule::k2631 ? range(0, 14) : range(0, 27)));
  }
}

TEST_CASE("pdflush 6.4: 2.6.24 finishes the batch after an error, 2.6.31 stops", "[fs]") {
  for (const auto rule : {PageScanRule::k2624, PageScanRule::k2631}) {
    FsFixture f(scattered(rule));
    dirty_pages(f, range(0, 29));
    f.fs.failures = {{3, GetBlock::kEnospc}};
    WritebackControl wbc = cyclic(100);
    CHECK(f.await(do_writepages(f.vfs, f.file, wbc, f.task)) == Errno::kEnospc);
    CHECK(written(f) ==
          (rule == PageScanRule::k2624 ? joined(range(0, 2), range(4, 13)) : range(0, 2)));
    CHECK(f.file.i_data.writeback_index == (rule == PageScanRule::k2624 ? 14 : 4));
    CHECK(f.file.i_data.AS_ENOSPC);
    CHECK(page_at(f, 3).test(PG_error));
    CHECK_FALSE(page_at(f, 3).test(PG_dirty));
    f.cache.check();
  }
}

TEST_CASE("a scan waits for a slot when the queue is full", "[fs]") {
  FsSetup setup = scattered(PageScanRule::k2631);
  setup.block.queue.nr_requests = 4;
  FsFixture f(setup);
  dirty_pages(f, range(0, 99));
  CHECK(f.await(filemap_fdatawrite(f.vfs, f.file, f.task)) == Errno::kOk);
  CHECK(written(f) == range(0, 99));
  CHECK(f.await(filemap_fdatawait(f.vfs, f.file, f.task)) == Errno::kOk);
  CHECK(f.cache.counters().nr_written == Pages(100));
  f.cache.check();
}

TEST_CASE("buffer-heads 9: whoever comes to the page that waits for the bio before it waits too",
          "[fs]") {
  FsSetup setup = scattered(PageScanRule::k2624, /*mpage=*/true);
  setup.block.queue.nr_requests = 4;
  FsFixture f(setup);
  dirty_pages(f, range(0, 99));
  WritebackControl first = cyclic(100), second = cyclic(100);
  std::optional<Errno> done, second_done;
  f.spawn(do_writepages(f.vfs, f.file, first, f.task), done);
  f.spawn(do_writepages(f.vfs, f.file, second, f.other_task), second_done);
  f.run_for(std::chrono::microseconds(1));
  Indices locked;
  for (const std::int64_t i : range(0, 99))
    if (page_at(f, static_cast<PageIndex>(i)).test(PG_locked))
      locked.push_back(i);
  REQUIRE(locked.size() == 1);
  const Page& page = page_at(f, static_cast<PageIndex>(locked[0]));
  CHECK_FALSE(page.test(PG_dirty));
  CHECK_FALSE(page.test(PG_writeback));
  CHECK(f.cache.counters().nr_file_dirty + f.cache.counters().nr_writeback == Pages(99));
  f.run();
  CHECK(written(f) == range(0, 99));
  CHECK(first.nr_to_write + second.nr_to_write == 100);
  f.cache.check();
}

TEST_CASE("bios of a scan stay within the queue's limits", "[fs]") {
  FsSetup setup = scattered(PageScanRule::k2631, /*mpage=*/true);
  setup.block.queue.max_sectors = Sectors(255);
  FsFixture f(setup);
  dirty_pages(f, range(0, 99));
  for (int i = 0; i < 100; ++i)
    f.fs.blocks[i] = 1000 + i;
  CHECK(f.await(filemap_fdatawrite(f.vfs, f.file, f.task)) == Errno::kOk);
  CHECK(f.log.requests.size() == 4);
  CHECK(f.log.requests[0].sectors == Sectors(31 * 8));
}

TEST_CASE("a scan reads the metadata it needs to map a page", "[fs]") {
  FsFixture f(scattered(PageScanRule::k2631));
  dirty_pages(f, range(0, 4));
  f.fs.metadata = {{2, 7000}};
  CHECK(f.await(filemap_fdatawrite(f.vfs, f.file, f.task)) == Errno::kOk);
  CHECK(f.log.requests.size() == 6);
  CHECK(f.cache.counters().nr_written == Pages(5));
  f.cache.check();
}

TEST_CASE("metadata that cannot be read is an error of the page", "[fs]") {
  FsFixture f(scattered(PageScanRule::k2631));
  dirty_pages(f, {0});
  f.fs.metadata = {{0, 7000}};
  FileBio& bio = f.next_buffer_bio();
  std::optional<Errno> done;
  f.spawn(filemap_fdatawrite(f.vfs, f.file, f.task), done);
  f.run_for(Duration(1));
  f.make_fail(bio);
  f.run();
  CHECK(done == Errno::kEio);
  CHECK(page_at(f, 0).test(PG_error));
  CHECK(f.file.i_data.AS_EIO);
  CHECK_FALSE(page_at(f, 0).test(PG_locked));
  f.cache.check();
}

TEST_CASE("a scan that may block waits for a locked buffer", "[fs]") {
  FsFixture f;
  Page& page = add_page(f, 0, {"UDM@100", "UDML@101", "UDM@102", "UDM@103"});
  std::optional<Errno> done;
  f.spawn(filemap_fdatawrite(f.vfs, f.file, f.task), done);
  f.run();
  CHECK_FALSE(done);
  unlock_buffer(f.vfs, f.buffer(page, 1));
  f.run();
  CHECK(done == Errno::kOk);
  CHECK(buffers_of(f, page) == Texts{"UMR@100", "UMR@101", "UMR@102", "UMR@103"});
  f.cache.check();
}

TEST_CASE("pages that confuse mpage go buffer by buffer in their place", "[fs]") {
  FsSetup setup;
  setup.mpage = true;
  FsFixture f(setup);
  f.file.i_size = 16384;
  add_page(f, 0, {"UDM@100", "UDM@101", "UDM@102", "UDM@103"});
  add_page(f, 1, {"UDM@104", "UM@105", "UDM@106", "UDM@107"});
  add_page(f, 2, {"UDM@108", "UDM@109", "UDM@110", "UDM@111"});
  CHECK(f.await(filemap_fdatawrite(f.vfs, f.file, f.task)) == Errno::kOk);
  std::int64_t sectors = 0;
  int bios = 0;
  for (const RequestRecord& rq : f.log.requests) {
    sectors += rq.sectors.count();
    bios += rq.bios;
  }
  CHECK(sectors == 22);
  CHECK(bios == 5);
  CHECK(f.cache.counters().nr_written == Pages(3));
  f.cache.check();
}

}  // namespace
}  // namespace wbsim
