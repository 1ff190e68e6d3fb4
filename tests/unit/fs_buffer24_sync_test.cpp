// Writing buffers by the list in 2.4: the spec's worked examples, and sync and fsync.
#include <catch2/catch.hpp>

#include "models/fs/buffer24_sync.hpp"
#include "tests/support/buffer24_text.hpp"
#include "tests/support/machine24_fixture.hpp"

namespace wbsim::v24 {
namespace {

// Buffers of a page each, as many dirty and locked as said.
int state_of(Release release, int dirty, int locked, std::int64_t total) {
  BufferCache cache({release, 100'000, 4096});
  BlockDevice dev{1, nullptr, nullptr};
  std::deque<Page> pages;
  for (int i = 0; i < dirty + locked; ++i) {
    Page& page = pages.emplace_back();
    page = Page{};
    BufferHead& bh = *cache.create_buffers(page, kPageSize, false);
    cache.attach(page, bh);
    bh.b_dev = &dev;
    bh.set(BH_Mapped);
    cache.mark_dirty(bh, Jiffies(1));
    if (i < dirty)
      continue;
    bh.set(BH_Lock);
    cache.start_write(bh);
    cache.refile_buffer(bh);
  }
  MemoryState memory;
  memory.free_buffer_pages = Pages(total);
  return balance_dirty_state(cache, default_bdf_prm(release, 100), memory);
}

TEST_CASE("2.4 10.1: balance_dirty_state()", "[fs]") {
  CHECK(state_of(Release::k240, 18000, 5000, 60000) == -1);
  CHECK(state_of(Release::k240, 20000, 5000, 60000) == 0);
  CHECK(state_of(Release::k240, 36000, 0, 60000) == 0);
  CHECK(state_of(Release::k240, 40000, 0, 60000) == 1);
  CHECK(state_of(Release::k2417, 24000, 0, 60000) == -1);
  CHECK(state_of(Release::k2417, 24001, 0, 60000) == 0);
  CHECK(state_of(Release::k2417, 20000, 17000, 60000) == 1);
}

TEST_CASE("2.4.0 also starts writing when pages are short and the dirty ones could help", "[fs]") {
  BufferCache cache({Release::k240, 16, 4096});
  const BdfPrm prm = default_bdf_prm(Release::k240, 100);
  MemoryState memory{Pages(1000), Pages(10), Pages(50), Pages(40)};
  CHECK(balance_dirty_state(cache, prm, memory) == 0);
  memory.freepages_high = Pages(50);
  CHECK(balance_dirty_state(cache, prm, memory) == -1);
  memory.freepages_high = Pages(5);
  memory.inactive_dirty = Pages(10);
  CHECK(balance_dirty_state(cache, prm, memory) == -1);
  memory.free_shortage = Pages(0);
  CHECK(balance_dirty_state(cache, prm, memory) == -1);
}

TEST_CASE("2.4.17 rounds dirty and locked buffers down to pages, each for itself", "[fs]") {
  BufferCache cache({Release::k2417, 16, 4096});
  BlockDevice dev{1, nullptr, nullptr};
  Page page{};
  REQUIRE(cache.hash_page_buffers(page, dev, 0, 1024));
  for_each_buffer(cache, page, [&](BufferHead& bh) { cache.mark_dirty(bh, Jiffies(1)); });
  BdfPrm prm = default_bdf_prm(Release::k2417, 100);
  prm.nfract = 0;
  MemoryState memory;
  memory.free_buffer_pages = Pages(1000);
  CHECK(balance_dirty_state(cache, prm, memory) == 0);  // a page
  BufferHead& one = cache.page_buffers(page);
  one.set(BH_Lock);
  cache.start_write(one);
  cache.refile_buffer(one);
  REQUIRE(cache.size_buffers_type(BUF_DIRTY) + cache.size_buffers_type(BUF_LOCKED) == Bytes(4096));
  CHECK(balance_dirty_state(cache, prm, memory) == -1);
}

TEST_CASE("the parameters of bdflush start as their kernel had them", "[fs]") {
  const BdfPrm early = default_bdf_prm(Release::k240, 100);
  const BdfPrm late = default_bdf_prm(Release::k2417, 100);
  CHECK(early.nfract == 30);
  CHECK(late.nfract == 40);
  CHECK(early.ndirty == 64);
  for (const BdfPrm& prm : {early, late}) {
    CHECK(prm.interval == Jiffies(500));
    CHECK(prm.age_buffer == Jiffies(3000));
    CHECK(prm.nfract_sync == 60);
  }
}

TEST_CASE("buffer memory is nearly all of it in 2.4.17, what could be had in 2.4.0", "[fs]") {
  Machine24 late("2.4.17");
  const Pages total = late.b.memory().free_buffer_pages;
  CHECK(total == late.cache.params().total - late.cache.params().high_watermark());
  REQUIRE(late.await(late.context.files->write(late.file(0), 0, 8 << 20, late.task)) == Errno::kOk);
  CHECK(late.b.memory().free_buffer_pages == total);

  Machine24 early("2.4.0");
  const Pages before = early.b.memory().free_buffer_pages;
  CHECK(before == early.cache.free_pages());
  early.dirty_blocks(64);
  for (int i = 0; i < 32; ++i)
    early.cache.activate_page(*early.block(1000 + i).b_page);
  const PageCache& pages = early.cache;
  CHECK(early.b.memory().free_buffer_pages == pages.free_pages() + Pages(32) + Pages(32 / 16));
  // At least freepages.high and inactive_target.
  REQUIRE(early.cache.try_lock_memory(pages.free_pages() * 9 / 10));
  CHECK(early.b.memory().free_buffer_pages ==
        pages.params().high_watermark() + pages.params().total / 4 + Pages(2));
}

TEST_CASE("pages are short in 2.4.0 when few are free or could be at once", "[fs]") {
  Machine24 m("2.4.0");
  const Pages high = m.cache.params().high_watermark();
  CHECK(m.b.memory().freepages_high == high);
  m.block(0);
  CHECK(m.b.memory().free_shortage == Pages(0));
  int dirty = 0;
  while (m.cache.free_pages() > high - Pages(3))
    m.dirty_block(++dirty);
  CHECK(m.b.memory().inactive_dirty == Pages(dirty));
  CHECK(m.b.memory().free_shortage == Pages(2));  // the clean one could be freed
}

TEST_CASE("2.4 5: between nfract and nfract_sync the writer of 2.4.0 only wakes the daemon",
          "[fs]") {
  Machine24 m("2.4.0");  // where the daemon was not started
  m.dirty_blocks(10);
  m.b.bdf_prm.nfract = 0;
  m.b.bdf_prm.nfract_sync = 100;
  m.await(m.throttle->balance_dirty_pages(m.task, m.raw(0).i_data));
  CHECK(m.dirty_buffers() == 10);
  m.b.bdf_prm.nfract_sync = 0;
  m.await(m.throttle->balance_dirty_pages(m.task, m.raw(0).i_data));
  CHECK(m.dirty_buffers() == 0);
}

TEST_CASE("2.4 10.2: a buffer is written by its age, not by its last change", "[fs]") {
  Machine24 m("2.4.0");
  Bytes written{};
  m.run_until(std::chrono::seconds(10));
  BufferHead& bh = m.dirty_block(7);
  CHECK(bh.b_flushtime == Jiffies(4000));
  m.run_until(std::chrono::seconds(30));
  CHECK_FALSE(m.b.cache.mark_dirty(bh, m.b.flushtime()));
  CHECK(bh.b_flushtime == Jiffies(4000));

  m.run_until(std::chrono::seconds(39));
  CHECK(m.await(flush_dirty_buffers(m.b, CheckAge::kYes, WriteReason::kPeriodic, m.task,
                                    written)) == 0);
  CHECK(bh.test(BH_Dirty));
  m.run_until(std::chrono::seconds(44));
  CHECK(m.await(flush_dirty_buffers(m.b, CheckAge::kYes, WriteReason::kPeriodic, m.task,
                                    written)) == 0);
  CHECK_FALSE(bh.test(BH_Dirty));
  CHECK(written == Bytes(4096));
}

TEST_CASE("with the age the first young buffer ends the scan: the list is in the order of time",
          "[fs]") {
  Machine24 m("2.4.0");
  m.run_until(std::chrono::seconds(10));
  m.mark_dirty(m.block(1), 900);
  m.mark_dirty(m.block(2), 3000);
  m.mark_dirty(m.block(3), 900);  // as no kernel would leave it
  Bytes written{};
  CHECK(m.await(flush_dirty_buffers(m.b, CheckAge::kYes, WriteReason::kPeriodic, m.task,
                                    written)) == 0);
  CHECK(blocks(m.b.cache.lru_list(BUF_DIRTY)) == "2 3");
}

TEST_CASE("2.4 10.3: bdflush of 2.4.0 writes 64 buffers a cycle", "[fs]") {
  Machine24 m("2.4.0");
  m.dirty_blocks(200);
  Bytes written{};
  std::vector<int> returned;
  for (int cycle = 0; cycle < 5; ++cycle)
    returned.push_back(m.await(
        flush_dirty_buffers(m.b, CheckAge::kNo, WriteReason::kBackground, m.task, written)));
  CHECK(returned == std::vector<int>{65, 65, 65, 8, 0});
  CHECK(written == Bytes(200 * 4096));
}

TEST_CASE("write_some_buffers() says whether it reached the end of the list", "[fs]") {
  Machine24 m("2.4.17");
  m.dirty_blocks(33);
  Bytes written{};
  CHECK(m.await(write_some_buffers(m.b, nullptr, WriteReason::kBackground, m.task, written)) ==
        Scan::kAgain);
  CHECK(m.dirty_buffers() == 1);
  CHECK(m.await(write_some_buffers(m.b, nullptr, WriteReason::kBackground, m.task, written)) ==
        Scan::kEnd);
  CHECK(written == Bytes(33 * 4096));
}

TEST_CASE("a written buffer counts as dirty in 2.4.17 until it is refiled", "[fs]") {
  Machine24 m("2.4.17");
  m.dirty_blocks(3);
  Bytes written{};
  m.await(write_some_buffers(m.b, nullptr, WriteReason::kBackground, m.task, written));
  m.tq_disk.run();
  m.settle();
  CHECK(m.b.cache.ledger().written == Bytes(3 * 4096));
  CHECK(m.b.cache.size_buffers_type(BUF_LOCKED) == Bytes(3 * 4096));
  CHECK(m.await(wait_for_some_buffers(m.b, nullptr, m.task)) == Scan::kEnd);
  CHECK(m.b.cache.size_buffers_type(BUF_LOCKED) == Bytes(0));
}

TEST_CASE("2.4 10.6: fsync writes the dirty, waits from the first written on", "[fs]") {
  Machine24 m("2.4.17");
  InodeBuffers inode;
  BufferHead& b3 = m.dirty_block(3);
  BufferHead& b4 = m.dirty_block(4);
  BufferHead& b5 = m.dirty_block(5);
  for (BufferHead* bh : {&b3, &b4, &b5})
    m.b.cache.buffer_insert_inode_queue(*bh, inode);
  m.b.cache.discard(b3);  // clean, still listed
  b4.set(BH_Lock);
  m.b.cache.start_write(b4);
  m.b.cache.refile_buffer(b4);
  REQUIRE(blocks(inode.list) == "5 4 3");

  std::optional<Errno> result;
  m.spawn(fsync_inode_buffers(m.b, inode, m.task), result);
  CHECK(inode.list.empty());
  CHECK(b3.b_inode == nullptr);
  CHECK(b5.test(BH_Lock));
  CHECK(b5.b_count > b4.b_count);  // it waits for this one first
  m.settle();
  CHECK_FALSE(b5.test(BH_Lock));
  CHECK_FALSE(result.has_value());  // and now for the other

  m.b.cache.end_write(b4);
  unlock_buffer(m.b, b4);
  m.settle();
  REQUIRE(result.has_value());
  CHECK(*result == Errno::kOk);
}

TEST_CASE("ll_rw_block(WRITE) skips a buffer that is locked, so fsync can miss it", "[fs]") {
  Machine24 m("2.4.0");
  BufferHead& bh = m.dirty_block(5);
  m.await(ll_rw_block(m.b, BioOp::kWrite, bh, WriteReason::kSync, m.task));
  m.b.cache.mark_dirty(bh, Jiffies(9));  // while it is being written
  REQUIRE(bh.test(BH_Lock));
  m.await(ll_rw_block(m.b, BioOp::kWrite, bh, WriteReason::kSync, m.task));
  m.tq_disk.run();
  m.settle();
  CHECK(m.b.cache.ledger().written == Bytes(4096));
  CHECK(bh.test(BH_Dirty));
}

TEST_CASE("ll_rw_block() has nothing to write of a clean buffer, to read of an uptodate one",
          "[fs]") {
  Machine24 m("2.4.17");
  BufferHead& bh = m.block(5);
  for (const BioOp op : {BioOp::kWrite, BioOp::kRead}) {
    m.await(ll_rw_block(m.b, op, bh, WriteReason::kSync, m.task));
    CHECK_FALSE(bh.test(BH_Lock));
    CHECK_FALSE(bh.test(BH_Req));
    CHECK(bh.b_count == 0);
  }
  CHECK(m.tq_disk.empty());
}

TEST_CASE("sync_buffers() that does not wait starts the writes and returns", "[fs]") {
  for (const char* kernel : {"2.4.0", "2.4.17"}) {
    Machine24 m(kernel);
    m.dirty_blocks(40);
    std::optional<Errno> result;
    m.spawn(sync_buffers(m.b, nullptr, Wait::kNo, m.task), result);
    CHECK(result == Errno::kOk);
    CHECK(m.dirty_buffers() == 0);
    CHECK(m.b.cache.ledger().writeback == Bytes(40 * 4096));
    if (m.b.release() == Release::k240)
      continue;
    m.settle();
    CHECK(m.b.cache.ledger().written == Bytes(40 * 4096));  // 2.4.17 unplugs
  }
}

// Locks and files it as a write does that the test ends itself.
void start_write(Machine24& m, BufferHead& bh) {
  bh.set(BH_Lock);
  m.b.cache.start_write(bh);
  m.b.cache.refile_buffer(bh);
}
void end_write(Machine24& m, BufferHead& bh) {
  m.b.cache.end_write(bh);
  unlock_buffer(m.b, bh);
  m.settle();
}

TEST_CASE("the third pass of sync_buffers() in 2.4.0 waits, and writes nothing", "[fs]") {
  Machine24 m("2.4.0");
  BufferHead& first = m.dirty_block(1);
  BufferHead& later = m.dirty_block(2);
  start_write(m, first);
  m.b.cache.discard(later);
  m.b.cache.refile_buffer(later);
  std::optional<Errno> result;
  m.spawn(sync_buffers(m.b, nullptr, Wait::kYes, m.task), result);
  REQUIRE(first.b_count > 0);  // the second pass waits for it
  m.mark_dirty(later, 9);
  start_write(m, later);
  m.mark_dirty(later, 9);  // dirty and locked
  end_write(m, first);
  CHECK_FALSE(result.has_value());
  end_write(m, later);
  CHECK(result == Errno::kOk);
  CHECK(later.test(BH_Dirty));
  CHECK(m.log.requests.empty());
}

TEST_CASE("sync_buffers() writes again what was dirtied while it was being written", "[fs]") {
  for (const char* kernel : {"2.4.0", "2.4.17"}) {
    Machine24 m(kernel);
    BufferHead& bh = m.dirty_block(5);
    std::optional<bool> started;
    const auto write = [](Machine24& machine, BufferHead& buffer) -> Task<bool> {
      co_await ll_rw_block(machine.b, BioOp::kWrite, buffer, WriteReason::kSync, machine.task);
      co_return true;
    };
    m.spawn(write(m, bh), started);
    m.mark_dirty(bh, 9);
    REQUIRE(bh.test_all(BH_Lock | BH_Dirty));
    CHECK(m.await(sync_buffers(m.b, nullptr, Wait::kYes, m.task)) == Errno::kOk);
    CHECK(m.b.cache.ledger().written == Bytes(2 * 4096));
    CHECK(m.b.cache.ledger().dirty == Bytes(0));
  }
}

struct FailingWrites : Machine24 {
  explicit FailingWrites(const char* kernel) : Machine24(kernel) {
    FaultConfig fault;
    fault.op = FaultOp::kWrite;
    disks[0].device->arm_faults({fault}, TimePoint{});
  }
};

TEST_CASE("a failed write is EIO for whoever waits, and the buffer is clean and not uptodate",
          "[fs]") {
  for (const char* kernel : {"2.4.0", "2.4.17"}) {
    FailingWrites m(kernel);
    BufferHead& bh = m.dirty_block(5);
    CHECK(m.await(sync_buffers(m.b, nullptr, Wait::kYes, m.task)) == Errno::kEio);
    CHECK_FALSE(bh.test(BH_Dirty));
    CHECK_FALSE(bh.test(BH_Uptodate));

    FailingWrites listed(kernel);
    InodeBuffers inode;
    listed.b.cache.buffer_insert_inode_queue(listed.dirty_block(5), inode);
    CHECK(listed.await(fsync_inode_buffers(listed.b, inode, listed.task)) == Errno::kEio);
    CHECK(listed.await(fsync_inode_buffers(listed.b, inode, listed.task)) == Errno::kOk);
  }
}

TEST_CASE("osync_inode_buffers() waits from the tail, each time anew, and writes nothing", "[fs]") {
  Machine24 m("2.4.17");
  InodeBuffers inode;
  BufferHead& tail = m.dirty_block(1);
  BufferHead& middle = m.dirty_block(2);
  BufferHead& head = m.dirty_block(3);
  for (BufferHead* bh : {&tail, &middle, &head})
    m.b.cache.buffer_insert_inode_queue(*bh, inode);
  start_write(m, tail);
  start_write(m, middle);
  std::optional<Errno> result;
  m.spawn(osync_inode_buffers(m.b, inode, m.task), result);
  CHECK(tail.b_count > middle.b_count);
  m.b.cache.mark_dirty(tail, Jiffies(9));
  end_write(m, tail);
  CHECK(middle.b_count > tail.b_count);
  start_write(m, tail);       // once more
  middle.clear(BH_Uptodate);  // its write failed
  end_write(m, middle);
  CHECK_FALSE(result.has_value());
  CHECK(tail.b_count > 0);
  end_write(m, tail);
  CHECK(result == Errno::kEio);
  CHECK(head.test(BH_Dirty));
  CHECK(m.log.requests.empty());
}

TEST_CASE("sync_buffers() leaves nothing dirty or locked when it waits", "[fs]") {
  for (const char* kernel : {"2.4.0", "2.4.17"}) {
    Machine24 m(kernel);
    m.dirty_blocks(300);
    CHECK(m.await(sync_buffers(m.b, nullptr, Wait::kYes, m.task)) == Errno::kOk);
    CHECK(m.b.cache.ledger().dirty == Bytes(0));
    CHECK(m.b.cache.ledger().writeback == Bytes(0));
    CHECK(m.b.cache.ledger().written == Bytes(300 * 4096));
    m.b.cache.check();
  }
}

TEST_CASE("sync_buffers() of one device leaves the others dirty", "[fs]") {
  for (const char* kernel : {"2.4.0", "2.4.17"}) {
    Scenario two = plain_scenario(kernel, 2);
    Machine24 m(kernel, two);
    m.dirty_block(1);
    v24::BufferHead& other = preload_block(m.b, m.b.device(m.raw(1)), 1, 4096);
    m.b.cache.mark_dirty(other, Jiffies(1));
    CHECK(m.await(sync_buffers(m.b, &m.dev(), Wait::kYes, m.task)) == Errno::kOk);
    CHECK(other.test(BH_Dirty));
    CHECK(m.dirty_buffers() == 1);
  }
}

TEST_CASE("getblk() finds what is there, and grows a page when it misses", "[fs]") {
  for (const char* kernel : {"2.4.0", "2.4.17"}) {
    Machine24 m(kernel);
    BufferHead* const first = m.await(getblk(m.b, m.dev(), 8, 1024, m.task));
    CHECK(first->b_count == 1);
    CHECK(m.b.cache.heads_in_use() == 4);
    CHECK(m.await(getblk(m.b, m.dev(), 8, 1024, m.task)) == first);
    CHECK(first->b_count == 2);
    BufferHead* const second = m.await(getblk(m.b, m.dev(), 9, 1024, m.task));
    CHECK(second == first->b_this_page);
    CHECK(m.b.cache.heads_in_use() == 4);
  }
}

TEST_CASE("bread() reads once", "[fs]") {
  Machine24 m("2.4.0");
  BufferHead* const bh = m.await(bread(m.b, m.dev(), 8, 1024, m.task));
  REQUIRE(bh);
  CHECK(bh->test_all(BH_Uptodate | BH_Req));
  REQUIRE(m.log.requests.size() == 1);
  CHECK(m.log.requests[0].sector == Sectors(16));
  m.await(bread(m.b, m.dev(), 8, 1024, m.task));
  CHECK(m.log.requests.size() == 1);
}

TEST_CASE("reclaim of 2.4.17 writes a dirty buffer at its second visit", "[fs]") {
  Machine24 m("2.4.17");
  BufferHead& bh = m.dirty_block(5);
  Page& page = *bh.b_page;
  CHECK_FALSE(m.await(try_to_free_buffers(m.b, page, Wait::kNo, m.task)));
  CHECK(bh.test_all(BH_Dirty | BH_Wait_IO));
  CHECK_FALSE(m.await(try_to_free_buffers(m.b, page, Wait::kNo, m.task)));
  CHECK(bh.test_all(BH_launder | BH_Lock));
  CHECK(m.await(try_to_free_buffers(m.b, page, Wait::kNo, m.task)));  // waits for what it laundered
  CHECK_FALSE(page.test(PG_private));
}

TEST_CASE("reclaim that frees nothing wakes bdflush when there is too much dirty", "[fs]") {
  for (const char* kernel : {"2.4.0", "2.4.17"}) {
    for (const int nfract : {0, 100}) {
      Machine24 m(kernel);
      m.dirty_block(6);
      Page& page = *m.dirty_block(5).b_page;
      m.b.bdf_prm.nfract = nfract;
      bool woken = false;
      const auto wait_for_wakeup = [](Machine24& machine, bool& done) -> Task<> {
        co_await machine.b.bdflush_wait.wait("bdflush_wait");
        done = true;
      };
      m.sim.spawn("bdflush", wait_for_wakeup(m, woken), ProcessKind::kDaemon);
      CHECK_FALSE(m.await(try_to_free_buffers(m.b, page, Wait::kNo, m.task)));
      CHECK(woken == (nfract == 0));
    }
  }
}

TEST_CASE("reclaim of 2.4.0 writes dirty buffers at once, and waits only if asked to", "[fs]") {
  Machine24 m("2.4.0");
  BufferHead& bh = m.dirty_block(5);
  Page& page = *bh.b_page;
  CHECK_FALSE(m.await(try_to_free_buffers(m.b, page, Wait::kNo, m.task)));
  CHECK(bh.test(BH_Lock));
  CHECK(m.await(try_to_free_buffers(m.b, page, Wait::kYes, m.task)));
}

}  // namespace
}  // namespace wbsim::v24
