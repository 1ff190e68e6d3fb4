// Reclaim that meets pages which cannot be freed.
#include <catch2/catch.hpp>

#include "tests/support/machine_fixture.hpp"
#include "tests/support/print_units.hpp"

namespace wbsim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// 8192 inactive pages, of which 1000 cannot be freed: a reclaimer looks at 3, 5, 9 and 17 of them
// before it waits, then at 33, 65, 129, 257 and the rest.
struct Initramfs : MachineFixture {
  explicit Initramfs(const char* kernel = "2.6.24") : MachineFixture(scenario(kernel)) {
    start_flusher();
  }
  static Scenario scenario(const char* kernel) {
    Scenario s = plain_scenario(kernel);
    s.vm.dirty_writeback_centisecs = 0;
    s.memory.free_at_start = Pages(7000);
    s.memory.file_pages_at_start = Pages(8192);
    s.memory.unfreeable_at_start = Pages(1000);
    return s;
  }
  Pages left_at(Duration when) {
    run_until(when);
    return vm_writeout->futile().unfreeable();
  }
  bool written(PageIndex index) { return !page(file(0), index).test(PG_dirty); }
  Thread kswapd{"kswapd0"};
  TaskStruct task{"writer"};
};

TEST_CASE("kswapd looks at twice as many pages each time, and waits from the fourth on",
          "[writeback]") {
  Initramfs f;
  CHECK(f.vm_writeout->must_wait(nullptr));
  f.sim.spawn("kswapd0", f.vm_writeout->balance_pgdat(f.kswapd), ProcessKind::kDaemon);
  CHECK(f.left_at(milliseconds(1)) == Pages(1000 - 3 - 5 - 9 - 17));
  CHECK(f.left_at(milliseconds(99)) == Pages(966));
  CHECK(f.left_at(milliseconds(101)) == Pages(966 - 33));
  CHECK(f.left_at(milliseconds(201)) == Pages(933 - 65));
  CHECK(f.left_at(milliseconds(401)) == Pages(868 - 129 - 257));
  CHECK(f.vm_writeout->must_wait(nullptr));
  CHECK(f.left_at(milliseconds(501)) == Pages(0));
  CHECK_FALSE(f.vm_writeout->must_wait(nullptr));
}

TEST_CASE("from 2.6.28 on reclaim does not see them", "[writeback]") {
  const std::string_view kernel = GENERATE("2.6.18", "2.6.24", "2.6.31", "2.6.32", "2.6.39");
  const Initramfs f(kernel.data());
  CHECK(f.vm_writeout->is_futile() == (kernel < "2.6.28"));
}

// 64 dirty pages are far below the background limit.
TEST_CASE("a task that looked at more than 48 pages for nothing has pdflush write", "[writeback]") {
  Initramfs f;
  f.dirty_pages(f.file(0), 0, 64);
  REQUIRE(Pages(64) < f.context.dirty_limits().background);
  f.sim.spawn("writer", f.vm_writeout->try_to_free_pages(f.task), ProcessKind::kDaemon);
  f.run_until(milliseconds(99));  // 34 pages looked at
  CHECK_FALSE(f.written(0));
  f.run_until(milliseconds(101));  // 67
  CHECK(f.written(0));
  CHECK(f.written(63));
  CHECK(f.task.throttled_by == ThrottledBy::kVmWriteout);
  f.run_until(seconds(1));
  CHECK(f.task.throttled_by == ThrottledBy::kNobody);
  CHECK(f.task.vm_writeout_calls == 1);
  // Five waits; the end of what pdflush writes cuts one of them short.
  CHECK(f.task.vm_writeout > milliseconds(400));
  CHECK(f.task.vm_writeout < milliseconds(500));
}

TEST_CASE("a task and kswapd share what is to be looked at", "[writeback]") {
  Initramfs f;
  f.sim.spawn("kswapd0", f.vm_writeout->balance_pgdat(f.kswapd), ProcessKind::kDaemon);
  f.sim.spawn("writer", f.vm_writeout->try_to_free_pages(f.task), ProcessKind::kDaemon);
  CHECK(f.left_at(milliseconds(1)) == Pages(1000 - 2 * 34));
  CHECK(f.left_at(milliseconds(301)) == Pages(932 - 2 * (33 + 65 + 129)));
  CHECK(f.left_at(milliseconds(401)) == Pages(0));
}

// The lowest watermark is 32 pages, the low one 40.
TEST_CASE("below the low watermark nothing is freed until kswapd is past them", "[writeback]") {
  Initramfs f;
  f.sim.spawn("kswapd0", f.vfs.kswapd.run(f.vfs.reclaim_throttle), ProcessKind::kDaemon);
  for (PageIndex index = 0; index < 100; ++index) {
    Page& clean = f.vfs.add_page(f.file(0).i_data, index, f.task);
    clean.set(PG_uptodate);
    f.cache.unlock_page(clean);
  }
  REQUIRE(f.cache.try_lock_memory(f.cache.free_pages() - Pages(40)));
  const auto add = [&f](PageIndex index) {
    f.cache.unlock_page(f.vfs.add_page(f.file(0).i_data, index, f.task));
  };
  f.at(milliseconds(9), [&] { add(200); });
  f.at(milliseconds(10), [&] { add(201); });
  f.at(milliseconds(400), [&] { add(202); });
  CHECK(f.left_at(milliseconds(11)) == Pages(966));
  f.run_until(milliseconds(401));
  CHECK(f.cache.reclaimed() == 0);
  CHECK(f.left_at(milliseconds(600)) == Pages(0));
  f.at(milliseconds(601), [&] { add(203); });
  f.run_until(milliseconds(602));
  CHECK(f.cache.reclaimed() > 0);
}

}  // namespace
}  // namespace wbsim
