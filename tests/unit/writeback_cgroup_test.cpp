// Cgroup write-back: its arithmetic by the worked examples, and who is throttled, charged and asked
// to write.
#include <catch2/catch.hpp>
#include <limits>

#include "models/mm/inode_wb.hpp"
#include "models/writeback/memcg_limits.hpp"
#include "tests/support/machine_fixture.hpp"
#include "tests/support/print_units.hpp"

namespace wbsim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_CASE("worked example 10.2: what can be dirty of a cgroup, and its limits", "[writeback]") {
  const MemcgPages memcg{Pages(20000), Pages(5000), Pages(60000)};
  VmParams vm;
  CHECK(mdtc_avail({Pages(200001), Pages(30000)}, memcg) == Pages(80000));
  const DirtyLimits limits = memcg_dirty_limits(vm, Pages(80000), Pages(200001));
  CHECK(limits.background == Pages(7988));
  CHECK(limits.dirty == Pages(15996));
  // The others have nothing clean left: no room but its own pages.
  CHECK(mdtc_avail({Pages(200001), Pages(199000)}, memcg) == Pages(20000));
  vm.dirty_bytes = 100 << 20;
  CHECK(memcg_dirty_limits(vm, Pages(50000), Pages(200001)).dirty == Pages(6408));
}

TEST_CASE("bytes are never more than all of the cgroup's memory", "[writeback]") {
  VmParams vm;
  vm.dirty_bytes = std::int64_t{1} << 40;
  vm.dirty_background_bytes = std::int64_t{1} << 40;
  const DirtyLimits limits = memcg_dirty_limits(vm, Pages(5000), Pages(200001));
  CHECK(limits.dirty == Pages(5000));
  CHECK(limits.background == Pages(2500));
}

TEST_CASE("6.x 2: half of a real-time task's limit, bonus included, bounds its background",
          "[writeback]") {
  VmParams vm;
  vm.dirty_background_ratio = 30;
  const DirtyLimits limits =
      memcg_dirty_limits(vm, Pages(200001), Pages(200001), LimitBonus::kQuarterMore, Pages(39990));
  CHECK(limits.dirty == Pages(51236));
  CHECK(limits.background == Pages(25618));
}

TEST_CASE("worked example 10.3: work and ratios are divided by bandwidth", "[writeback]") {
  const WbShare quarter{6400, 25600};
  CHECK(wb_split_bdi_pages(10000, quarter) == 2500);
  CHECK(wb_split_bdi_pages(10001, quarter) == 2501);
  constexpr std::int64_t kEverything = std::numeric_limits<std::int64_t>::max();
  CHECK(wb_split_bdi_pages(kEverything, quarter) == kEverything);
  CHECK(wb_split_bdi_pages(10000, {6400, 6400}) == 10000);
  const MinMaxRatio scaled = wb_min_max_ratio({10, 50}, quarter);
  CHECK(scaled.min == 2);
  CHECK(scaled.max == 12);
  CHECK(wb_min_max_ratio({0, 100}, quarter).max == 100);
}

// The first round in which it should move.
int switches_in_round(std::int64_t pages, int writer) {
  InodeWb inode;
  for (int round = 1; round <= 100; ++round) {
    WbcOwners owners(1, inode.winner);
    owners.account(writer, pages * kPageSize);
    if (inode.end_round(owners, 25600))
      return round;
  }
  return -1;
}

TEST_CASE("worked example 10.4: foreign rounds until an inode moves", "[writeback]") {
  CHECK(switches_in_round(5120, 2) == 5);
  CHECK(switches_in_round(1024, 2) == 9);
  CHECK(switches_in_round(5120, 1) == -1);
}

TEST_CASE("a round has one winner, and its own cgroup wins a tie", "[writeback]") {
  const auto winner = [](int last, std::vector<std::pair<int, int>> pages) {
    WbcOwners owners(1, last);
    for (const auto& [cgroup, bytes] : pages)
      owners.account(cgroup, bytes);
    return owners.winner().cgroup;
  };
  CHECK(winner(0, {{1, 10}, {2, 10}}) == 1);
  CHECK(winner(0, {{1, 10}, {2, 11}}) == 2);
  CHECK(winner(0, {{2, 5}, {3, 6}, {2, 5}}) == 2);  // the candidate that is left
  CHECK(winner(3, {{3, 4}, {2, 9}, {3, 4}}) == 3);  // whoever won before, too
  CHECK(winner(0, {}) == 1);
}

// 256 MiB; cgroup "small" with 32 MiB, "big" without a limit.
struct CgroupTest : MachineFixture {
  explicit CgroupTest(Scenario s = scenario()) : MachineFixture(s) {
    small = &cgroups.add("small", Pages(8192));
    big = &cgroups.add("big", Pages(65536));
    cache.use_cgroups(cgroups);
    context.cgroups = &writeback.emplace(context, cgroups);
    start_flusher();
    writeback->set_flusher(dynamic_cast<ForeignFlusher&>(*flusher));
    small_task.memcg = small;
    big_task.memcg = big;
  }
  static Scenario scenario() {
    Scenario s = plain_scenario("6.1");
    s.memory.total = Bytes(256 << 20);
    s.filesystems[0].files[0].size = Bytes(128 << 20);
    return s;
  }
  void write(Duration when, std::int64_t pos, std::int64_t length, TaskStruct& by) {
    sim.spawn("write", call(*this, TimePoint(when), pos, length, by), ProcessKind::kDaemon);
  }
  static Task<> call(CgroupTest& test, TimePoint when, std::int64_t pos, std::int64_t length,
                     TaskStruct& by) {
    co_await test.sim.delay_until(when);
    const Errno done = co_await generic_file_write(test.vfs, test.file(0), pos, length, by);
    CHECK(done == Errno::kOk);
  }
  const BackingDevInfo& wb_of_file() { return *file(0).i_data.bdi; }

  MemoryCgroups cgroups{whole_pages(config.memory.total),
                        FlexShares{FlexProportions(context.hz() * 3, context.wheel), &sim}};
  std::optional<CgroupWriteback> writeback;
  Memcg *small = nullptr, *big = nullptr;
  TaskStruct root_task{"root"}, small_task{"small"}, big_task{"big"};
};

constexpr std::int64_t kMiB = 1 << 20;

TEST_CASE("who brings a page into memory is charged with it, and has the inode", "[writeback]") {
  CgroupTest f;
  f.write(milliseconds(1), 0, kMiB, f.small_task);
  f.run_until(milliseconds(100));
  CHECK(f.small->file == Pages(256));
  CHECK(f.small->file_dirty == Pages(256));
  CHECK(&f.wb_of_file() == &wb_of(f.bdi(0), f.small));
  CHECK(f.wb_of_file().reclaimable.sum() == Pages(256));
  CHECK(f.bdi(0).reclaimable.sum() == Pages(0));
  // Another one writes the same pages: they stay whose they are.
  f.write(milliseconds(200), 0, kMiB, f.big_task);
  f.run_until(milliseconds(300));
  CHECK(f.small->file == Pages(256));
  CHECK(f.big->file == Pages(0));
  f.run_until(seconds(60));
  CHECK(f.small->dirty() == Pages(0));
  CHECK(f.small->file == Pages(256));
  CHECK(f.wb_of_file().reclaimable.sum() + f.wb_of_file().writeback.sum() == Pages(0));
  f.cache.check();
}

TEST_CASE("a cgroup at its limit frees its own clean pages", "[writeback]") {
  CgroupTest f;
  f.write(milliseconds(1), 0, 8 * kMiB, f.big_task);
  f.write(milliseconds(1), 8 * kMiB, 64 * kMiB, f.small_task);
  f.run_until(seconds(60));
  CHECK(f.small->peak_file <= Pages(8192 + 32));
  CHECK(f.small->file <= Pages(8192));
  CHECK(f.small->file > Pages(8192 - 100));
  CHECK(f.big->file == Pages(2048));
  f.cache.check();
}

TEST_CASE("a cgroup is throttled at limits of its own, not at the global ones", "[writeback]") {
  CgroupTest f;
  f.write(milliseconds(1), 0, 64 * kMiB, f.small_task);
  f.run_until(seconds(60));
  CHECK(f.small_task.throttle_calls > 0);
  // 20 % of 32 MiB, and what has been added between two looks.
  CHECK(f.small->peak_dirty > Pages(1200));
  CHECK(f.small->peak_dirty < Pages(1800));
  CHECK(f.cache.counters().peak_dirty < f.context.dirty_limits().background);
  f.write(seconds(60), 0, 32 * kMiB, f.root_task);
  f.run_until(seconds(100));
  CHECK(f.root_task.throttle_calls == 0);
}

TEST_CASE("an inode that another cgroup keeps writing becomes its own", "[writeback]") {
  CgroupTest f;
  f.write(milliseconds(1), 0, kPageSize, f.small_task);
  for (int i = 0; i < 20; ++i)
    f.write(seconds(1 + 5 * i), (1 + i * 5) * kMiB, 5 * kMiB, f.big_task);
  f.run_until(seconds(2));
  CHECK(f.wb_of_file().memcg == f.small);
  f.run_until(seconds(120));
  CHECK(f.wb_of_file().memcg == f.big);
  CHECK(f.big->inodes_switched == 1);
  CHECK(f.small->inodes_switched == 0);
  const BackingDevInfo& left = wb_of(f.bdi(0), f.small);
  CHECK(left.reclaimable.sum() == Pages(0));
  CHECK(left.writeback.sum() == Pages(0));
  CHECK(left.writeback_inodes == 0);
  CHECK(left.dirty_inodes[DirtyInodeLists::kDirty] == 0);
}

TEST_CASE("an inode moves with its pages and its place among the dirty ones", "[writeback]") {
  CgroupTest f;
  f.write(milliseconds(1), 0, 100 * kPageSize, f.small_task);
  f.run_until(milliseconds(50));
  const Jiffies since = f.file(0).dirtied_when;
  f.writeback->switch_wb(*f.file(0).i_data.i_wb, f.big->id);
  CHECK(f.wb_of_file().memcg == f.small);  // later
  f.run_until(milliseconds(52));
  const BackingDevInfo& left = wb_of(f.bdi(0), f.small);
  CHECK(f.wb_of_file().memcg == f.big);
  CHECK(f.wb_of_file().reclaimable.sum() + f.wb_of_file().writeback.sum() == Pages(100));
  CHECK(left.reclaimable.sum() == Pages(0));
  CHECK(left.dirty_inodes == std::array<int, 4>{});
  CHECK(f.file(0).dirtied_when == since);
  CHECK(f.small->dirty() == Pages(100));  // whose pages they are has not changed
  // The other's flusher was woken, and as that wb has written nothing yet, it has no share to fill.
  f.run_until(milliseconds(100));
  CHECK(f.cache.counters().nr_written == Pages(100));
}

TEST_CASE("a throttled cgroup asks those who hold its dirty pages to write them", "[writeback]") {
  CgroupTest f;
  f.write(milliseconds(1), 0, kPageSize, f.big_task);  // the inode is big's
  f.write(milliseconds(2), kMiB, 16 * kMiB, f.small_task);
  f.run_until(seconds(3));
  CHECK(f.small->foreign_flushes > 0);
  const auto flushes = f.log.works_because(WriteReason::kForeignFlush);
  REQUIRE(!flushes.empty());
  CHECK(flushes[0].thread == "flush-d0:big");
}

TEST_CASE("sync(2) has every cgroup's flusher write", "[writeback]") {
  CgroupTest f;
  f.write(milliseconds(1), 0, kMiB, f.small_task);
  f.run_until(milliseconds(100));
  TaskStruct task("sync");
  struct Call {
    static Task<> sync(CgroupTest& test, TaskStruct& by) {
      const Errno done = co_await test.flusher->sync(by);
      CHECK(done == Errno::kOk);
    }
  };
  f.sim.spawn("sync", Call::sync(f, task));
  f.run_until(seconds(2));
  CHECK(f.cache.counters().nr_file_dirty == Pages(0));
  CHECK(f.cache.counters().nr_written == Pages(256));
}

TEST_CASE("a cgroup's writers run free up to the middle of its limits", "[writeback]") {
  CgroupTest f;
  BackingDevInfo& wb = wb_of(f.bdi(0), f.small);
  const std::optional<DirtyState> state = memcg_dirty_state(f.context, wb, f.small_task);
  REQUIRE(state);
  // 8192 pages of headroom, of which 819 and 409 of 4096 parts.
  CHECK(state->thresh == Pages(1638));
  CHECK(state->freerun() == Pages((1638 + 818) / 2));
  CHECK_FALSE(memcg_dirty_state(f.context, f.bdi(0), f.root_task));
}

}  // namespace
}  // namespace wbsim
