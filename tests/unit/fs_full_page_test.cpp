// block_write_full_page(): the EOF cases, the three passes, what is done when get_block() fails.
#include <catch2/catch.hpp>
#include <utility>

#include "models/fs/buffer_io.hpp"
#include "models/fs/page_scan.hpp"
#include "models/kernel.hpp"
#include "tests/support/fs_buffer_text.hpp"

namespace wbsim {
namespace {

using State = FullPageWrite::State;
using Submitted = std::vector<std::pair<int, std::int64_t>>;  // buffer, block

WritebackControl background() {
  WritebackControl wbc;
  wbc.nonblocking = true;
  wbc.nr_to_write = 1024;
  return wbc;
}

// Takes every bio, and merges none.
struct TakeAll : RequestQueue {
  TakeAll() : RequestQueue(QueueParams{}) {}
  Submit try_submit(Bio& bio, IoContext&) override {
    bios.push_back(static_cast<FileBio*>(&bio));
    return Submit::kQueued;
  }
  Task<> submit_slow(Bio&, IoContext&) override { co_return; }
  void flush_plug_list(QueueList&, PlugFlush) override {}
  bool congested(BioOp, bool) const override { return false; }
  bool write_congested() const override { return false; }
  int allocated() const override { return static_cast<int>(bios.size()); }
  int in_flight() const override { return 0; }
  QueueStats stats() override { return {}; }
  Duration busy() const override { return Duration(0); }
  void generic_unplug_device() override {}

  std::vector<FileBio*> bios;
};

// A page on its way to the disk; the bios stay with the test, which ends them.
struct PageWrite {
  FsFixture& f;
  Page& page;
  WritebackControl wbc;
  FullPageWrite write;
  std::vector<FileBio*> bios;

  PageWrite(FsFixture& fixture, Page& p, WritebackControl control = background())
      : f(fixture), page(p), wbc(control) {
    f.lock(page);
    REQUIRE(f.cache.clear_page_dirty_for_io(page));
    proceed();
  }
  void proceed() {
    block_write_full_page(f.vfs, f.file, page, wbc, write);
    if (write.state != State::kSubmit)
      return;
    TakeAll queue;
    RequestQueue* real = std::exchange(page.mapping->bdi->queue, &queue);
    OpenBio open;
    CHECK(submit_buffers(f.vfs, page, wbc, write, open, f.task));
    page.mapping->bdi->queue = real;
    bios = queue.bios;
    block_write_full_page_end(f.vfs, page, wbc, write);
  }
  Submitted submitted() const {
    Submitted result;
    for (const FileBio* bio : bios) {
      const BufferHead& bh = f.vfs.buffers[static_cast<BufferId>(bio->cookie)];
      CHECK(bio->sector.count() == bh.b_blocknr() * (bh.b_size() / 512));
      CHECK(bio->length.count() == bh.b_size() / 512);
      result.emplace_back(bh.b_number(), bh.b_blocknr());
    }
    return result;
  }
  void complete(std::size_t bio, bool ok = true) { bios.at(bio)->bi_end_io(*bios[bio], ok); }
  void complete_all() {
    for (std::size_t i = 0; i < bios.size(); ++i)
      complete(i);
    f.cache.check();
  }
};

bool tagged(const Page& page, PageTag tag) {
  return page.mapping->pages.tagged(page.index, tag);
}

const std::vector<FsSetup> kBothRules{FsSetup{}, FsSetup::of_2624()};

TEST_CASE("buffer-heads 11 A: an unmapped dirty buffer is mapped, a clean one stays", "[fs]") {
  for (const FsSetup& setup : kBothRules) {
    FsFixture f(setup);
    Page& page = add_page(f, 0, {"UDM@100", "UM@101", "UD", "UDM@103"});
    PageWrite write(f, page);
    CHECK(write.submitted() == Submitted{{0, 100}, {2, 502}, {3, 103}});
    CHECK(buffers_of(f, page) == Texts{"UMLRa@100", "UM@101", "UMLRa@502", "UMLRa@103"});
    CHECK(page.test(PG_writeback));
    CHECK_FALSE(page.test(PG_dirty));
    CHECK_FALSE(page.test(PG_locked));
    CHECK_FALSE(tagged(page, PageTag::kDirty));
    CHECK(tagged(page, PageTag::kWriteback));
    CHECK(write.write.error == Errno::kOk);
    CHECK(write.wbc.pages_skipped == 0);
    write.complete_all();
    CHECK(buffers_of(f, page) == Texts{"UMR@100", "UM@101", "UMR@502", "UMR@103"});
    CHECK_FALSE(page.test(PG_writeback));
  }
}

TEST_CASE("buffer-heads 11 B: buffers past the end of the file become clean, unmapped", "[fs]") {
  FsFixture f;
  f.file.i_size = 1500;
  Page& page = add_page(f, 0, {"UDM@100", "UD", "UD", "UD"});
  PageWrite write(f, page);
  CHECK(write.submitted() == Submitted{{0, 100}, {1, 501}});
  CHECK(buffers_of(f, page) == Texts{"UMLRa@100", "UMLRa@501", "U", "U"});
  CHECK(page.test(PG_writeback));
  CHECK(f.fs.asked == std::vector<std::int64_t>{1});
  write.complete_all();
}

TEST_CASE("buffer-heads 11 C: without space, what is mapped is written all the same", "[fs]") {
  for (const FsSetup& setup : kBothRules) {
    FsFixture f(setup);
    f.fs.failures = {{2, GetBlock::kEnospc}, {3, GetBlock::kEnospc}};
    Page& page = add_page(f, 0, {"UDM@100", "UDM@101", "UD", "UD"});
    PageWrite write(f, page);
    CHECK(write.submitted() == Submitted{{0, 100}, {1, 101}});
    CHECK(buffers_of(f, page) == Texts{"UMLRa@100", "UMLRa@101", "U", "U"});
    CHECK(page.test(PG_writeback));
    CHECK(page.test(PG_error));
    CHECK(f.file.i_data.AS_ENOSPC);
    CHECK_FALSE(f.file.i_data.AS_EIO);
    CHECK(write.write.error == Errno::kEnospc);
    write.complete_all();
    CHECK_FALSE(page.test(PG_writeback));
  }
}

TEST_CASE("buffer-heads 11 D: a locked buffer is skipped and the page redirtied", "[fs]") {
  FsFixture f;
  Page& page = add_page(f, 0, {"UDM@100", "UDML@101", "UDM@102", "UDM@103"});
  PageWrite write(f, page);
  CHECK(write.submitted() == Submitted{{0, 100}, {2, 102}, {3, 103}});
  CHECK(to_text(f.buffer(page, 1)) == "UDML@101");
  CHECK(page.test(PG_writeback));
  CHECK(page.test(PG_dirty));
  CHECK(tagged(page, PageTag::kDirty));
  CHECK(write.wbc.pages_skipped == 1);
  CHECK((f.file.i_state & I_DIRTY_PAGES) != 0);
  CHECK(f.cache.counters().nr_redirtied == Pages(1));
  write.complete_all();
  CHECK(page.test(PG_dirty));
}

TEST_CASE("buffer-heads 11 E: clean buffers only: write-back begins and ends at once", "[fs]") {
  FsFixture f;
  Page& page = add_page(f, 0, {"UM@100", "UM@101", "UM@102", "UM@103"});
  f.cache.set_page_dirty(page, nullptr);
  PageWrite write(f, page);
  CHECK(write.submitted().empty());
  CHECK(buffers_of(f, page) == Texts{"UM@100", "UM@101", "UM@102", "UM@103"});
  CHECK_FALSE(page.test(PG_writeback));
  CHECK_FALSE(tagged(page, PageTag::kWriteback));
  CHECK_FALSE(tagged(page, PageTag::kDirty));
  CHECK_FALSE(page.test(PG_locked));
  CHECK(write.write.error == Errno::kOk);
  CHECK(write.wbc.pages_skipped == 0);
  f.cache.check();
}

TEST_CASE("buffer-heads 11 F: a page outside i_size loses its buffers", "[fs]") {
  FsFixture f;
  f.file.i_size = 4096;
  Page& page = add_page(f, 1, {"UD", "UD", "UD", "UD"});
  PageWrite write(f, page);
  CHECK(write.write.state == State::kOutside);
  CHECK(write.bios.empty());
  CHECK_FALSE(page.test(PG_private));
  CHECK_FALSE(page.test(PG_locked));
  CHECK_FALSE(page.test(PG_dirty));
  CHECK_FALSE(page.test(PG_writeback));
  CHECK_FALSE(page.test(PG_error));
  CHECK(write.write.error == Errno::kOk);
  CHECK(write.wbc.pages_skipped == 0);
  f.cache.check();
  CHECK(f.cache.counters().nr_discarded == Pages(1));
}

TEST_CASE("buffer-heads 11 G: holes stay holes", "[fs]") {
  FsFixture f;
  Page& page = add_page(f, 0, {"UDM@7", "U", "U", "UDM@9"});
  PageWrite write(f, page);
  CHECK(write.submitted() == Submitted{{0, 7}, {3, 9}});
  CHECK(buffers_of(f, page) == Texts{"UMLRa@7", "U", "U", "UMLRa@9"});
  CHECK(f.fs.asked.empty());
  write.complete_all();
}

TEST_CASE("buffer-heads 11 H: blocks mapped before get_block failed are written too", "[fs]") {
  for (const FsSetup& setup : kBothRules) {
    FsFixture f(setup);
    f.fs.failures = {{2, GetBlock::kEio}};
    Page& page = add_page(f, 0, {"UDM@100", "UD", "UD", "UDM@103"});
    PageWrite write(f, page);
    CHECK(write.submitted() == Submitted{{0, 100}, {1, 501}, {3, 103}});
    CHECK(to_text(f.buffer(page, 2)) == "U");
    CHECK(page.test(PG_error));
    CHECK(f.file.i_data.AS_EIO);
    CHECK(write.write.error == Errno::kEio);
    write.complete_all();
  }
}

TEST_CASE("buffer-heads 12: completions 3 (ok), 0 (error), 2 (ok) of example A", "[fs]") {
  FsFixture f;
  Page& page = add_page(f, 0, {"UDM@100", "UM@101", "UD", "UDM@103"});
  PageWrite write(f, page);
  std::optional<Errno> waited;
  f.spawn(filemap_fdatawait(f.vfs, f.file, f.task), waited);
  f.run_for(Duration(1));
  write.complete(2);
  CHECK(page.test(PG_writeback));
  CHECK(buffers_of(f, page) == Texts{"UMLRa@100", "UM@101", "UMLRa@502", "UMR@103"});
  write.complete(0, false);
  CHECK(page.test(PG_writeback));
  CHECK(to_text(f.buffer(page, 0)) == "MRE@100");
  CHECK(page.test(PG_error));
  CHECK(f.file.i_data.AS_EIO);
  CHECK_FALSE(waited);
  write.complete(1);
  CHECK_FALSE(page.test(PG_writeback));
  CHECK_FALSE(page.test(PG_dirty));
  CHECK(buffers_of(f, page) == Texts{"MRE@100", "UM@101", "UMR@502", "UMR@103"});
  f.run();
  CHECK(waited == Errno::kEio);
  CHECK_FALSE(page.test(PG_error));
  CHECK_FALSE(f.file.i_data.AS_EIO);
  CHECK(f.await(filemap_fdatawait(f.vfs, f.file, f.task)) == Errno::kOk);
  f.cache.check();
}

Texts all_buffers(FsFixture& f, const std::string& text) {
  return Texts(static_cast<std::size_t>(f.blocks_per_page()), text);
}

TEST_CASE("buffer-heads 6.1: where the page lies relative to i_size", "[fs]") {
  struct Row {
    std::int64_t i_size;
    PageIndex index;
    int written;  // of four dirty buffers; -1: outside
  };
  for (const Row& row :
       {Row{8192, 0, 4}, Row{8192, 1, 4}, Row{8192, 2, -1}, Row{8192, 3, -1}, Row{8191, 1, 4},
        Row{8193, 2, 1}, Row{4096, 1, -1}, Row{4097, 1, 1}, Row{5120, 1, 1}, Row{5121, 1, 2},
        Row{7168, 1, 3}, Row{0, 0, -1}, Row{1, 0, 1}}) {
    FsFixture f;
    f.file.i_size = row.i_size;
    Page& page = add_page(f, row.index, {"UD", "UD", "UD", "UD"});
    PageWrite write(f, page);
    CAPTURE(row.i_size, row.index);
    CHECK((write.write.state == State::kOutside) == (row.written < 0));
    CHECK(write.bios.size() == static_cast<std::size_t>(std::max(row.written, 0)));
    write.complete_all();
  }
}

TEST_CASE("buffer-heads 6.2: a dirty page without buffers gets them, dirty and uptodate", "[fs]") {
  for (const int block_size : {512, 1024, 2048, 4096}) {
    FsSetup setup;
    setup.block_size = block_size;
    FsFixture f(setup);
    Page& page = f.add_page(1, PG_uptodate);
    f.cache.set_page_dirty(page, nullptr);
    PageWrite write(f, page);
    const int n = f.blocks_per_page();
    Submitted expected;
    for (int i = 0; i < n; ++i)
      expected.emplace_back(i, 500 + n + i);
    CHECK(write.submitted() == expected);
    write.complete_all();
  }
}

TEST_CASE("buffer-heads 6.2: a mapped Delay buffer is given a real block", "[fs]") {
  FsFixture f;
  Page& page = add_page(f, 0, {"UDMY@9", "UM@101", "UM@102", "UM@103"});
  PageWrite write(f, page);
  CHECK(write.submitted() == Submitted{{0, 500}});
  CHECK_FALSE(f.buffer(page, 0).test(BH_Delay));
  write.complete_all();
}

TEST_CASE("buffer-heads 6.2: a new block loses its alias among the device's buffers", "[fs]") {
  FsFixture f;
  BufferHead& alias = make_uptodate_block(f.vfs, f.device, 502);
  mark_buffer_dirty(f.vfs, alias, nullptr);
  alias.set(BH_Req);
  Page& page = add_page(f, 0, {"UM@100", "UM@101", "UD", "UM@103"});
  PageWrite write(f, page);
  CHECK(write.submitted() == Submitted{{2, 502}});
  CHECK_FALSE(f.buffer(page, 2).test(BH_New));
  CHECK_FALSE(alias.test(BH_Dirty));
  CHECK_FALSE(alias.test(BH_Req));
  write.complete_all();
}

TEST_CASE("buffer-heads 6.2: a block whose metadata is not in memory is asked for again", "[fs]") {
  FsFixture f;
  f.fs.metadata = {{2, 70}};
  Page& page = add_page(f, 0, {"UDM@100", "UD", "UD", "UDM@103"});
  PageWrite write(f, page);
  CHECK(write.write.state == State::kNeedsMetadata);
  CHECK(write.write.metadata_block == 70);
  CHECK(page.test(PG_locked));
  CHECK_FALSE(page.test(PG_writeback));
  make_uptodate_block(f.vfs, f.device, 70);
  write.proceed();
  CHECK(write.submitted() == Submitted{{0, 100}, {1, 501}, {2, 502}, {3, 103}});
  write.complete_all();
}

TEST_CASE("buffer-heads 6.3: who waits for a locked buffer", "[fs]") {
  struct Row {
    const char* kernel;
    SyncMode mode;
    bool nonblocking, waits;
  };
  for (const Row& row : {Row{"2.6.32", SyncMode::WB_SYNC_NONE, true, false},
                         Row{"2.6.32", SyncMode::WB_SYNC_NONE, false, true},
                         Row{"2.6.32", SyncMode::WB_SYNC_ALL, true, true},
                         Row{"2.6.32", SyncMode::WB_SYNC_ALL, false, true},
                         Row{"2.6.39", SyncMode::WB_SYNC_NONE, false, false},
                         Row{"2.6.39", SyncMode::WB_SYNC_ALL, false, true},
                         Row{"3.10", SyncMode::WB_SYNC_NONE, false, false},
                         Row{"6.1", SyncMode::WB_SYNC_NONE, false, false}}) {
    FsFixture f;
    f.vfs.rules.waits_for_buffers = find_kernel(row.kernel)->fs.waits_for_buffers;
    Page& page = add_page(f, 0, {"UDM@100", "UDML@101", "UDM@102", "UML@103"});
    WritebackControl wbc = background();
    wbc.sync_mode = row.mode;
    wbc.nonblocking = row.nonblocking;
    PageWrite write(f, page, wbc);
    CHECK((write.write.state == State::kBlockedOnLock) == row.waits);
    CHECK(write.wbc.pages_skipped == (row.waits ? 0 : 2));
    if (!row.waits)
      continue;
    CHECK(&f.vfs.buffers[write.write.blocked_on] == &f.buffer(page, 1));
    CHECK(page.test(PG_locked));
    unlock_buffer(f.vfs, f.buffer(page, 1));
    write.proceed();
    CHECK(&f.vfs.buffers[write.write.blocked_on] == &f.buffer(page, 3));
    unlock_buffer(f.vfs, f.buffer(page, 3));  // clean, but waited for
    write.proceed();
    CHECK(write.submitted() == Submitted{{0, 100}, {1, 101}, {2, 102}});
    CHECK_FALSE(page.test(PG_dirty));
    write.complete_all();
  }
}

TEST_CASE("buffer-heads 6.3: a file cut short while a buffer is waited for", "[fs]") {
  FsFixture f;
  Page& page = add_page(f, 0, {"UDM@100", "UDML@101", "UDM@102", "UDM@103"});
  WritebackControl wbc = background();
  wbc.nonblocking = false;
  PageWrite write(f, page, wbc);
  REQUIRE(write.write.state == State::kBlockedOnLock);
  f.file.i_size = 0;
  unlock_buffer(f.vfs, f.buffer(page, 1));
  write.proceed();
  CHECK(write.bios.size() == 4);
  write.complete_all();
}

TEST_CASE("buffer-heads 6.5: a locked buffer is waited for when get_block has failed", "[fs]") {
  FsFixture f;
  f.fs.failures = {{2, GetBlock::kEnospc}};
  Page& page = add_page(f, 0, {"UDM@100", "UDML@101", "UD", "UDM@103"});
  PageWrite write(f, page);
  REQUIRE(write.write.state == State::kBlockedOnLock);
  unlock_buffer(f.vfs, f.buffer(page, 1));
  write.proceed();
  CHECK(write.submitted() == Submitted{{0, 100}, {1, 101}, {3, 103}});
  CHECK(write.write.error == Errno::kEnospc);
  write.complete_all();
}

TEST_CASE("buffer-heads 6.5: nothing mapped and no space: write-back ends at once", "[fs]") {
  FsFixture f;
  f.fs.failures = {{0, GetBlock::kEnospc}};
  Page& page = add_page(f, 0, all_buffers(f, "UD"));
  PageWrite write(f, page);
  CHECK(write.bios.empty());
  CHECK(buffers_of(f, page) == all_buffers(f, "U"));
  CHECK_FALSE(page.test(PG_writeback));
  CHECK_FALSE(page.test(PG_locked));
  CHECK(page.test(PG_error));
  CHECK(write.write.error == Errno::kEnospc);
  f.cache.check();
}

TEST_CASE("buffer-heads 6.6: writes somebody waits for carry the sync flag from 2.6.31 on",
          "[fs]") {
  for (const FsSetup& setup : kBothRules) {
    FsFixture f(setup);
    Page& page = add_page(f, 0, all_buffers(f, "UDM@9"));
    WritebackControl wbc = background();
    wbc.sync_mode = SyncMode::WB_SYNC_ALL;
    PageWrite write(f, page, wbc);
    for (const FileBio* bio : write.bios)
      CHECK(bio->sync == setup.rules.sync_bios);
    write.complete_all();
  }
}

TEST_CASE("a bio grows by the buffers that follow it both in the file and on the disk", "[fs]") {
  struct MergeAll : TakeAll {
    int try_append(Bio& tail, Sectors length, int n) override {
      tail.length += length * n;
      tail.segments = static_cast<std::uint16_t>(tail.segments + n);
      return n;
    }
  } queue;
  FsFixture f;
  Page& first = add_page(f, 0, {"UDM@100", "UDM@101", "UDM@102", "UDM@103"});
  Page& second = add_page(f, 1, {"UDM@104", "UDM@105", "UM@9", "UDM@106"});
  RequestQueue* real = std::exchange(first.mapping->bdi->queue, &queue);
  OpenBio open;
  for (Page* page : {&first, &second}) {
    FullPageWrite write;
    WritebackControl wbc = background();
    f.lock(*page);
    REQUIRE(f.cache.clear_page_dirty_for_io(*page));
    block_write_full_page(f.vfs, f.file, *page, wbc, write);
    REQUIRE(submit_buffers(f.vfs, *page, wbc, write, open, f.task));
    block_write_full_page_end(f.vfs, *page, wbc, write);
  }
  REQUIRE(queue.bios.size() == 2);
  CHECK(queue.bios[0]->segments == 6);
  CHECK(queue.bios[0]->length == Sectors(12));
  CHECK(queue.bios[1]->sector == Sectors(212));

  queue.bios[0]->bi_end_io(*queue.bios[0], true);
  CHECK_FALSE(first.test(PG_writeback));
  CHECK(second.test(PG_writeback));
  CHECK(buffers_of(f, second) == Texts{"UMR@104", "UMR@105", "UM@9", "UMLRa@106"});
  queue.bios[1]->bi_end_io(*queue.bios[1], true);
  CHECK_FALSE(second.test(PG_writeback));
  f.cache.check();
  second.mapping->bdi->queue = real;
}

TEST_CASE("buffer-heads 7: a later write of the buffer forgets the old error", "[fs]") {
  FsFixture f;
  Page& page = add_page(f, 0, {"UDM@100", "UM@101", "UM@102", "UM@103"});
  {
    PageWrite failing(f, page);
    failing.complete(0, false);
  }
  CHECK(to_text(f.buffer(page, 0)) == "MRE@100");
  set_page_dirty_buffers(f.vfs, page, nullptr);
  PageWrite again(f, page);
  CHECK(to_text(f.buffer(page, 0)) == "MLRa@100");
  again.complete_all();
  CHECK(to_text(f.buffer(page, 0)) == "UMR@100");
}

TEST_CASE("buffer-heads 14.2: buffers past the end become clean and uptodate without I/O", "[fs]") {
  FsFixture f;
  f.file.i_size = 1024;
  Page& page = add_page(f, 0, {"UDM@100", "D", "DM@102", ""});
  PageWrite write(f, page);
  CHECK(write.submitted() == Submitted{{0, 100}});
  CHECK(buffers_of(f, page) == Texts{"UMLRa@100", "U", "UM@102", "U"});
  write.complete_all();
}

TEST_CASE("buffer-heads 14.4: pages_skipped rises once for each locked buffer", "[fs]") {
  FsFixture f;
  Page& page = add_page(f, 0, {"UDML@100", "UDML@101", "UML@102", "UDM@103"});
  PageWrite write(f, page);
  CHECK(write.submitted() == Submitted{{3, 103}});
  CHECK(write.wbc.pages_skipped == 3);
  CHECK(f.cache.counters().nr_dirtied == Pages(2));  // the redirtying counts once
  write.complete_all();
}

TEST_CASE("buffer-heads 14.5: without I/O the page still counts as written", "[fs]") {
  FsFixture f;
  Page& page = add_page(f, 0, {"UM@100", "UM@101", "UM@102", "UM@103"});
  f.cache.set_page_dirty(page, nullptr);
  PageWrite write(f, page);
  CHECK(write.bios.empty());
  CHECK(f.bdi.written.sum() == Pages(1));
  CHECK(f.cache.completions().fraction(f.bdi.completions).numerator == 1);
}

TEST_CASE("buffer-heads 14.6: a failed write leaves the buffer clean and not uptodate", "[fs]") {
  FsFixture f;
  Page& page = add_page(f, 0, {"UDM@100", "UM@101", "UM@102", "UM@103"});
  PageWrite write(f, page);
  write.complete(0, false);
  CHECK_FALSE(f.buffer(page, 0).test(BH_Uptodate));
  CHECK_FALSE(f.buffer(page, 0).test(BH_Dirty));
  CHECK_FALSE(page.test(PG_dirty));
}

TEST_CASE("buffer-heads 14.7: the completion that sees no other Async_Write ends it", "[fs]") {
  FsFixture f;
  Page& page = add_page(f, 0, all_buffers(f, "UDM@8"));
  PageWrite write(f, page);
  for (const std::size_t i : {2, 0, 3}) {
    write.complete(i);
    CHECK(page.test(PG_writeback));
  }
  write.complete(1);
  CHECK_FALSE(page.test(PG_writeback));
  CHECK(f.bdi.written.sum() == Pages(1));
}

}  // namespace
}  // namespace wbsim
