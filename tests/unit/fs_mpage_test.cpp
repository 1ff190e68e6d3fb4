// mpage_writepage(): which pages share a bio, and which go buffer by buffer.
#include <catch2/catch.hpp>

#include "models/fs/mpage.hpp"
#include "tests/support/fs_buffer_text.hpp"

namespace wbsim {
namespace {

using Result = MpageWriter::Result;

struct Bios {  // (first sector, sectors, pages)
  std::vector<std::array<std::int64_t, 3>> list;
  bool operator==(const Bios&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Bios& bios) {
  for (const auto& [sector, sectors, pages] : bios.list)
    out << sector << '+' << sectors << " in " << pages << "; ";
  return out;
}

class Mpage {
 public:
  explicit Mpage(FsFixture& fixture, int max_segments = 128, std::int64_t max_sectors = 1024)
      : f(fixture), writer_(f.vfs, wbc_, limits(max_segments, max_sectors)) {}
  Result write(Page& page) {
    f.lock(page);
    f.cache.clear_page_dirty_for_io(page);
    BioList out;
    Result result = writer_.write_page(f.file, page, out);
    take(out);
    if (result != Result::kSubmitFirst)
      return result;
    CHECK(page.test(PG_locked));
    CHECK_FALSE(page.test(PG_writeback));
    result = writer_.write_page(f.file, page, out);
    take(out);
    return result;
  }
  Result write(PageIndex index, const Texts& buffers) { return write(add_page(f, index, buffers)); }
  // What was handed out since the last call.
  Bios bios() { return std::exchange(seen_, {}); }
  Bios finish() {
    BioList out;
    writer_.finish(out);
    take(out);
    return bios();
  }
  void end_one(bool ok) {
    bios_.front()->bi_end_io(*bios_.front(), ok);
    bios_.erase(bios_.begin());
  }
  void end_all(bool ok) {
    for (FileBio* bio : bios_)
      bio->bi_end_io(*bio, ok);
    bios_.clear();
  }

 private:
  static QueueParams limits(int max_segments, std::int64_t max_sectors) {
    QueueParams params;
    params.max_segments = max_segments;
    params.max_sectors = Sectors(max_sectors);
    return params;
  }
  void take(BioList& out) {
    while (!out.empty()) {
      FileBio& bio = out.pop_front();
      bios_.push_back(&bio);
      seen_.list.push_back({bio.sector.count(), bio.length.count(), bio.segments});
    }
  }

  FsFixture& f;
  WritebackControl wbc_;
  MpageWriter writer_;
  std::vector<FileBio*> bios_;
  Bios seen_;
};

Texts run_from(std::int64_t block) {
  Texts texts;
  for (int i = 0; i < 4; ++i)
    texts.push_back("UDM@" + std::to_string(block + i));
  return texts;
}

TEST_CASE("buffer-heads 11 mpage: pages that follow each other share a bio", "[fs]") {
  FsFixture f;
  Mpage mpage(f);
  CHECK(mpage.write(0, run_from(10)) == Result::kWritten);
  CHECK(mpage.write(1, run_from(14)) == Result::kWritten);
  CHECK(mpage.bios() == Bios{});
  CHECK(mpage.finish() == Bios{{{20, 16, 2}}});
}

TEST_CASE("buffer-heads 11 mpage: a gap between pages ends the bio", "[fs]") {
  FsFixture f;
  Mpage mpage(f);
  CHECK(mpage.write(0, run_from(10)) == Result::kWritten);
  CHECK(mpage.write(1, run_from(20)) == Result::kWritten);
  CHECK(mpage.bios() == Bios{{{20, 8, 1}}});
  CHECK(mpage.finish() == Bios{{{40, 8, 1}}});
}

TEST_CASE("from 5.1 a bio longer than a request ends with its last piece, and fails as one",
          "[fs]") {
  FsFixture f;
  f.vfs.rules.multipage_bvecs = true;
  f.file.i_size = 6 * kPageSize;
  Mpage mpage(f, 2, 24);
  for (PageIndex index = 0; index < 5; ++index)
    CHECK(mpage.write(index, run_from(10 + 4 * static_cast<std::int64_t>(index))) ==
          Result::kWritten);
  CHECK(mpage.bios() == Bios{});  // not before it ends
  CHECK(mpage.write(5, run_from(40)) == Result::kWritten);
  CHECK(mpage.bios() == Bios{{{20, 16, 2}, {36, 8, 1}, {44, 16, 2}}});

  mpage.end_one(true);
  mpage.end_one(false);
  for (PageIndex index = 0; index < 5; ++index)
    CHECK(f.cache.find_get_page(f.file.i_data, index)->test(PG_writeback));
  mpage.end_one(true);
  for (PageIndex index = 0; index < 5; ++index) {
    const Page& page = *f.cache.find_get_page(f.file.i_data, index);
    CHECK_FALSE(page.test(PG_writeback));
    CHECK(page.test(PG_error));
  }
}

TEST_CASE("buffer-heads 11 mpage: holes at the end: the bio ends with this page", "[fs]") {
  FsFixture f;
  Mpage mpage(f);
  CHECK(mpage.write(0, {"UDM@10", "UDM@11", "U", "U"}) == Result::kWritten);
  CHECK(mpage.bios() == Bios{{{20, 4, 1}}});
  CHECK(mpage.finish() == Bios{});
  CHECK(buffers_of(f, *f.cache.find_get_page(f.file.i_data, 0)) ==
        Texts{"UM@10", "UM@11", "U", "U"});
}

TEST_CASE("buffer-heads 11 mpage: confused by holes, clean buffers and gaps", "[fs]") {
  for (const Texts& buffers :
       {Texts{"U", "UDM@10", "UDM@11", "UDM@12"}, Texts{"UDM@10", "UM@11", "UDM@12", "UDM@13"},
        Texts{"UDM@10", "UDM@12", "UDM@13", "UDM@14"}, Texts{"UDM@10", "U", "UDM@12", "UDM@13"},
        Texts{"UDM@10", "UDM@11", "UDM@12", "UD"}, Texts{"UDM@10", "DM@11", "UDM@12", "UDM@13"},
        Texts{"U", "U", "U", "U"}}) {
    FsFixture f;
    Mpage mpage(f);
    Page& page = add_page(f, 1, buffers);
    f.cache.set_page_dirty(page, nullptr);
    CHECK(mpage.write(0, run_from(6)) == Result::kWritten);
    CHECK(mpage.write(page) == Result::kConfused);
    CHECK(mpage.bios() == Bios{{{12, 8, 1}}});  // the current bio goes first
    CHECK(page.test(PG_locked));
    CHECK_FALSE(page.test(PG_writeback));
    CHECK(buffers_of(f, page) == buffers);
    CHECK(mpage.finish() == Bios{});
  }
}

TEST_CASE("buffer-heads 9: written pages are clean, unlocked and under write-back", "[fs]") {
  FsFixture f;
  Mpage mpage(f);
  Page& page = add_page(f, 0, run_from(10));
  mpage.write(page);
  CHECK(page.test(PG_writeback));
  CHECK_FALSE(page.test(PG_locked));
  CHECK_FALSE(page.test(PG_dirty));
  CHECK(buffers_of(f, page) == Texts{"UM@10", "UM@11", "UM@12", "UM@13"});  // 14.9
  mpage.finish();
  mpage.end_all(true);
  CHECK_FALSE(page.test(PG_writeback));
  CHECK(buffers_of(f, page) == Texts{"UM@10", "UM@11", "UM@12", "UM@13"});
  f.cache.check();
}

TEST_CASE("buffer-heads 9: an error of the bio is an error of each of its pages", "[fs]") {
  FsFixture f;
  Mpage mpage(f);
  mpage.write(0, run_from(10));
  mpage.write(1, run_from(14));
  mpage.finish();
  mpage.end_all(false);
  for (const PageIndex index : {0U, 1U}) {
    const Page& page = *f.cache.find_get_page(f.file.i_data, index);
    CHECK(page.test(PG_error));
    CHECK_FALSE(page.test(PG_writeback));
    CHECK_FALSE(page.test(PG_dirty));
  }
  CHECK(f.file.i_data.AS_EIO);
  CHECK(f.bdi.written.sum() == Pages(2));
  f.cache.check();
}

TEST_CASE("buffer-heads 9: pages without buffers are mapped here", "[fs]") {
  FsFixture f;
  f.file.i_size = 8192 + 1500;
  Mpage mpage(f);
  for (const PageIndex index : {0U, 1U, 2U}) {
    Page& page = f.add_page(index, PG_uptodate);
    f.cache.set_page_dirty(page, nullptr);
    CHECK(mpage.write(page) == Result::kWritten);
    CHECK_FALSE(page.test(PG_private));
  }
  CHECK(f.fs.asked.size() == 10);  // up to the block with the last byte
  CHECK(mpage.bios() == Bios{{{1000, 20, 3}}});
}

TEST_CASE("buffer-heads 9: pages without buffers that cannot be mapped as one piece", "[fs]") {
  FsFixture f;
  f.fs.blocks = {{0, 10}, {1, 12}};
  f.fs.failures = {{6, GetBlock::kEnospc}};
  Mpage mpage(f);
  for (const PageIndex index : {0U, 1U}) {
    Page& page = f.add_page(index, PG_uptodate);
    f.cache.set_page_dirty(page, nullptr);
    CHECK(mpage.write(page) == Result::kConfused);
  }
}

TEST_CASE("buffer-heads 9: a new block loses its alias among the device's buffers", "[fs]") {
  FsFixture f;
  BufferHead& alias = make_uptodate_block(f.vfs, f.device, 502);
  mark_buffer_dirty(f.vfs, alias, nullptr);
  Mpage mpage(f);
  Page& page = f.add_page(0, PG_uptodate);
  f.cache.set_page_dirty(page, nullptr);
  mpage.write(page);
  CHECK_FALSE(alias.test(BH_Dirty));
}

TEST_CASE("buffer-heads 9: outside i_size is confused", "[fs]") {
  struct Row {
    std::int64_t i_size;
    Result result;
  };
  for (const Row& row : {Row{4096, Result::kConfused}, Row{4097, Result::kWritten},
                         Row{100, Result::kConfused}, Row{8192, Result::kWritten}}) {
    FsFixture f;
    f.file.i_size = row.i_size;
    Mpage mpage(f);
    CHECK(mpage.write(1, run_from(10)) == row.result);
  }
}

TEST_CASE("buffer-heads 9: a boundary block ends the bio", "[fs]") {
  FsFixture f;
  Mpage mpage(f);
  CHECK(mpage.write(0, {"UDM@10", "UDM@11", "UDM@12", "UDMB@13"}) == Result::kWritten);
  CHECK(mpage.bios() == Bios{{{20, 8, 1}}});
  CHECK(mpage.write(1, run_from(14)) == Result::kWritten);
  CHECK(mpage.finish() == Bios{{{28, 8, 1}}});
}

TEST_CASE("buffer-heads 9: size limits of one bio", "[fs]") {
  struct Row {
    int max_segments;
    std::int64_t max_sectors;
    std::int64_t pages;  // in the first bio
  };
  for (const Row& row : {Row{128, 1024, 128}, Row{128, 255, 31}, Row{16, 1024, 16}, Row{128, 8, 1},
                         Row{512, 4096, 256}}) {
    FsFixture f;
    f.file.i_size = std::int64_t{1} << 30;
    Mpage mpage(f, row.max_segments, row.max_sectors);
    for (PageIndex i = 0; i < 300; ++i)
      REQUIRE(mpage.write(i, run_from(1000 + 4 * i)) == Result::kWritten);
    CAPTURE(row.max_segments, row.max_sectors);
    const Bios bios = mpage.bios();
    REQUIRE_FALSE(bios.list.empty());
    CHECK(bios.list[0] == std::array<std::int64_t, 3>{2000, row.pages * 8, row.pages});
  }
}

TEST_CASE("buffer-heads 9: part of a page may still fit a bio of 255 sectors", "[fs]") {
  FsFixture f;
  f.file.i_size = std::int64_t{1} << 30;
  Mpage mpage(f, 128, 255);
  for (PageIndex i = 0; i < 31; ++i)
    REQUIRE(mpage.write(i, run_from(1000 + 4 * i)) == Result::kWritten);
  CHECK(mpage.write(31, {"UDM@1124", "UDM@1125", "UDM@1126", "U"}) == Result::kWritten);
  CHECK(mpage.bios() == Bios{{{2000, 254, 32}}});
}

TEST_CASE("buffer-heads 9: block sizes other than 1 KiB", "[fs]") {
  for (const int block_size : {512, 2048, 4096}) {
    FsSetup setup;
    setup.block_size = block_size;
    FsFixture f(setup);
    Mpage mpage(f);
    const int n = f.blocks_per_page();
    for (const PageIndex index : {0U, 1U}) {
      Texts texts;
      for (int i = 0; i < n; ++i)
        texts.push_back("UDM@" + std::to_string(40 + n * static_cast<int>(index) + i));
      CHECK(mpage.write(index, texts) == Result::kWritten);
    }
    CHECK(mpage.finish() == Bios{{{40 * block_size / 512, 16, 2}}});
  }
}

}  // namespace
}  // namespace wbsim
