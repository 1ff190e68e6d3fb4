// sync_file_range(2).
#include <catch2/catch.hpp>

#include "models/fs/buffer_io.hpp"
#include "models/fs/sync_file_range.hpp"
#include "tests/support/fs_buffer_text.hpp"

namespace wbsim {
namespace {

// Page i lies at block 10 * i; all of them are dirty.
struct Fixture : FsFixture {
  explicit Fixture(SyncMode mode) : FsFixture(setup(mode)) {
    file.i_size = 16 * kPageSize;
    for (PageIndex i = 0; i < 16; ++i) {
      fs.blocks[i] = 10 * static_cast<std::int64_t>(i);
      set_page_dirty_buffers(vfs, add_page(i, PG_uptodate), nullptr);
    }
  }
  static FsSetup setup(SyncMode mode) {
    FsSetup setup;
    setup.block_size = 4096;
    setup.block.queue.scheduler = "noop";
    setup.rules.sync_file_range = mode;
    return setup;
  }
  std::vector<std::int64_t> written() const {
    std::vector<std::int64_t> pages;
    for (const RequestRecord& rq : log.requests)
      pages.push_back(rq.sector.count() / 80);
    return pages;
  }
  File open{.f_inode = &file};

  // The pages 4 to 7.
  Task<Errno> range(unsigned flags) {
    return sync_file_range(vfs, open, 4 * kPageSize, 4 * kPageSize,
                           static_cast<std::uint8_t>(flags), task);
  }
};
constexpr unsigned kBefore = SYNC_FILE_RANGE_WAIT_BEFORE, kWrite = SYNC_FILE_RANGE_WRITE,
                   kAfter = SYNC_FILE_RANGE_WAIT_AFTER;

TEST_CASE("only the pages of the range are written", "[fs]") {
  Fixture f(SyncMode::WB_SYNC_ALL);
  CHECK(f.await(f.range(kWrite)) == Errno::kOk);
  CHECK(f.written() == std::vector<std::int64_t>{4, 5, 6, 7});
}

TEST_CASE("without waiting it returns before the pages are on the disk", "[fs]") {
  for (const unsigned flags : {kWrite, kWrite | kAfter}) {
    Fixture f(SyncMode::WB_SYNC_ALL);
    std::optional<Errno> result;
    f.spawn(f.range(flags), result);
    f.run_for(std::chrono::microseconds(1));
    CHECK(result.has_value() == (flags == kWrite));
    f.run();
    CHECK(result == Errno::kOk);
  }
}

TEST_CASE("length 0 reaches to the end of the file", "[fs]") {
  Fixture f(SyncMode::WB_SYNC_ALL);
  CHECK(f.await(sync_file_range(f.vfs, f.open, 12 * kPageSize, 0, kWrite, f.task)) == Errno::kOk);
  CHECK(f.written() == std::vector<std::int64_t>{12, 13, 14, 15});
}

TEST_CASE("a page under write-back is waited for only with WB_SYNC_ALL or WAIT_BEFORE", "[fs]") {
  struct Row {
    SyncMode mode;
    unsigned flags;
    bool waits;
  };
  for (const Row& row :
       {Row{SyncMode::WB_SYNC_ALL, kWrite, true}, Row{SyncMode::WB_SYNC_NONE, kWrite, false},
        Row{SyncMode::WB_SYNC_NONE, kBefore | kWrite, true}}) {
    Fixture f(row.mode);
    CHECK(f.await(f.range(0)) == Errno::kOk);
    std::optional<Errno> first, second;
    f.spawn(f.range(kWrite), first);
    f.run_for(std::chrono::microseconds(1));
    for (PageIndex i = 4; i < 8; ++i)
      set_page_dirty_buffers(f.vfs, *f.cache.find_get_page(f.file.i_data, i), nullptr);
    f.spawn(f.range(row.flags), second);
    f.run_for(std::chrono::microseconds(1));
    CHECK(second.has_value() != row.waits);
    f.run();
    CHECK(f.written().size() == (row.waits ? 8U : 4U));
  }
}

TEST_CASE("it costs a system call, with nothing to write too", "[fs]") {
  Fixture f(SyncMode::WB_SYNC_ALL);
  f.vfs.costs.write_syscall = std::chrono::microseconds(3);
  CHECK(f.await(f.range(0)) == Errno::kOk);
  CHECK(f.processors.busy() == std::chrono::microseconds(3));
}

}  // namespace
}  // namespace wbsim
