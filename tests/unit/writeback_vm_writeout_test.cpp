// throttle_vm_writeout(): who must free memory waits for write-back.
#include <catch2/catch.hpp>
#include <optional>

#include "models/kernel.hpp"
#include "models/mm/out_of_memory.hpp"
#include "tests/support/machine_fixture.hpp"
#include "tests/support/print_units.hpp"

namespace wbsim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// 64 MiB, of which `under_writeback` pages are on their way to a disk that takes a second for each
// request; a process holds all the rest but 20 pages, less than the lowest watermark.
struct Full : MachineFixture {
  explicit Full(const char* kernel, PageIndex under_writeback, Duration request = seconds(1))
      : MachineFixture(scenario(kernel, request)), task("writer") {
    start_flusher();
    run_until(milliseconds(10));
    dirty_pages(file(0), 0, under_writeback);
    WritebackControl wbc;
    wbc.bdi = &bdi(0);
    wbc.nr_to_write = under_writeback;
    sim.spawn("other", flusher->writeback_inodes(wbc, other), ProcessKind::kDaemon);
    run_until(milliseconds(20));
    REQUIRE(cache.counters().nr_writeback == Pages(under_writeback));
    REQUIRE(cache.try_lock_memory(cache.free_pages() - Pages(40)));
    dirty_pages(file(1), 0, 20);
    REQUIRE(cache.free_pages() < cache.params().min_watermark());
  }
  static Scenario scenario(const char* kernel, Duration request) {
    Scenario s = plain_scenario(kernel, 2);
    s.vm.dirty_writeback_centisecs = 0;
    s.devices[0].fixed.overhead = request;
    return s;
  }
  void make_clean_page() {
    Page& page = cache.add_to_page_cache(file(1).i_data, 2000, Reclaim::kNotYet);
    page.set(PG_uptodate);
    cache.unlock_page(page);
  }
  void write_a_page(std::int64_t at = 1 << 20) {
    sim.spawn("writer", body(at), ProcessKind::kDaemon);
  }
  Task<> body(std::int64_t at) {
    const Errno result = co_await generic_file_write(vfs, file(1), at, kPageSize, task);
    REQUIRE(result == Errno::kOk);
    returned = sim.now().time_since_epoch();
  }
  TaskStruct other{"other"}, task;
  Duration returned{};
};

// Requests of 128 pages and a second each.
TEST_CASE("who must free memory waits while more than 1.1 limits are under write-back",
          "[writeback]") {
  const char* kernel = GENERATE("2.6.18", "2.6.24", "2.6.31", "2.6.32", "2.6.39");
  CAPTURE(kernel);
  Full f(kernel, 2400);
  const Pages limit = f.context.dirty_limits().dirty;
  const Pages bound = limit + limit / 10;
  REQUIRE(Pages(2400) > bound);
  f.write_a_page();
  f.run_until(milliseconds(900));
  CHECK(f.returned == Duration(0));
  CHECK(f.task.throttled_by == ThrottledBy::kVmWriteout);
  f.run_until(seconds(40));
  Pages left(2400);
  const RequestRecord* last = nullptr;
  for (const RequestRecord& request : f.log.requests)
    if (request.device == 0 && left > bound) {
      left -= Pages(request.sectors.count() / 8);
      last = &request;
    }
  REQUIRE(last);
  CHECK(f.returned >= last->completed);
  CHECK(f.returned <= last->completed + milliseconds(100));
  CHECK(f.task.vm_writeout_calls == 1);
  CHECK(f.task.vm_writeout == f.returned - milliseconds(20));
  CHECK(f.task.throttled == Duration(0));
  CHECK(f.task.throttled_by == ThrottledBy::kNobody);
}

// All of memory is held or dirty; the limits alone would let the writer go on.
TEST_CASE("who finds memory full of dirty pages has them written and waits", "[writeback]") {
  const char* kernel = GENERATE("2.6.18", "2.6.31", "2.6.32", "2.6.39", "3.10", "6.1");
  CAPTURE(kernel);
  Full f(kernel, 4, milliseconds(30));
  f.run_until(milliseconds(100));
  REQUIRE(f.cache.counters().nr_writeback == Pages(0));
  for (PageIndex i = 20; !f.cache.is_full(); ++i)
    f.dirty_pages(f.file(1), i, 1);
  const std::size_t before = f.log.requests.size();
  f.write_a_page();
  f.run_until(milliseconds(100));
  CHECK(f.returned == Duration(0));
  CHECK(f.task.throttled_by == ThrottledBy::kVmWriteout);
  f.run_until(seconds(2));
  REQUIRE(f.log.requests.size() > before);
  CHECK(f.returned >= f.log.requests[before].completed);
  CHECK(f.returned <= milliseconds(200));
  CHECK(f.task.vm_writeout == f.returned - milliseconds(100));
  CHECK_FALSE(f.cache.is_full());
}

TEST_CASE("a task that waits for memory which nobody can free ends the run", "[writeback]") {
  Full f("2.6.31", 1, milliseconds(10));
  f.flusher->wakeup_pdflush(Pages(1024));
  f.run_until(milliseconds(100));
  REQUIRE(f.cache.kept_pages() == Pages(0));
  f.cache.reclaim();
  for (PageIndex i = 3000; f.cache.free_pages() > Pages(16); ++i)
    f.cache.add_to_page_cache(f.file(1).i_data, i, Reclaim::kNotYet);  // and never unlocked
  f.cache.reclaim();
  REQUIRE(f.cache.is_full());
  f.write_a_page();
  CHECK_THROWS_AS(f.run_until(seconds(60)), OutOfMemory);
  CHECK(f.sim.now().time_since_epoch() > seconds(1));
  CHECK(f.cache.free_pages() > Pages(0));
}

TEST_CASE("with no more than 1.1 limits under write-back nobody waits", "[writeback]") {
  Full f(GENERATE("2.6.18", "2.6.24", "2.6.31", "2.6.32"), 4);
  f.make_clean_page();
  f.write_a_page();
  f.run_until(milliseconds(30));
  CHECK(f.returned == milliseconds(20));
  CHECK(f.task.vm_writeout_calls == 0);
}

TEST_CASE("with memory left nobody waits, whatever is under write-back", "[writeback]") {
  Full f("2.6.31", 2400);
  f.cache.memory().unlock(Pages(200));
  REQUIRE(f.vm_writeout->must_wait(&f.task));
  f.write_a_page();
  f.run_until(milliseconds(30));
  CHECK(f.returned == milliseconds(20));
}

// As in the recording of four writers on 2.6.24, whose free memory stays below the low watermark
// while so much is under write-back.
TEST_CASE("between the low and the lowest watermark kswapd waits, and nobody else", "[writeback]") {
  const PageIndex under_writeback = GENERATE(2400, 4);
  Full f("2.6.31", under_writeback);
  f.cache.memory().unlock(f.cache.params().min_watermark() + Pages(4) - f.cache.free_pages());
  REQUIRE(f.cache.free_pages() == Pages(36));
  f.make_clean_page();
  f.write_a_page();
  f.run_until(milliseconds(30));
  CHECK(f.returned == milliseconds(20));
  CHECK(f.task.vm_writeout_calls == 0);
  CHECK((f.cache.reclaimed() == 0) == (under_writeback == 2400));
}

TEST_CASE("neither 2.4 nor 6.1 has a throttle_vm_writeout()", "[writeback]") {
  CHECK_FALSE(find_kernel(GENERATE("2.4.17", "6.1"))->writeback.throttles_vm_writeout);
}

Task<> read_a_page(Full& f, std::optional<Duration>& returned) {
  FileRaState ra;
  const Errno result =
      co_await generic_file_read(f.vfs, f.file(1), 1 << 20, kPageSize, ra, 0, f.task);
  REQUIRE(result == Errno::kOk);
  returned = f.sim.now().time_since_epoch();
}

TEST_CASE("a page that is in memory is written without waiting for memory", "[writeback]") {
  Full f("2.6.24", 2400);
  f.write_a_page(0);
  f.run_until(milliseconds(30));
  CHECK(f.returned == milliseconds(20));
}

TEST_CASE("a reader waits for memory too, though it could reclaim what it has read",
          "[writeback]") {
  Full f("2.6.24", 2400);
  std::optional<Duration> returned;
  f.sim.spawn("reader", read_a_page(f, returned), ProcessKind::kDaemon);
  f.run_until(milliseconds(900));
  CHECK_FALSE(returned);
  CHECK(f.task.throttled_by == ThrottledBy::kVmWriteout);
  f.run_until(seconds(40));
  REQUIRE(returned);
  CHECK(f.task.vm_writeout > seconds(10));
  CHECK(f.task.vm_writeout < *returned);
}

TEST_CASE("a real-time task waits above 1.1 limits of its own", "[writeback]") {
  const Full f("2.6.18", 2400);
  TaskStruct rt("rt");
  rt.set_policy(SchedPolicy::kFifo);
  CHECK(f.vm_writeout->must_wait(&f.task));  // 1966 pages and a tenth
  CHECK_FALSE(f.vm_writeout->must_wait(&rt));
}

}  // namespace
}  // namespace wbsim
