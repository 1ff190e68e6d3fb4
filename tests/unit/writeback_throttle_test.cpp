// balance_dirty_pages(): who is throttled, what it writes and how long it sleeps.
#include <catch2/catch.hpp>
#include <string_view>

#include "tests/support/machine_fixture.hpp"
#include "tests/support/print_units.hpp"

namespace wbsim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// A writer on a disk that never finishes, so that the counters stay as the test sets them. The
// limits are 2000 and 6000 pages in all kernels, the midpoint 4000.
struct Throttled : MachineFixture {
  explicit Throttled(std::string_view kernel, int hz = 1000, int disk_count = 1)
      : MachineFixture(scenario(kernel, hz, disk_count)), writer("writer") {
    start_flusher();
    run_until(milliseconds(100));  // on a tick of every hz
  }
  static Scenario scenario(std::string_view kernel, int hz, int disk_count) {
    Scenario s = plain_scenario(std::string(kernel), disk_count);
    s.kernel.hz = hz;
    s.memory.total = Bytes(256 << 20);
    s.vm.dirty_writeback_centisecs = 0;
    if (kernel == "2.6.24") {
      s.memory.free_at_start = Pages(40'000);
      s.vm.dirty_background_ratio = 5;
      s.vm.dirty_ratio = 15;
    } else {
      s.vm.dirty_background_bytes = 2000 * kPageSize;
      s.vm.dirty_bytes = 6000 * kPageSize;
    }
    for (DeviceConfig& device : s.devices)
      device.fixed.overhead = seconds(100'000);
    for (FilesystemConfig& fs : s.filesystems)
      fs.files[0].size = Bytes(128 << 20);
    return s;
  }
  void balance() { sim.spawn("writer", body(), ProcessKind::kDaemon); }
  Task<> body() {
    co_await throttle->balance_dirty_pages(writer, file(0).i_data);
    left_at = sim.now();
  }
  // The device's share of the limit: completions of as many pages.
  void give_share(std::size_t disk, std::int64_t pages) {
    cache.completions().add(bdi(disk).completions, pages);
  }
  void flush_of(std::size_t disk, PageIndex pages) {
    dirty_pages(file(disk), next_page, pages);
    next_page += pages;
  }
  void put_under_writeback(PageIndex pages, Duration until) {
    flush_of(0, pages);
    WritebackControl wbc;
    wbc.bdi = &bdi(0);
    wbc.nr_to_write = pages;
    TaskStruct other("other");
    const Process& writing =
        sim.spawn("other", flusher->writeback_inodes(wbc, other), ProcessKind::kDaemon);
    run_until(until);
    REQUIRE(writing.finished());
    REQUIRE(cache.counters().nr_writeback == Pages(pages));
  }
  bool left() const { return left_at != TimePoint(); }
  Pages midpoint() const {
    const DirtyLimits limits = context.dirty_limits();
    return (limits.background + limits.dirty) / 2;
  }

  TaskStruct writer;
  TimePoint left_at{};
  PageIndex next_page = 0;
};

constexpr const char* kAll[] = {"2.6.24", "2.6.31", "2.6.32"};
std::string_view any_kernel() {
  return GENERATE(from_range(std::begin(kAll), std::end(kAll)));
}

// A device without a share may still hold pages while the total is below the midpoint.
TEST_CASE("pdflush 9.10: nobody is throttled below the midpoint of the limits", "[writeback]") {
  Throttled f(any_kernel());
  f.flush_of(0, 3000);
  while (f.cache.counters().nr_file_dirty + Pages(1) < f.midpoint())
    f.flush_of(0, 1);
  f.balance();
  f.run_until(seconds(5));
  CHECK(f.left_at == TimePoint(milliseconds(100)));
  CHECK_FALSE(f.bdi(0).dirty_exceeded);
  CHECK(f.writer.throttle_calls == 0);
}

TEST_CASE("pdflush 9.10, bdi 9.7: at the midpoint a writer over its device's limit is throttled",
          "[writeback]") {
  Throttled f(any_kernel());
  f.flush_of(0, 3000);
  while (f.cache.counters().nr_file_dirty < f.midpoint())
    f.flush_of(0, 1);
  f.balance();
  f.run_until(milliseconds(101));
  CHECK(f.bdi(0).dirty_exceeded);
  CHECK(f.cache.counters().nr_written == Pages(0));
  f.run_until(seconds(5));
  CHECK(f.writer.throttle_calls == 1);
  CHECK(f.throttle->first_throttle() == TimePoint(milliseconds(100)));
}

// gen-2.6.32-bdi 9.7: 2.6.32 asks for less than the midpoint.
TEST_CASE("bdi 9.7: 2.6.39 lets a writer go at the midpoint, and holds it one page above",
          "[writeback]") {
  Throttled f("2.6.39");
  f.flush_of(0, 3000);
  while (f.cache.counters().nr_file_dirty < f.midpoint())
    f.flush_of(0, 1);
  const bool above = GENERATE(false, true);
  f.flush_of(0, above ? 1 : 0);
  f.balance();
  f.run_until(seconds(5));
  CHECK(f.writer.throttle_calls == (above ? 1 : 0));
}

// gen-2.6.32-bdi 9.8.
TEST_CASE("2.6.39 holds a writer within its device's limit while all are over theirs",
          "[writeback]") {
  Throttled f("2.6.39", 1000, 2);
  f.give_share(0, std::int64_t{1} << 20);
  f.flush_of(0, 4000);
  f.dirty_pages(f.file(1), 0, 2000);
  const bool over = GENERATE(false, true);
  f.dirty_pages(f.file(1), 2000, over ? 1 : 0);
  const Pages limit = f.context.bdi_dirty_limit(f.bdi(0), Pages(6000), &f.writer);
  REQUIRE(limit > Pages(4000));
  f.balance();
  f.run_until(seconds(5));
  CHECK(f.left() == !over);
  CHECK(f.bdi(0).dirty_exceeded == over);
  CHECK(f.log.works_because(WriteReason::kBalanceDirty).empty());  // its own are not too many
}

TEST_CASE("a writer within its device's limit is not throttled at the midpoint", "[writeback]") {
  Throttled f(any_kernel());
  f.give_share(0, std::int64_t{1} << 20);  // nearly all of it
  f.flush_of(0, 4200);
  REQUIRE(f.cache.counters().nr_file_dirty >= f.midpoint());
  f.balance();
  f.run_until(seconds(5));
  CHECK(f.left_at == TimePoint(milliseconds(100)));
  CHECK_FALSE(f.bdi(0).dirty_exceeded);
}

TEST_CASE("a writer that has written its chunk leaves at once", "[writeback]") {
  Throttled f(any_kernel());
  f.flush_of(0, 5000);
  f.balance();
  f.run_until(milliseconds(101));
  CHECK(f.left_at == TimePoint(milliseconds(100)));
  const auto works = f.log.works_because(WriteReason::kBalanceDirty);
  REQUIRE(works.size() == 1);
  // 1.5 times 1024, of 2.6.24 rounded up to a batch of 14.
  CHECK(works[0].written == Pages(f.row.name == "2.6.24" ? 1540 : 1536));
  CHECK(works[0].thread == "writer");
  CHECK(f.bdi(0).dirty_exceeded);  // it left over the limit
}

TEST_CASE("with all its pages under write-back, 2.6.24 has nothing to write and waits",
          "[writeback]") {
  Throttled f(any_kernel());
  f.put_under_writeback(5000, milliseconds(200));
  f.balance();
  f.run_until(seconds(5));
  CHECK_FALSE(f.left());
  CHECK(f.log.works_because(WriteReason::kBalanceDirty).empty());
}

// 300 dirty pages and 4700 under write-back, with a limit of some hundred pages more or less.
TEST_CASE("a writer whose dirty pages alone fit into the limit: 2.6.24 writes, 2.6.31 waits",
          "[writeback]") {
  Throttled f(any_kernel());
  f.put_under_writeback(5000, milliseconds(200));
  f.flush_of(0, 300);
  f.give_share(0, 1000);
  const Pages limit = f.context.bdi_dirty_limit(f.bdi(0), f.context.dirty_limits().dirty, nullptr);
  REQUIRE(limit > Pages(300));
  REQUIRE(limit < Pages(5000));
  f.balance();
  f.run_until(seconds(5));
  CHECK_FALSE(f.left());
  const auto works = f.log.works_because(WriteReason::kBalanceDirty);
  if (f.row.name == "2.6.24") {
    REQUIRE_FALSE(works.empty());
    CHECK(works[0].written == Pages(300));
  } else {
    CHECK(works.empty());
  }
}

TEST_CASE("bdi 9.1: a writer sleeps one tick, doubled each time, a tenth of a second at most",
          "[writeback]") {
  const char* kernel = GENERATE("2.6.32", "2.6.39");
  struct Row {
    int hz;
    std::vector<int> pauses_ms;
  };
  const auto row = GENERATE(values<Row>({{100, {10, 20, 40, 80, 100, 100}},
                                         {250, {4, 8, 16, 32, 64, 100, 100}},
                                         {1000, {1, 2, 4, 8, 16, 32, 64, 100, 100}}}));
  Throttled f(kernel, row.hz);
  f.put_under_writeback(5000, milliseconds(200));
  Process& process = f.sim.spawn("writer", f.body(), ProcessKind::kDaemon);
  Duration expected = milliseconds(200);
  for (const int pause_ms : row.pauses_ms) {
    f.run_until(expected);
    CHECK(process.waiting_since() == TimePoint(expected));
    f.run_until(expected + milliseconds(pause_ms) - Duration(1));
    CHECK(process.waiting_since() == TimePoint(expected));
    expected += milliseconds(pause_ms);
  }
}

TEST_CASE("pdflush 9.2: a real-time writer of 2.6.24 has limits a quarter higher", "[writeback]") {
  Scenario s = plain_scenario("2.6.24");
  s.memory.total = Bytes(std::int64_t{1} << 30);
  s.memory.free_at_start = Pages(200'000);
  const MachineFixture f(s);
  REQUIRE(f.cache.dirtyable_memory() == Pages(200'001));
  TaskStruct writer("writer"), rt("rt");
  rt.set_policy(SchedPolicy::kFifo);
  CHECK(f.context.dirty_limits(&writer).background == Pages(10'000));
  CHECK(f.context.dirty_limits(&writer).dirty == Pages(20'000));
  CHECK(f.context.dirty_limits(&rt).background == Pages(12'500));
  CHECK(f.context.dirty_limits(&rt).dirty == Pages(25'000));
  CHECK(f.context.dirty_limits().dirty == Pages(20'000));  // of a pdflush thread
}

TEST_CASE("6.x 10.1: a real-time writer of 6.1 gets 1/32 of the tracked limit besides",
          "[writeback]") {
  Scenario s = plain_scenario("6.1");
  s.memory.total = Bytes(std::int64_t{1} << 30);
  s.memory.free_at_start = Pages(200'000);
  MachineFixture f(s);
  f.context.domain.dirty_limit = Pages(39'990);
  TaskStruct rt("rt");
  rt.set_policy(SchedPolicy::kFifo);
  CHECK(f.context.dirty_limits(&rt).background == Pages(26'211));
  CHECK(f.context.dirty_limits(&rt).dirty == Pages(51'236));
}

TEST_CASE("bdi 9.2: pages counted at once make the chunk of 2.6.32 larger", "[writeback]") {
  const std::string_view kernel = GENERATE("2.6.31", "2.6.32", "2.6.39");
  Throttled f(kernel);
  f.context.ratelimit_pages = Pages(128);
  REQUIRE(f.throttle->ratelimit(f.writer, f.file(0).i_data, Pages(200)));
  f.give_share(0, std::int64_t{1} << 22);
  f.flush_of(0, 6500);
  f.balance();
  f.run_until(milliseconds(101));
  const auto works = f.log.works_because(WriteReason::kBalanceDirty);
  REQUIRE(works.size() == 1);
  CHECK(works[0].written == Pages(kernel == "2.6.31" ? 192 : 300));
}

// The share of the device nearly all, that of the task 1: bl = 35000.
TEST_CASE("bdi 9.8: 2.6.39, one writer with dirty pages of its own, then with none",
          "[writeback]") {
  Scenario s = Throttled::scenario("2.6.39", 1000, 1);
  s.memory.total = Bytes(std::int64_t{1} << 30);
  s.vm.dirty_background_bytes = 20'000 * kPageSize;
  s.vm.dirty_bytes = 40'000 * kPageSize;
  s.filesystems[0].files[0].size = Bytes(std::int64_t{1} << 28);
  MachineFixture f(s);
  f.start_flusher();
  f.run_until(milliseconds(100));
  TaskStruct writer("writer");
  f.cache.completions().add(f.bdi(0).completions, std::int64_t{1} << 26);
  f.cache.dirtyings().add(writer.dirties, std::int64_t{1} << 26);
  const Pages bl = f.context.bdi_dirty_limit(f.bdi(0), Pages(40'000), &writer);
  CHECK(bl >= Pages(34'990));
  CHECK(bl <= Pages(35'010));
  f.dirty_pages(f.file(0), 0, 36'000);
  const auto balance = [&]() -> Process& {
    return f.sim.spawn("writer", f.throttle->balance_dirty_pages(writer, f.file(0).i_data),
                       ProcessKind::kDaemon);
  };
  Process& first = balance();
  f.run_until(milliseconds(101));
  CHECK(first.finished());
  auto works = f.log.works_because(WriteReason::kBalanceDirty);
  REQUIRE(works.size() == 1);
  CHECK(works[0].written == Pages(1536));
  f.bdi(0).queue->unplug();
  f.cache.check();
  f.bdi(0).reclaimable -= Pages(14'464);  // as if r = 20000 and w = 16000
  f.bdi(0).writeback += Pages(14'464);
  Process& second = balance();
  for (const int slept_ms : {0, 1, 3, 7, 15, 31}) {
    f.run_until(milliseconds(101 + slept_ms));
    CHECK_FALSE(second.finished());
    CHECK(second.waiting_since() == TimePoint(milliseconds(101 + slept_ms)));
  }
  CHECK(f.log.works_because(WriteReason::kBalanceDirty).size() == 1);
  f.bdi(0).writeback -= Pages(5'000);  // r + w = 31000
  f.run_until(milliseconds(101 + 63));
  CHECK(second.finished());
}

TEST_CASE("the first pause ends with the current tick", "[writeback]") {
  Throttled f("2.6.32", 100);
  f.put_under_writeback(5000, milliseconds(207));
  Process& process = f.sim.spawn("writer", f.body(), ProcessKind::kDaemon);
  f.run_until(milliseconds(225));
  CHECK(process.waiting_since() == TimePoint(milliseconds(210)));
}

TEST_CASE("the ratelimit counts pages of the processor, whoever dirtied them", "[writeback]") {
  Throttled f("2.6.31");
  TaskStruct a("a"), b("b");
  const AddressSpace& mapping = f.file(0).i_data;
  for (int i = 0; i < 500; ++i) {
    REQUIRE_FALSE(f.throttle->ratelimit(a, mapping, Pages(1)));
    REQUIRE_FALSE(f.throttle->ratelimit(b, mapping, Pages(1)));
  }
  for (int i = 0; i < 23; ++i)
    REQUIRE_FALSE(f.throttle->ratelimit(a, mapping, Pages(1)));
  CHECK(f.throttle->ratelimit(b, mapping, Pages(1)));  // the 1024th
  CHECK_FALSE(f.throttle->ratelimit(b, mapping, Pages(1)));
}

TEST_CASE("the ratelimit begins with what boot left in the counter", "[writeback]") {
  Throttled f("2.6.31");
  const Pages dirtied{3 * 1024 + 738};
  WriterThrottle throttle(f.context, *f.flusher, ThrottleWait::kCongestion, 1, dirtied);
  const AddressSpace& mapping = f.file(0).i_data;
  CHECK(throttle.until_due(f.writer, mapping) == Pages(285));
  CHECK_FALSE(throttle.ratelimit(f.writer, mapping, Pages(285)));
  CHECK(throttle.ratelimit(f.writer, mapping, Pages(1)));
  CHECK(throttle.until_due(f.writer, mapping) == Pages(1023));
}

TEST_CASE("on a device over its limit every eighth page is checked", "[writeback]") {
  Throttled f("2.6.31", 1000, 2);
  TaskStruct a("a");
  f.bdi(0).dirty_exceeded = true;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 7; ++i)
      REQUIRE_FALSE(f.throttle->ratelimit(a, f.file(0).i_data, Pages(1)));
    REQUIRE(f.throttle->ratelimit(a, f.file(0).i_data, Pages(1)));
  }
  // The counter is the processor's, the limit that of the device written to last.
  for (int i = 0; i < 20; ++i)
    REQUIRE_FALSE(f.throttle->ratelimit(a, f.file(1).i_data, Pages(1)));
  CHECK(f.throttle->ratelimit(a, f.file(0).i_data, Pages(1)));
}

TEST_CASE("the writer that leaves starts background write-back above the background limit",
          "[writeback]") {
  Throttled f("2.6.32");
  f.flush_of(0, 2000);
  f.balance();
  f.run_until(milliseconds(150));
  CHECK_FALSE(f.flusher->writeback_in_progress(f.bdi(0)));  // more than the limit is needed
  CHECK(f.flusher->threads() == 0);
  f.flush_of(0, 1);
  f.balance();
  f.run_until(milliseconds(200));
  CHECK(f.flusher->threads() == 1);
}

TEST_CASE("the mark of an exceeded device goes only below its limit", "[writeback]") {
  Throttled f(any_kernel());
  f.give_share(0, std::int64_t{1} << 22);
  f.context.vm.dirty_background_ratio = f.context.vm.dirty_ratio;
  f.bdi(0).dirty_exceeded = true;
  const DirtyLimits limits = f.context.dirty_limits();
  const Pages limit = f.context.bdi_dirty_limit(f.bdi(0), limits.dirty, &f.writer);
  f.bdi(0).reclaimable.set(limit);  // as if so many of its pages were dirty
  f.balance();
  f.run_until(milliseconds(101));
  const Pages now = f.context.bdi_dirty_limit(f.bdi(0), f.context.dirty_limits().dirty, &f.writer);
  REQUIRE(now == limit);
  CHECK(f.left());
  CHECK(f.bdi(0).dirty_exceeded);  // r + w = limit: not throttled, and the mark stays
  f.bdi(0).reclaimable.set(limit - Pages(1));
  f.balance();
  f.run_until(milliseconds(102));
  CHECK_FALSE(f.bdi(0).dirty_exceeded);
}

}  // namespace
}  // namespace wbsim
