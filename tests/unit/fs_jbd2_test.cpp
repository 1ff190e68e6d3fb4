// The journal of ext4: when a transaction is committed, and who waits for it.
#include <catch2/catch.hpp>

#include "models/fs/jbd2.hpp"
#include "tests/support/fs_fixture.hpp"
#include "tests/support/print_units.hpp"

namespace wbsim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

using Written = std::vector<std::pair<std::int64_t, std::int64_t>>;

constexpr std::int64_t kFirst = 1000, kBlocks = 16;

// A block goes to the disk in 141 us, two in 182 us.
struct Journal : FsFixture, private DelayedAllocation {
  Journal() : FsFixture(setup()) {
    sim.spawn("jbd2", jbd2.kjournald2(wheel), ProcessKind::kDaemon);
  }
  static FsSetup setup() {
    FsSetup setup;
    setup.block_size = 4096;
    return setup;
  }
  // Where the requests so far wrote: first block and length.
  Written written() const {
    Written blocks;
    for (const RequestRecord& rq : log.requests)
      blocks.emplace_back(rq.sector.count() / 8, rq.sectors.count() / 8);
    return blocks;
  }
  bool is_dirty(std::int64_t block) {
    const BufferHead* bh = find_uptodate_block(vfs, device, block);
    return bh && bh->test(BH_Dirty);
  }
  Task<> complete(TaskStruct& by, std::optional<TimePoint>& when) {
    co_await jbd2.complete_transaction(by);
    when = sim.now();
  }
  Task<> wait(TaskStruct& by, std::optional<TimePoint>& when) {
    co_await jbd2.wait_on_shadow(by);
    when = sim.now();
  }
  void spawn_complete(TaskStruct& by, std::optional<TimePoint>& when) {
    sim.spawn("fsync", complete(by, when), ProcessKind::kDaemon);
  }

  TimerWheel wheel{TimerRule::kExact, ticks, Duration(0)};
  Jbd2 jbd2{vfs, device, *this, kFirst, kBlocks, /*barrier=*/false};

 private:
  void map_blocks(Inode&, PageIndex, PageIndex) override {}
  void convert_extents(Inode&) override {}
};

TEST_CASE("a transaction is committed 5 s after it began, with all that changed until then",
          "[fs]") {
  Journal f;
  f.run_for(seconds(1));
  f.jbd2.dirty_metadata(7);
  f.run_for(seconds(4));
  f.jbd2.dirty_metadata(5);
  f.jbd2.dirty_metadata(7);
  CHECK(f.jbd2.has(5));
  f.run_for(milliseconds(999));
  CHECK(f.written().empty());
  f.run_for(milliseconds(2));
  // Descriptor and two blocks, then the commit block.
  CHECK(f.written() == Written{{kFirst, 3}, {kFirst + 3, 1}});
  CHECK_FALSE(f.jbd2.has(5));
  CHECK(f.is_dirty(5));
  CHECK(f.is_dirty(7));
  f.run_for(seconds(60));
  CHECK(f.written().size() == 2);
}

TEST_CASE("who waits for what changed has it committed at once", "[fs]") {
  Journal f;
  std::optional<TimePoint> none, first, second;
  f.spawn_complete(f.task, none);
  f.run_for(Duration(1));
  CHECK(none);  // nothing changed
  f.jbd2.dirty_metadata(7);
  f.spawn_complete(f.task, first);
  f.run_for(milliseconds(1) / 10);
  REQUIRE(f.jbd2.shadow());
  SECTION("for the one under way") {
    f.spawn_complete(f.other_task, second);
    f.run_for(seconds(1));
    CHECK(f.written() == Written{{kFirst, 2}, {kFirst + 2, 1}});
    CHECK(second == first);
  }
  SECTION("for the one after it") {
    f.jbd2.dirty_metadata(9);
    f.spawn_complete(f.other_task, second);
    f.run_for(seconds(1));
    CHECK(f.written() == Written{{kFirst, 2}, {kFirst + 2, 1}, {kFirst + 3, 2}, {kFirst + 5, 1}});
    REQUIRE(first);
    REQUIRE(second);
    CHECK(*second > *first);
  }
}

TEST_CASE("a block that changes again is left to the later transaction", "[fs]") {
  Journal f;
  std::optional<TimePoint> done;
  f.jbd2.dirty_metadata(7);
  f.jbd2.dirty_metadata(8);
  f.spawn_complete(f.task, done);
  f.run_for(milliseconds(1) / 10);
  f.jbd2.dirty_metadata(8);
  f.run_for(seconds(1));
  REQUIRE(done);
  CHECK(f.is_dirty(7));
  CHECK_FALSE(f.is_dirty(8));
  f.run_for(seconds(5));
  CHECK(f.is_dirty(8));
}

TEST_CASE("blocks on their way to the journal are waited for, the commit block is not", "[fs]") {
  Journal f;
  std::optional<TimePoint> done, written;
  f.jbd2.dirty_metadata(7);
  f.spawn_complete(f.task, done);
  f.run_for(milliseconds(1) / 10);
  REQUIRE(f.jbd2.shadow());
  f.sim.spawn("writer", f.wait(f.other_task, written), ProcessKind::kDaemon);
  f.run_for(seconds(1));
  REQUIRE(done);
  REQUIRE(f.log.requests.size() == 2);
  CHECK(written == TimePoint(f.log.requests[0].completed));
  CHECK(*done == TimePoint(f.log.requests[1].completed));
}

TEST_CASE("the journal goes round", "[fs]") {
  Journal f;
  for (int i = 0; i < 6; ++i) {
    std::optional<TimePoint> done;
    f.jbd2.dirty_metadata(7);
    f.spawn_complete(f.task, done);
    f.run_for(seconds(1));
    REQUIRE(done);
  }
  const Written all = f.written();
  REQUIRE(all.size() == 12);
  CHECK(all[9] == Written::value_type{kFirst + 14, 1});
  CHECK(all[10] == Written::value_type{kFirst, 2});
}

}  // namespace
}  // namespace wbsim
