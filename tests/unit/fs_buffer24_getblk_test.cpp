// Finding and making buffers in 2.4: the hash, getblk(), refill_freelist(), grow_buffers(),
// free_more_memory(), bread(), and who is balanced.
#include <catch2/catch.hpp>

#include "tests/support/buffer24_text.hpp"
#include "tests/support/machine24_fixture.hpp"

namespace wbsim::v24 {
namespace {

// Counts the calls; every one is due.
struct CountingThrottle : DirtyThrottle {
  int calls = 0;
  bool ratelimit(TaskStruct&, const AddressSpace&, Pages) override { return true; }
  Task<> balance_dirty_pages(TaskStruct&, AddressSpace&) override {
    ++calls;
    co_return;
  }
};

// One dirty buffer is more than 0 %.
struct Balancing : Machine24 {
  explicit Balancing(const char* kernel, Scenario scenario = hz100())
      : Machine24(kernel, std::move(scenario)) {
    b.bdf_prm.nfract = 0;
    dirty_block(1000);
    vfs.throttle = &counting;
    REQUIRE(b.balance_dirty_state() == 0);
  }
  CountingThrottle counting;
};

constexpr const char* kBoth[] = {"2.4.0", "2.4.17"};

TEST_CASE("the hash of a device and block depends on the size of the table", "[fs]") {
  static_assert(hashfn(3, 0, 12) == 216);
  static_assert(hashfn(3, 1, 12) == 153);
  static_assert(hashfn(3, 1, 16) == 2448);
  static_assert(hashfn(769, 123456, 14) == 10287);
  static_assert(hashfn(769, 123456, 17) == 82191);
  CHECK(hashfn(0, 8191, 12) == 63);  // the last block without bits above 13
  CHECK(hashfn(0, 8192, 12) == 1);
}

TEST_CASE("a buffer that is used makes its page referenced, in 2.4.0 no more than that", "[fs]") {
  Machine24 early("2.4.0");
  for (int use = 0; use < 3; ++use)
    early.await(getblk(early.b, early.dev(), 8, 1024, early.task));
  const Page& page = *early.b.cache.get_hash_table(early.dev(), 8)->b_page;
  CHECK(page.test(PG_referenced));
  CHECK_FALSE(page.test(PG_active));

  Machine24 late("2.4.17");
  for (int use = 0; use < 3; ++use)
    late.await(getblk(late.b, late.dev(), 8, 1024, late.task));
  CHECK(late.page(late.raw(0), 2).test(PG_active));
}

TEST_CASE("a grown page is one of buffer memory in 2.4.0, of the device in 2.4.17", "[fs]") {
  for (const char* kernel : kBoth) {
    Machine24 m(kernel);
    const bool early = m.b.release() == Release::k240;
    m.await(getblk(m.b, m.dev(), 9, 1024, m.task));
    CHECK(m.b.buffermem.nrpages == (early ? 1 : 0));
    CHECK(m.raw(0).i_data.nrpages == (early ? 0 : 1));
    // 2.4.17 hashes the page's other blocks as well.
    for (int block : {8, 10, 11})
      CHECK((m.b.cache.get_hash_table(m.dev(), block) == nullptr) == early);
  }
}

TEST_CASE("refill_freelist() of 2.4.0 balances; a miss of 2.4.17 that can grow does not", "[fs]") {
  for (const char* kernel : kBoth) {
    Balancing m(kernel);
    const int due = m.b.release() == Release::k240 ? 1 : 0;
    m.await(getblk(m.b, m.dev(), 8, 1024, m.task));
    CHECK(m.counting.calls == due);
    m.await(getblk(m.b, m.dev(), 8, 1024, m.task));  // a hit
    CHECK(m.counting.calls == due);
  }
}

TEST_CASE("grow_buffers() of 2.4.17 replaces idle buffers of another size", "[fs]") {
  Machine24 m("2.4.17");
  BufferHead* const small = m.await(getblk(m.b, m.dev(), 4, 1024, m.task));
  m.b.cache.brelse(*small);
  BufferHead* const large = m.await(getblk(m.b, m.dev(), 1, 4096, m.task));
  CHECK(large->b_size == 4096);
  CHECK(large->b_blocknr == 1);
  CHECK(large->b_this_page == large);
  CHECK(m.b.cache.heads_in_use() == 1);
  CHECK(m.b.cache.get_hash_table(m.dev(), 5) == nullptr);
}

TEST_CASE("with busy buffers of another size it has free_more_memory() and tries again", "[fs]") {
  Machine24 m("2.4.17");
  BufferHead* const small = m.await(getblk(m.b, m.dev(), 4, 1024, m.task));
  m.dirty_blocks(40);
  m.b.bdf_prm.nfract = 0;
  bool woken = false;
  const auto wait_for_wakeup = [](Machine24& machine, bool& done) -> Task<> {
    co_await machine.b.bdflush_wait.wait("bdflush_wait");
    done = true;
  };
  m.sim.spawn("bdflush", wait_for_wakeup(m, woken), ProcessKind::kDaemon);
  std::optional<BufferHead*> large;
  m.spawn(getblk(m.b, m.dev(), 1, 4096, m.task), large);

  CHECK(m.dirty_buffers() == 8);  // it balanced: a batch was submitted
  CHECK(woken);
  // And then the disks were started, or the batch would stay behind its plug.
  CHECK(m.tq_disk.empty());
  CHECK_FALSE(large.has_value());
  const Duration now = m.sim.now().time_since_epoch();
  m.run_until(now + std::chrono::milliseconds(50));
  CHECK_FALSE(large.has_value());
  m.b.cache.brelse(*small);
  m.run_until(now + std::chrono::milliseconds(60));  // a tick later
  REQUIRE(large.has_value());
  CHECK((*large)->b_size == 4096);
}

TEST_CASE("create_buffers() for I/O unplugs and waits for eight heads in 2.4.0, for one in 2.4.17",
          "[fs]") {
  for (const char* kernel : kBoth) {
    Machine24 m(kernel);
    const bool early = m.b.release() == Release::k240;
    // One page with one buffer, the rest of the heads in pages of eight.
    constexpr int kPages = 3;
    Buffers b(m.vfs, m.tq_disk, {m.b.release(), 1 + kPages * kMaxBufPerPage, 4096}, m.b.bdf_prm);
    std::array<Page, 1 + kPages> pages{};
    for (Page& page : pages)
      b.cache.attach(page, *b.cache.create_buffers(page, &page == &pages[0] ? 4096 : 512, false));
    REQUIRE(b.cache.get_unused_buffer_head(true) == nullptr);

    std::optional<bool> created;
    const auto create = [](Machine24& machine, Buffers& buffers, Page& page) -> Task<bool> {
      co_await create_empty_buffers(buffers, machine.file(0), page, machine.task);
      co_return true;
    };
    Page wanted{};
    m.dirty_blocks(1);
    m.await(ll_rw_block(m.b, BioOp::kWrite, m.block(1000), WriteReason::kSync, m.task));
    REQUIRE_FALSE(m.tq_disk.empty());
    m.spawn(create(m, b, wanted), created);
    CHECK(m.tq_disk.empty());
    CHECK_FALSE(created.has_value());
    REQUIRE(b.drop_buffers(pages[0]));
    m.settle();
    CHECK(created.has_value() == !early);
    REQUIRE(b.drop_buffers(pages[1]));
    m.settle();
    REQUIRE(created.has_value());
    CHECK(b.cache.page_buffers(wanted).b_size == 4096);
    m.vfs.cache.set_releaser(m.b);
  }
}

TEST_CASE("bread() is null after a read error, without a reference, and reads again", "[fs]") {
  for (const char* kernel : kBoth) {
    Machine24 m(kernel);
    FaultConfig fault;
    fault.op = FaultOp::kRead;
    fault.duration = std::chrono::seconds(1);
    m.disks[0].device->arm_faults({fault}, TimePoint{});
    CHECK(m.await(bread(m.b, m.dev(), 8, 1024, m.task)) == nullptr);
    BufferHead& bh = *m.b.cache.get_hash_table(m.dev(), 8);
    CHECK(bh.b_count == 1);  // this one
    CHECK_FALSE(bh.test(BH_Uptodate));
    CHECK_FALSE(bh.test(BH_Lock));

    m.run_until(std::chrono::seconds(2));
    CHECK(m.await(bread(m.b, m.dev(), 8, 1024, m.task)) == &bh);
    CHECK(bh.test(BH_Uptodate));
    CHECK(m.log.requests.size() == 2);
  }
}

TEST_CASE("mark_buffer_dirty() balances when the buffer was clean, __mark_buffer_dirty() never",
          "[fs]") {
  for (const char* kernel : kBoth) {
    Balancing m(kernel);
    BufferHead& bh = m.block(5);
    const Jiffies due = m.b.flushtime();
    m.await(mark_buffer_dirty(m.b, bh, m.task));
    CHECK(m.counting.calls == 1);
    CHECK(bh.b_flushtime == due);
    m.await(mark_buffer_dirty(m.b, bh, m.task));
    CHECK(m.counting.calls == 1);
    m.dirty_block(6);
    CHECK(m.counting.calls == 1);
    InodeLists& lists = m.b.lists_of(m.file(0));
    m.await(mark_buffer_dirty_inode(m.b, m.block(7), m.file(0), m.task));
    CHECK(m.counting.calls == 2);
    m.await(mark_buffer_dirty_inode(m.b, bh, m.file(0), m.task));  // dirty already
    CHECK(m.counting.calls == 2);
    CHECK(blocks(lists.i_dirty_buffers.list) == "5 7");
  }
}

TEST_CASE("generic_commit_write() balances once a page, if a buffer became dirty", "[fs]") {
  for (const char* kernel : kBoth) {
    Scenario small = Machine24::hz100();
    small.filesystems[0].block_size = 1024;
    Balancing m(kernel, small);
    const auto write = [&m](std::int64_t pos, std::int64_t length) {
      REQUIRE(m.await(m.context.files->write(m.file(0), pos, length, m.task)) == Errno::kOk);
      return std::exchange(m.counting.calls, 0);
    };
    CHECK(write(0, 4096) == 1);  // four buffers
    CHECK(write(0, 4096) == 0);  // dirty already
    CHECK(write(4096, 3 * 4096) == 3);
  }
}

}  // namespace
}  // namespace wbsim::v24
