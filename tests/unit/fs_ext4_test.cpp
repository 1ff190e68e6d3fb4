// ext2 and ext4 under ext4's driver: which blocks a write dirties, and who waits for the journal.
#include <algorithm>
#include <catch2/catch.hpp>
#include <optional>
#include <utility>

#include "models/fs/ext4.hpp"
#include "tests/support/machine_fixture.hpp"
#include "tests/support/print_units.hpp"

namespace wbsim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::int64_t kBlocks = (std::int64_t{1} << 30) / 4096;  // of the disk
constexpr Sectors kJournal{kBlocks / 2 * 8};
constexpr std::int64_t kInodeTable = 5;

// A disk of 10 MB/s with an empty file.
struct Fixture : MachineFixture {
  explicit Fixture(bool journal, int max_segments = 128)
      : MachineFixture(scenario(journal, max_segments)) {
    start_flusher();
  }
  static Scenario scenario(bool journal, int max_segments) {
    Scenario s = plain_scenario("6.1");
    FilesystemConfig& fs = s.filesystems[0];
    fs.driver = FsDriver::kExt4;
    fs.journal = journal;
    fs.files[0].size = Bytes(0);
    s.devices[0].fixed.bandwidth_bytes_per_s = 10'000'000;
    s.devices[0].queue.max_segments = max_segments;
    return s;
  }
  void start(Task<Errno> body) {
    took.reset();
    sim.spawn("test", timed(std::move(body)));
    run_until(sim.now().time_since_epoch() + Duration(1));
  }
  void start_write(std::int64_t block, std::int64_t blocks) {
    start(context.files->write(file(0), block * 4096, blocks * 4096, task));
  }
  void write(std::int64_t block, std::int64_t blocks) {
    start_write(block, blocks);
    REQUIRE(took);
  }
  bool dirty(std::int64_t block) {
    const BufferHead* bh = find_uptodate_block(vfs, raw(0), block);
    return bh && bh->test(BH_Dirty);
  }
  // Of the requests that went to the journal.
  std::vector<std::int64_t> journal_blocks() const {
    std::vector<std::int64_t> blocks;
    for (const RequestRecord& request : log.requests)
      if (request.sector >= kJournal)
        blocks.push_back(request.sectors.count() / 8);
    return blocks;
  }

  TaskStruct task{"task"};
  std::optional<Duration> took;  // what was started, once it has ended

 private:
  Task<> timed(Task<Errno> body) {
    const TimePoint begin = sim.now();
    const Errno result = co_await body;
    CHECK(result == Errno::kOk);
    took = sim.now() - begin;
  }
};

TEST_CASE("ext4's driver dirties bitmap, descriptor and inode with the first block", "[fs]") {
  Fixture f(false);
  const Ext4Groups groups(kBlocks, 4096);
  f.write(0, 1);
  CHECK(f.dirty(groups.descriptor(0)));
  CHECK(f.dirty(groups.block_bitmap(0)));
  CHECK(f.dirty(groups.inode_table(0)));
  CHECK(f.context.counters().nr_file_dirty == Pages(4));
  f.write(1, 13);  // and the indirect block of the last two
  CHECK(f.context.counters().nr_file_dirty == Pages(14 + 4));
  CHECK(f.log.requests.empty());  // mounting has read the bitmaps
}

TEST_CASE("a new indirect block dirties the block that points to it", "[fs]") {
  Fixture f(false);
  constexpr std::int64_t kPointers = 1024, kDoubly = 12 + kPointers;
  const auto dirtied = [&f](std::int64_t block) {
    f.run_until(f.sim.now().time_since_epoch() + seconds(60));
    REQUIRE(f.context.counters().nr_file_dirty == Pages(0));
    f.write(block, 1);
    return f.context.counters().nr_file_dirty;
  };
  // The data, the bitmap, its descriptor and the inode; and what maps the data.
  CHECK(dirtied(kDoubly) == Pages(4 + 2));
  CHECK(dirtied(kDoubly + 1) == Pages(4 + 1));
  CHECK(dirtied(kDoubly + kPointers) == Pages(4 + 2));
}

TEST_CASE("who changes the times of a file is charged for it", "[fs]") {
  Fixture f(false);
  f.vfs.costs.update_time = std::chrono::microseconds(1);
  f.run_until(seconds(1));  // ext2's times are whole seconds
  const auto took = [&f] {
    f.start_write(0, 1);
    f.run_until(f.sim.now().time_since_epoch() + std::chrono::microseconds(10));
    REQUIRE(f.took);
    return *f.took;
  };
  CHECK(took() == std::chrono::microseconds(1));
  CHECK(took() == Duration(0));
  f.run_until(seconds(2));
  CHECK(took() == std::chrono::microseconds(1));
}

TEST_CASE("the last node of a red-black tree that grew in order lies deeper at 2^k - 2", "[fs]") {
  int deeper = 0;
  std::vector<std::int64_t> at;
  for (std::int64_t nodes = 0; nodes <= 130; ++nodes)
    if (const int levels = levels_of_last_node(nodes); levels > deeper) {
      CHECK(levels == ++deeper);
      at.push_back(nodes);
    }
  CHECK(at == std::vector<std::int64_t>{1, 2, 4, 6, 10, 14, 22, 30, 46, 62, 94, 126});
}

TEST_CASE("a new block goes through the tree of the file's pieces, not on ext4 itself", "[fs]") {
  for (const bool journal : {false, true}) {
    Fixture f(journal);
    f.vfs.costs.extent_level = milliseconds(1);
    if (journal)
      f.vfs.costs.indirect_block = milliseconds(1);  // extents have none
    const auto took = [&f](std::int64_t block, std::int64_t blocks) {
      f.start_write(block, blocks);
      f.run_until(f.sim.now().time_since_epoch() + seconds(4));
      REQUIRE(f.took);
      return *f.took;
    };
    CHECK(took(0, 16) == milliseconds(journal ? 0 : 16));   // one piece: that of small files
    CHECK(took(16, 16) == milliseconds(journal ? 0 : 32));  // up to 128 KiB, elsewhere
    CHECK(took(0, 16) == milliseconds(0));                  // they are mapped
  }
}

TEST_CASE("the device's inode is dirty before the file's, and is written first", "[fs]") {
  Fixture f(false);
  f.write(0, 64);
  f.run_until(seconds(7));  // a disk without a share is written at the first wake-up
  REQUIRE(f.log.inodes_written.size() >= 2);
  CHECK(f.log.inodes_written[0].ino == f.raw(0).i_ino);
  CHECK(f.log.inodes_written[1].ino == f.file(0).i_ino);
}

TEST_CASE("a transaction is committed by who changes something 5 s after it began", "[fs]") {
  Fixture f(true);
  f.write(0, 1);
  f.run_until(milliseconds(4950));
  f.write(1, 1);
  CHECK(f.journal_blocks().empty());
  CHECK_FALSE(f.dirty(kInodeTable));
  f.run_until(milliseconds(5001));
  f.write(2, 1);
  f.run_until(milliseconds(5010));
  // A descriptor and the inode; then the commit block.
  CHECK(f.journal_blocks() == std::vector<std::int64_t>{2, 1});
  CHECK(f.dirty(kInodeTable));  // nobody has changed it since
}

TEST_CASE("a transaction that nobody touches is committed by its timer", "[fs]") {
  Fixture f(true);
  f.write(0, 1);
  f.run_until(milliseconds(5000));
  CHECK(f.journal_blocks().empty());
  f.run_until(milliseconds(5600));  // the wheel is as coarse as 512 ticks then
  CHECK(f.journal_blocks().size() == 2);
}

TEST_CASE("who changes a block on its way to the journal waits for all before it", "[fs]") {
  Fixture f(true);
  f.write(0, 1);
  f.run_until(milliseconds(4400));
  f.write(1, 2000);  // more than the background limit: 0.82 s of the disk
  f.run_until(milliseconds(5010));
  f.write(2001, 1);  // commits
  f.start_write(2002, 1);
  CHECK_FALSE(f.took);
  const Pages under_writeback = f.context.counters().nr_writeback;
  f.run_until(milliseconds(5050));
  CHECK_FALSE(f.took);
  CHECK(f.context.counters().nr_writeback >= under_writeback);  // though the disk goes on
  f.run_until(milliseconds(5400));
  REQUIRE(f.took);
  CHECK(*f.took > milliseconds(50));
  CHECK(f.context.counters().nr_writeback < under_writeback);
}

TEST_CASE("fsync on ext4 waits for the commit", "[fs]") {
  Fixture f(true);
  f.write(0, 1);
  File opened{.f_inode = &f.file(0)};
  f.start(f.context.files->fsync(opened, SyncWhat::kFsync, f.task));
  f.run_until(milliseconds(100));
  REQUIRE(f.took);
  // With it the bitmap and the descriptor of the group: the data was written out.
  CHECK(f.journal_blocks() == std::vector<std::int64_t>{4, 1});
}

TEST_CASE("a transaction of more blocks than a request takes becomes several", "[fs]") {
  Fixture f(true, 3);
  f.write(0, 1);
  File opened{.f_inode = &f.file(0)};
  f.start(f.context.files->fsync(opened, SyncWhat::kFsync, f.task));
  f.run_until(milliseconds(100));
  REQUIRE(f.took);
  CHECK(f.journal_blocks() == std::vector<std::int64_t>{3, 1, 1});
}

}  // namespace
}  // namespace wbsim
