// Writing one inode: what is written, and on which list it is found afterwards.
#include <catch2/catch.hpp>
#include <limits>
#include <string_view>

#include "models/writeback/inode_lists.hpp"
#include "tests/support/machine_fixture.hpp"
#include "tests/support/print_units.hpp"

namespace wbsim {
namespace {

using Lists = DirtyInodeLists;
constexpr Duration kMs = std::chrono::milliseconds(1);

enum class Place { kClean, kDirty, kMoreIo };

// One dirty inode of ten pages, taken to s_io as a flusher would, and written with `wbc`. Whatever
// is dirtied while it is written, `meanwhile` does.
struct OneInode {
  explicit OneInode(const char* kernel) : f(plain_scenario(kernel)), task("flusher") {
    sb = &f.mount_slow_inodes(0);
    inode = &sb->add();
    inode->i_size = 1 << 20;
    other = &sb->add();
    f.start_flusher();
    f.run_until(kMs * 10);
    f.dirty_pages(*inode, 0, 10);
    mark_inode_dirty(f.vfs, *inode, I_DIRTY_SYNC);
    inode->dirty_lists->queue_io(std::nullopt, Lists::SuperblockSort::kNo);
    f.run_until(kMs * 20);
    mark_inode_dirty(f.vfs, *other, I_DIRTY_SYNC);  // younger, at the head of the list
  }
  WritebackControl kupdate(std::int64_t nr) const {
    WritebackControl wbc;
    wbc.for_kupdate = wbc.range_cyclic = true;
    wbc.nr_to_write = nr;
    return wbc;
  }
  WritebackControl background(std::int64_t nr) const {
    WritebackControl wbc;
    wbc.range_cyclic = true;
    wbc.nr_to_write = nr;
    return wbc;
  }
  void write(WritebackControl& wbc) {
    f.sim.spawn("flusher", body(wbc), ProcessKind::kDaemon);
    f.run_until(kMs * 1000);
    REQUIRE(done);
  }
  Task<> body(WritebackControl& wbc) {
    const Errno result = co_await writeback_single_inode(f.context, *inode, wbc, task);
    REQUIRE(result == Errno::kOk);
    done = true;
  }
  void at(Duration when, void (*what)(OneInode&)) {
    f.sim.spawn("meanwhile", later(when, what), ProcessKind::kDaemon);
  }
  Task<> later(Duration when, void (*what)(OneInode&)) {
    co_await f.sim.delay_until(TimePoint(when));
    what(*this);
  }
  Place place() const {
    if (!inode->dirty_lists)
      return Place::kClean;
    return inode->dirty_list == Lists::kMoreIo ? Place::kMoreIo : Place::kDirty;
  }

  MachineFixture f;
  SlowInodes* sb;
  Inode* inode;
  Inode* other;
  TaskStruct task;
  bool done = false;
};

const char* const kKernels[] = {"2.6.24", "2.6.31", "2.6.32"};

TEST_CASE("an inode that was written whole leaves the lists", "[writeback]") {
  const char* kernel = GENERATE(from_range(std::begin(kKernels), std::end(kKernels)));
  OneInode one(kernel);
  const bool periodic = GENERATE(true, false);
  WritebackControl wbc = periodic ? one.kupdate(1024) : one.background(1024);
  one.write(wbc);
  CHECK(one.place() == Place::kClean);
  CHECK((one.inode->i_state & I_DIRTY) == 0);
  CHECK(one.inode->dirtied_when == Jiffies(10));
  CHECK(one.sb->written.size() == 1);
}

// With pages left over: gen-2.6-pdflush 6.3 A, gen-2.6.32-bdi section 5.
TEST_CASE("an inode with dirty pages left is filed by the kernel's rule", "[writeback]") {
  struct Row {
    const char* kernel;
    bool periodic;
    Place place;
  };
  const Row row = GENERATE(values<Row>({{"2.6.24", true, Place::kMoreIo},
                                        {"2.6.24", false, Place::kDirty},
                                        {"2.6.31", true, Place::kMoreIo},
                                        {"2.6.31", false, Place::kDirty},
                                        {"2.6.32", true, Place::kMoreIo},
                                        {"2.6.32", false, Place::kDirty},
                                        {"2.6.39", true, Place::kMoreIo},
                                        {"2.6.39", false, Place::kMoreIo}}));
  CAPTURE(row.kernel, row.periodic);
  OneInode one(row.kernel);
  one.f.dirty_pages(*one.inode, 10, 20);
  WritebackControl wbc = row.periodic ? one.kupdate(4) : one.background(4);
  one.write(wbc);
  CHECK(wbc.nr_to_write <= 0);
  CHECK(one.place() == row.place);
  CHECK((one.inode->i_state & I_DIRTY) == I_DIRTY_PAGES);
  // redirty_tail renews the stamp, for a younger inode heads the list; requeue_io keeps it.
  const bool renewed = row.place == Place::kDirty;
  CHECK(one.inode->dirtied_when == Jiffies(renewed ? 20 : 10));
}

// A page stays dirty although the budget is not used up: it was dirtied behind the scan.
TEST_CASE("pages dirtied meanwhile, with budget left", "[writeback]") {
  const char* kernel = GENERATE(from_range(std::begin(kKernels), std::end(kKernels)));
  const bool periodic = GENERATE(true, false);
  CAPTURE(kernel, periodic);
  OneInode one(kernel);
  one.sb->takes = kMs * 5;  // the pages were scanned; now its inode is written
  one.at(kMs * 22, [](OneInode& o) { o.f.dirty_pages(*o.inode, 20, 1); });
  WritebackControl wbc = periodic ? one.kupdate(1024) : one.background(1024);
  one.write(wbc);
  CHECK(wbc.nr_to_write > 0);
  CHECK(one.place() == Place::kDirty);  // B: redirtied
  CHECK(one.inode->dirtied_when >= Jiffies(25));
  CHECK((one.inode->i_state & I_DIRTY) == I_DIRTY_PAGES);
}

TEST_CASE("with pages dirtied meanwhile and the budget used up only 2.6.32 requeues",
          "[writeback]") {
  const char* kernel = GENERATE(from_range(std::begin(kKernels), std::end(kKernels)));
  const bool periodic = GENERATE(true, false);
  CAPTURE(kernel, periodic);
  OneInode one(kernel);
  one.sb->takes = kMs * 5;
  one.at(kMs * 22, [](OneInode& o) { o.f.dirty_pages(*o.inode, 20, 1); });
  WritebackControl wbc = periodic ? one.kupdate(10) : one.background(10);
  one.write(wbc);
  CHECK(wbc.nr_to_write <= 0);
  const bool requeued = periodic && std::string_view(kernel) == "2.6.32";
  CHECK(one.place() == (requeued ? Place::kMoreIo : Place::kDirty));
}

// gen-2.6.32-bdi section 5, the column of 2.6.39.
TEST_CASE("2.6.39 looks for dirty pages first, and waits for data before it writes the inode",
          "[writeback]") {
  OneInode one("2.6.39");
  one.sb->takes = kMs * 5;
  SECTION("dirty pages and times, budget used up: requeued") {
    one.at(kMs * 22, [](OneInode& o) {
      o.f.dirty_pages(*o.inode, 20, 1);
      mark_inode_dirty(o.f.vfs, *o.inode, I_DIRTY_SYNC);
    });
    WritebackControl wbc = one.background(10);
    one.write(wbc);
    CHECK(one.place() == Place::kMoreIo);
    CHECK((one.inode->i_state & I_DIRTY) == (I_DIRTY_PAGES | I_DIRTY_SYNC));
  }
  SECTION("its times alone: redirty_tail") {
    one.at(kMs * 22, [](OneInode& o) { mark_inode_dirty(o.f.vfs, *o.inode, I_DIRTY_SYNC); });
    WritebackControl wbc = one.background(10);
    one.write(wbc);
    CHECK(one.place() == Place::kDirty);
  }
  SECTION("WB_SYNC_ALL") {
    WritebackControl wbc = one.background(1024);
    wbc.sync_mode = SyncMode::WB_SYNC_ALL;
    one.write(wbc);
    REQUIRE(one.sb->written.size() == 1);
    REQUIRE_FALSE(one.f.log.requests.empty());
    CHECK(one.sb->written[0].when == TimePoint(one.f.log.requests.back().completed));
  }
}

TEST_CASE("only its times dirtied meanwhile: redirty_tail everywhere", "[writeback]") {
  const char* kernel = GENERATE(from_range(std::begin(kKernels), std::end(kKernels)));
  OneInode one(kernel);
  one.sb->takes = kMs * 5;
  one.at(kMs * 22, [](OneInode& o) { mark_inode_dirty(o.f.vfs, *o.inode, I_DIRTY_SYNC); });
  WritebackControl wbc = one.kupdate(10);
  one.write(wbc);
  CHECK(one.place() == Place::kDirty);
  CHECK((one.inode->i_state & I_DIRTY) == I_DIRTY_SYNC);
}

TEST_CASE("write_inode is called for times and sizes, not for pages alone", "[writeback]") {
  const char* kernel = GENERATE(from_range(std::begin(kKernels), std::end(kKernels)));
  OneInode one(kernel);
  SECTION("times") {}
  SECTION("size") {
    one.inode->i_state = I_DIRTY_PAGES | I_DIRTY_DATASYNC;
  }
  SECTION("pages only") {
    one.inode->i_state = I_DIRTY_PAGES;
  }
  const bool expected = one.inode->i_state != I_DIRTY_PAGES;
  WritebackControl wbc = one.background(1024);
  one.write(wbc);
  CHECK(one.sb->written.size() == (expected ? 1 : 0));
  CHECK(one.f.cache.counters().nr_written == Pages(10));
}

TEST_CASE("without budget no page is written, but the inode is", "[writeback]") {
  OneInode one("2.6.32");
  WritebackControl wbc = one.kupdate(0);
  one.write(wbc);
  CHECK(one.f.cache.counters().nr_written == Pages(0));
  CHECK(one.sb->written.size() == 1);
  CHECK(one.place() == Place::kMoreIo);
}

TEST_CASE("an inode that somebody writes is requeued, and 2.6.24 writes its pages all the same",
          "[writeback]") {
  const char* kernel = GENERATE(from_range(std::begin(kKernels), std::end(kKernels)));
  CAPTURE(kernel);
  OneInode one(kernel);
  one.inode->i_state |= I_SYNC;
  WritebackControl wbc = one.background(1024);
  one.write(wbc);
  CHECK(one.place() == Place::kMoreIo);
  CHECK(one.inode->dirtied_when == Jiffies(10));
  const bool writes = std::string_view(kernel) == "2.6.24";
  CHECK(wbc.nr_to_write == (writes ? 1014 : 1024));
  CHECK(one.f.cache.counters().nr_written == Pages(writes ? 10 : 0));
  CHECK(one.sb->written.empty());
  CHECK((one.inode->i_state & I_SYNC) != 0);
}

TEST_CASE("WB_SYNC_ALL waits for whoever writes the inode, and for its pages", "[writeback]") {
  const char* kernel = GENERATE(from_range(std::begin(kKernels), std::end(kKernels)));
  OneInode one(kernel);
  one.inode->i_state |= I_SYNC;
  one.at(kMs * 100, [](OneInode& o) {
    o.inode->i_state = static_cast<std::uint8_t>(o.inode->i_state & ~I_SYNC);
    o.inode->i_sync_waiters.wake_all();
  });
  WritebackControl wbc = one.background(std::numeric_limits<std::int64_t>::max());
  wbc.sync_mode = SyncMode::WB_SYNC_ALL;
  one.write(wbc);
  REQUIRE(one.f.log.requests.size() == 1);
  CHECK(one.f.log.requests[0].queued == kMs * 100);
  CHECK(one.f.cache.counters().nr_written == Pages(10));
  CHECK(one.place() == Place::kClean);
}

TEST_CASE("an inode that was clean when its write-back began is filed in order", "[writeback]") {
  OneInode one("2.6.31");
  Lists::remove(*one.inode);
  one.inode->i_state = 0;
  one.sb->takes = kMs * 5;
  one.inode->i_state = I_DIRTY_SYNC;  // by whoever waits for its write-back
  one.at(kMs * 22, [](OneInode& o) { mark_inode_dirty(o.f.vfs, *o.inode, I_DIRTY_SYNC); });
  WritebackControl wbc = one.background(1024);
  one.write(wbc);
  REQUIRE(one.place() == Place::kDirty);
  CHECK(one.inode->dirtied_when >= one.other->dirtied_when);
}

}  // namespace
}  // namespace wbsim
