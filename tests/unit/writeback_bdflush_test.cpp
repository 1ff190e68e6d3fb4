// bdflush, kupdate and balance_dirty() of 2.4.
#include <catch2/catch.hpp>

#include "tests/support/machine24_fixture.hpp"

namespace wbsim {
namespace {

using std::chrono::seconds;
using v24::BUF_DIRTY;
using v24::BUF_LOCKED;

TEST_CASE("2.4 10.4: kupdate of 2.4.17 takes young buffers along", "[writeback]") {
  const auto written_with = [](int expired) {
    Machine24 m("2.4.17");
    m.start();
    for (int i = 0; i < 100; ++i)
      m.mark_dirty(m.block(1000 + i), i < expired ? 100 : 3000);
    m.run_until(seconds(6));
    const auto periodic = m.log.works_because(WriteReason::kPeriodic);
    REQUIRE(periodic.size() == 1);
    CHECK(m.dirty_buffers() == 100 - periodic[0].written.count());
    return periodic[0].written.count();
  };
  CHECK(written_with(3) == 32);
  CHECK(written_with(40) == 64);
  CHECK(written_with(0) == 0);
}

TEST_CASE("kupdate of 2.4.0 writes what is expired and nothing else", "[writeback]") {
  Machine24 m("2.4.0");
  m.start();
  for (int i = 0; i < 100; ++i)
    m.mark_dirty(m.block(1000 + i), i < 3 ? 100 : 3000);
  m.run_until(seconds(6));
  CHECK(m.dirty_buffers() == 97);
  CHECK(m.b.cache.ledger().written == Bytes(3 * 4096));  // it unplugs
}

TEST_CASE("kupdate sleeps for its interval when it has finished, not on a grid", "[writeback]") {
  Scenario slow = Machine24::hz100();
  slow.devices[0].fixed.overhead = std::chrono::milliseconds(10);
  for (const char* kernel : {"2.4.0", "2.4.17"}) {
    Machine24 m(kernel, slow);
    m.start();
    for (int i = 0; i < 400; ++i)  // apart: a request each, more than there are slots
      m.mark_dirty(m.block(1000 + 2 * i), 100);
    m.run_until(seconds(30));
    const auto works = m.log.works_because(WriteReason::kPeriodic);
    REQUIRE(works.size() >= 2);
    CHECK(works[0].end - works[0].start > seconds(1));
    CHECK(works[1].start - works[0].end > seconds(5) - m.ticks.tick());
  }
}

TEST_CASE("kupdate runs at its interval after its last run; with none it stands still",
          "[writeback]") {
  Machine24 m("2.4.0");
  m.b.bdf_prm.interval = Jiffies(200);
  m.start_flusher();
  m.run_until(seconds(7));
  CHECK(m.log.works_because(WriteReason::kPeriodic).size() == 3);

  Machine24 stopped("2.4.0");
  stopped.b.bdf_prm.interval = Jiffies(0);
  stopped.start();
  stopped.mark_dirty(stopped.block(5), 1);
  stopped.run_until(seconds(60));
  CHECK(stopped.dirty_buffers() == 1);
}

TEST_CASE("a new age_buffer is for buffers that are dirtied from then on", "[writeback]") {
  Machine24 m("2.4.0");
  v24::BufferHead& before = m.dirty_block(1);
  m.b.bdf_prm.age_buffer = Jiffies(100);
  v24::BufferHead& after = m.dirty_block(2);
  CHECK(before.b_flushtime == Jiffies(3000));
  CHECK(after.b_flushtime == Jiffies(100));
}

TEST_CASE("bdflush has no clock: it writes when it is woken", "[writeback]") {
  for (const char* kernel : {"2.4.0", "2.4.17"}) {
    Machine24 m(kernel);
    m.start();
    m.dirty_blocks(100);
    m.run_until(seconds(20));
    CHECK(m.dirty_buffers() == 100);
    m.b.wakeup_bdflush();
    m.run_until(seconds(21));
    // The state is fine: 2.4.0 stops after a cycle, 2.4.17 after a batch.
    CHECK(m.dirty_buffers() == (std::string(kernel) == "2.4.0" ? 36 : 68));
    // Going idle starts the disks: 2.4.0 unplugs, 2.4.17 waits for a buffer.
    CHECK(m.b.cache.ledger().written == Bytes((100 - m.dirty_buffers()) * 4096));
  }
}

// 64 MiB: 16384 pages, 0.9 of them free.
TEST_CASE("beyond nfract 2.4.0 wakes the daemon and the writer goes on", "[writeback]") {
  Machine24 m("2.4.0");
  m.start();
  const std::int64_t total = m.b.memory().free_buffer_pages.count();
  m.dirty_blocks(static_cast<int>(total * 30 / 100 + 10));
  REQUIRE(m.b.balance_dirty_state() == 0);
  const TimePoint before = m.sim.now();
  std::optional<int> done;
  const auto balance = [](Machine24& machine) -> Task<int> {
    co_await machine.throttle->balance_dirty_pages(machine.task, machine.b.buffermem);
    co_return 1;
  };
  m.spawn(balance(m), done);
  CHECK(done.has_value());
  CHECK(m.sim.now() == before);
  CHECK(m.task.throttle_calls == 0);
  m.settle();
  CHECK(m.b.balance_dirty_state() == -1);  // the daemon wrote
  CHECK(m.throttle->first_throttle() == TimePoint::max());
}

TEST_CASE("beyond nfract_sync the writer of 2.4.0 writes ndirty buffers too", "[writeback]") {
  Machine24 m("2.4.0");
  const std::int64_t total = m.b.memory().free_buffer_pages.count();
  m.dirty_blocks(static_cast<int>(total * 60 / 100 + 10));
  REQUIRE(m.b.balance_dirty_state() == 1);
  const std::int64_t before = m.dirty_buffers();
  m.await(m.throttle->balance_dirty_pages(m.task, m.b.buffermem));
  CHECK(m.dirty_buffers() == before - 64);
  REQUIRE(m.log.works_because(WriteReason::kBalanceDirty).size() == 1);
  CHECK(m.log.works[0].written == Pages(64));
  CHECK(m.task.throttle_calls == 1);
}

TEST_CASE("beyond nfract the writer of 2.4.17 submits 32, beyond nfract_sync it waits for one",
          "[writeback]") {
  Machine24 m("2.4.17");
  const std::int64_t total = m.b.memory().free_buffer_pages.count();
  m.dirty_blocks(static_cast<int>(total * 40 / 100 + 10));
  REQUIRE(m.b.balance_dirty_state() == 0);
  const std::int64_t before = m.dirty_buffers();
  m.await(m.throttle->balance_dirty_pages(m.task, m.b.buffermem));
  CHECK(m.dirty_buffers() == before - 32);
  REQUIRE(m.log.works_because(WriteReason::kBalanceDirty).size() == 1);
  CHECK(m.log.works[0].written == Pages(32));
  CHECK(m.b.cache.ledger().written == Bytes(0));  // the queue is still plugged

  bool woken = false;
  const auto wait_for_wakeup = [](Machine24& machine, bool& done) -> Task<> {
    co_await machine.b.bdflush_wait.wait("bdflush_wait");
    done = true;
  };
  m.sim.spawn("bdflush", wait_for_wakeup(m, woken), ProcessKind::kDaemon);
  m.await(m.throttle->balance_dirty_pages(m.task, m.b.buffermem));
  CHECK_FALSE(woken);
  for (std::int64_t i = 0; m.b.balance_dirty_state() == 0; ++i)
    m.dirty_block(20'000 + i);
  m.await(m.throttle->balance_dirty_pages(m.task, m.b.buffermem));
  CHECK(woken);
  CHECK(m.b.cache.ledger().written > Bytes(0));  // to wait is to unplug
}

Scenario with_metadata() {
  Scenario s = Machine24::hz100();
  s.filesystems[0].metadata = MetadataMode::kPinned;
  return s;
}

// What the seed texts of the project describe: inodes are not aged.
TEST_CASE("an inode is written within 5 s while its data waits for 30", "[writeback]") {
  for (const char* kernel : {"2.4.0", "2.4.17"}) {
    Machine24 m(kernel, with_metadata());
    m.start();
    Inode& file = m.file(0);
    REQUIRE(m.await(m.context.files->write(file, 0, 4096, m.task)) == Errno::kOk);
    REQUIRE((file.i_state & I_DIRTY) != 0);
    const Sectors data = m.on_disk(file, 0);
    m.run_until(seconds(6));
    CHECK((file.i_state & I_DIRTY) == 0);  // in its buffer, which is dirty now
    CHECK(m.dirty_buffers() == 2);
    CHECK_FALSE(m.was_written(data, Sectors(8)));
    m.run_until(seconds(41));
    CHECK(m.was_written(data, Sectors(8)));
    CHECK(m.dirty_buffers() == 0);
  }
}

TEST_CASE("sync(2) of 2.4 writes the inodes too", "[writeback]") {
  for (const char* kernel : {"2.4.0", "2.4.17"}) {
    Machine24 m(kernel, with_metadata());
    m.start();
    REQUIRE(m.await(m.context.files->write(m.file(0), 0, 40'960, m.task)) == Errno::kOk);
    CHECK(m.await(m.flusher->sync(m.task)) == Errno::kOk);
    CHECK(m.b.cache.ledger().dirty == Bytes(0));
    CHECK(m.b.cache.ledger().written == Bytes(11 * 4096));
    CHECK((m.file(0).i_state & I_DIRTY) == 0);
  }
}

TEST_CASE("what the samples call dirty is dirty buffers in pages", "[writeback]") {
  Machine24 m("2.4.17");
  m.dirty_blocks(7);
  CHECK(m.context.counters().nr_file_dirty == Pages(7));
  CHECK(m.context.counters().conserved());
  CHECK(m.context.dirty_limits().background == m.b.memory().free_buffer_pages * 40 / 100);
  m.context.dirty_memory->publish(m.bdi(0));
  CHECK(m.bdi(0).reclaimable.sum() == Pages(7));
}

}  // namespace
}  // namespace wbsim
