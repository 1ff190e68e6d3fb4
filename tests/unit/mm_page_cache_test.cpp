// The page cache: counters, page lists and reclaim.
#include <catch2/catch.hpp>

#include "models/fs/file.hpp"
#include "models/kernel.hpp"
#include "models/mm/out_of_memory.hpp"
#include "models/mm/page_cache_run.hpp"
#include "tests/support/fs_buffer_text.hpp"

namespace wbsim {
namespace {

// Reclaim begins below 125 free pages.
FsSetup little_memory() {
  FsSetup setup;
  setup.block_size = 4096;
  setup.memory = {Pages(1000), Pages(1000), Pages(0), Pages(100)};
  return setup;
}

// Adds pages from `index` on until memory had to be reclaimed; returns the next index.
PageIndex fill(FsFixture& f, PageIndex index) {
  for (const std::int64_t before = f.cache.reclaimed(); f.cache.reclaimed() == before; ++index)
    f.add_page(index, PG_uptodate);
  return index;
}

bool cached(FsFixture& f, PageIndex index) {
  return f.cache.find_get_page(f.file.i_data, index) != nullptr;
}

TEST_CASE("free and dirtyable memory follow the cache", "[mm]") {
  FsSetup setup;
  setup.memory = {Pages(5000), Pages(4000), Pages(300), Pages(10)};
  FsFixture f(setup);
  CHECK(f.cache.free_pages() == Pages(4000));
  CHECK(f.cache.dirtyable_memory() == Pages(4301));
  f.add_page(0);  // and a page for the node of the tree
  CHECK(f.cache.free_pages() == Pages(3998));
  CHECK(f.cache.file_pages() == Pages(301));
  CHECK(f.cache.dirtyable_memory() == Pages(4300));
  for (PageIndex i = 1; i < 11; ++i)
    create_empty_buffers(f.vfs, f.add_page(i), 1024, 0);
  CHECK(f.cache.free_pages() == Pages(3998 - 10 - 2));  // 40 buffers, 37 a page
  f.cache.check();
}

// SLAB keeps 48 bytes a slab and 4 an object on the page, SLUB nothing. In the recordings of P7
// every 37th buffer head is dear, on all four kernels.
TEST_CASE("a page holds 37 buffer heads up to 3.10, 39 on 6.1", "[mm]") {
  for (const auto& [kernel, per_page] :
       {std::pair("2.6.24", 37), std::pair("3.10", 37), std::pair("6.1", 39)}) {
    FsSetup setup;
    setup.memory.batches = find_kernel(kernel)->batches;
    setup.memory.batches.allocated = 1;
    FsFixture f(setup);
    f.add_page(0);
    const Pages free = f.cache.free_pages();
    f.cache.memory().add_buffer_heads(per_page);
    CHECK(f.cache.free_pages() == free - Pages(1));
    f.cache.memory().add_buffer_heads(1);
    CHECK(f.cache.free_pages() == free - Pages(2));
  }
}

TEST_CASE("what is in memory at the start is of the file pages that were told, and not of the free",
          "[mm]") {
  FsSetup setup;
  setup.memory = {.total = Pages(5000),
                  .free_at_start = Pages(4000),
                  .file_pages_at_start = Pages(3),
                  .min_free = Pages(10)};
  const auto check = [&](PageIndex pages, int free, int file) {
    FsFixture f(setup);
    for (PageIndex index = 0; index < pages; ++index)
      f.add_page(index);
    f.cache.memory().add_buffer_heads(static_cast<int>(pages));
    f.cache.memory().count_as_there_at_start(f.cache.counters().nr_file_pages);
    CHECK(f.cache.free_pages() == Pages(free));
    CHECK(f.cache.file_pages() == Pages(file));
    CHECK_FALSE(f.cache.memory().has_batch_work());
  };
  check(2, 4000, 3);
  check(4, 3999, 4);  // one more than were told
}

// gen-2.6-pdflush 3.2, gen-3.x-ioless 3, gen-6.x 2.
TEST_CASE("high memory is not dirtyable, unless the sysctl says so", "[mm]") {
  FsSetup setup;
  setup.memory = {.total = Pages(5000),
                  .free_at_start = Pages(4000),
                  .file_pages_at_start = Pages(300),
                  .min_free = Pages(10),
                  .undirtyable = Pages(100),
                  .highmem = Pages(3000)};
  SECTION("free + files - reserve - highmem + 1") {
    FsFixture f(setup);
    CHECK(f.cache.dirtyable_memory() == Pages(1201));
    f.add_page(0);  // moves from free to the files; its node takes a page
    CHECK(f.cache.dirtyable_memory() == Pages(1200));
  }
  SECTION("the reserve is of the free pages, or of all") {
    setup.memory.undirtyable = Pages(4010);
    CHECK(FsFixture(setup).cache.dirtyable_memory() == Pages(1));
    setup.memory.highmem = Pages(0);
    CHECK(FsFixture(setup).cache.dirtyable_memory() == Pages(301));
    setup.memory.undirtyable_of_all = true;
    CHECK(FsFixture(setup).cache.dirtyable_memory() == Pages(291));
  }
  SECTION("what processes hold, they hold there first") {
    FsFixture f(setup);
    REQUIRE(f.cache.try_lock_memory(Pages(2900)));
    CHECK(f.cache.dirtyable_memory() == Pages(1201));
    REQUIRE(f.cache.try_lock_memory(Pages(600)));
    CHECK(f.cache.dirtyable_memory() == Pages(701));
  }
  SECTION("never less than one page") {
    setup.memory.highmem = Pages(4900);
    FsFixture f(setup);
    CHECK(f.cache.dirtyable_memory() == Pages(1));
  }
  SECTION("highmem_is_dirtyable") {
    setup.memory.highmem_is_dirtyable = true;
    FsFixture f(setup);
    CHECK(f.cache.dirtyable_memory() == Pages(4201));
  }
}

TEST_CASE("a slab of buffer heads takes a page of the batch, where those are counted", "[mm]") {
  for (const bool of_slabs_too : {false, true}) {
    FsSetup setup;
    setup.memory.batches = {.allocated = 63, .of_slabs_too = of_slabs_too};
    FsFixture f(setup);
    PageIndex pages = 0;
    const auto refills_with = [&](int buffers) {
      f.add_page(pages++);
      f.cache.memory().add_buffer_heads(buffers);
      return f.cache.memory().take_batch_work().refills;
    };
    for (int i = 0; i < 37; ++i)
      CHECK(refills_with(1) == 0);
    CHECK(refills_with(1) == 1);  // a slab
    for (int i = 38; i < 62; ++i)
      CHECK(refills_with(0) == 0);
    CHECK(refills_with(0) == (of_slabs_too ? 1 : 0));
    CHECK(refills_with(0) == (of_slabs_too ? 0 : 1));
  }
}

// 576 bytes each; of SLUB with one processor a slab is two pages.
TEST_CASE("on 6.1 every 14th node of a tree of pages takes a slab", "[mm]") {
  FsSetup setup;
  setup.memory.batches = find_kernel("6.1")->batches;
  setup.memory.batches.allocated = 1000;
  FsFixture f(setup);
  std::vector<std::int64_t> found_none;
  for (PageIndex leaf = 0; found_none.size() < 3; ++leaf) {
    f.add_page(leaf * 64);
    if (f.cache.memory().take_batch_work().refills > 0)
      found_none.push_back(f.cache.tree_nodes().in_use());
  }
  CHECK(found_none == std::vector<std::int64_t>{15, 29, 43});
}

TEST_CASE("reclaim takes the oldest clean pages, up to the high watermark", "[mm]") {
  FsFixture f(little_memory());
  const PageIndex next = fill(f, 0);
  CHECK(next > 800);
  const auto taken = static_cast<PageIndex>(f.cache.reclaimed());
  CHECK(f.cache.free_pages() >= Pages(149));  // 150 before the page that was added
  CHECK(f.cache.free_pages() <= Pages(300));
  for (PageIndex i = 0; i < next; ++i)
    CHECK(cached(f, i) == (i >= taken));
  CHECK(f.cache.counters().nr_file_pages == Pages(next - taken));
  CHECK(f.file.i_data.nrpages == next - taken);
  f.cache.check();
}

// P1 of 2.6.24: once memory is full 2040 to 2580 pages are free, of which 960 are ZONE_DMA's.
TEST_CASE("what is kept of a lower zone stays free beside the watermarks", "[mm]") {
  FsSetup setup = little_memory();
  setup.memory.lowmem_reserve = Pages(200);
  FsFixture f(setup);
  PageIndex next = 0;
  while (f.cache.free_pages() > Pages(325))
    f.add_page(next++, PG_uptodate);
  CHECK(f.cache.reclaimed() == 0);
  next = fill(f, next);
  CHECK(f.cache.free_pages() >= Pages(349));  // 350 before the page that was added
}

// Every recording of 6.1 in which memory became full: free memory rises by some 600 pages more than
// were reclaimed, once.
TEST_CASE("the first reclaim frees dentries and inodes too", "[mm]") {
  FsSetup setup = little_memory();
  setup.memory.slab_at_start = Pages(60);
  FsFixture f(setup);
  const auto kept = [&] { return f.cache.free_pages() + f.cache.file_pages(); };
  PageIndex next = 0;
  while (f.cache.free_pages() >= Pages(125))
    f.add_page(next++, PG_uptodate);
  const Pages before = kept();
  next = fill(f, next);
  CHECK(kept() >= before + Pages(60));
  CHECK(kept() <= before + Pages(64));  // and nodes
  CHECK(f.cache.reclaimed() < 100);     // that much less has to go
  const Pages after = kept();
  fill(f, next);
  CHECK(kept() <= after + Pages(4));
}

// E1 of 6.1: of 350000 pages that were reclaimed 780 pages of nodes stay. The kernel's limit lets
// as many nodes stay as there are eight pages in memory for each.
TEST_CASE("from 3.15 on what reclaim took keeps its leaf of the tree", "[mm]") {
  FsSetup setup = little_memory();
  setup.memory.shadow_entries = true;
  FsFixture f(setup);
  const auto kept = [&] { return f.cache.memory().tree_nodes() - f.cache.tree_nodes().in_use(); };
  PageIndex next = 0;
  while (next < 64 * 60)
    next = fill(f, next);
  const auto leaves = static_cast<std::int64_t>(next - f.file.i_data.nrpages) / 64;
  CHECK(kept() == leaves);
  f.cache.check();
  SECTION("until a page of it comes back") {
    f.add_page(0, PG_uptodate);
    CHECK(kept() == leaves - 1);
    f.add_page(1, PG_uptodate);
    CHECK(kept() == leaves - 1);
  }
  SECTION("or the file ends before it") {
    f.cache.truncate_shadows(f.file.i_data, 64 * 10);
    CHECK(kept() == 10);
    f.cache.check();
  }
  SECTION("up to a limit") {
    while (next < 64 * 300)
      next = fill(f, next);
    CHECK(kept() >= f.file.i_data.nrpages / 8);
    CHECK(kept() <= 1000 / 8);
    f.cache.check();
  }
}

TEST_CASE("active pages are taken when nothing inactive can be", "[mm]") {
  FsFixture f(little_memory());
  for (PageIndex i = 0; i < 400; ++i)
    f.cache.activate_page(f.add_page(i, PG_uptodate));
  for (PageIndex i = 400; i < 1100; ++i)
    f.cache.set_page_dirty(f.add_page(i, PG_uptodate), nullptr);
  CHECK(f.cache.reclaimed() > 200);
  CHECK(f.cache.free_pages() >= Pages(100));
  CHECK(f.cache.counters().nr_file_dirty == Pages(700));
  f.cache.check();
}

struct Notices : WritebackListener {
  void inode_writeback_ended(BackingDevInfo&) override { ++inodes_ended; }
  void dirty_pages_at_lru_tail() override { ++dirty_tails; }
  int inodes_ended = 0, dirty_tails = 0;
};

TEST_CASE("reclaim tells of a batch of dirty pages nobody writes", "[mm]") {
  for (const PageIndex dirty : {31, 32}) {
    FsFixture f(little_memory());
    Notices notices;
    f.cache.set_writeback_listener(notices);
    for (PageIndex i = 0; i < dirty; ++i)
      f.cache.set_page_dirty(f.add_page(i, PG_uptodate), nullptr);
    fill(f, dirty);
    CHECK(notices.dirty_tails == (dirty == 32 ? 1 : 0));
  }
}

TEST_CASE("reclaim that could free nothing looks again when a page is clean", "[mm]") {
  FsFixture f(little_memory());
  Notices notices;
  f.cache.set_writeback_listener(notices);
  PageIndex i = 0;
  const auto dirty_another = [&] { f.cache.set_page_dirty(f.add_page(i++, PG_uptodate), nullptr); };
  while (f.cache.free_pages() >= Pages(99))  // below the lowest watermark all is tried
    dirty_another();
  const int told = notices.dirty_tails;
  for (int n = 0; n < 50; ++n)
    dirty_another();
  CHECK(notices.dirty_tails == told);
  f.cache.cancel_dirty_page(*f.cache.find_get_page(f.file.i_data, 7));
  dirty_another();
  CHECK_FALSE(cached(f, 7));
  CHECK(notices.dirty_tails > told);
  f.cache.check();
}

TEST_CASE("a machine all of whose pages are dirty is out of memory", "[mm]") {
  FsFixture f(little_memory());
  CHECK_THROWS_AS(
      [&] {
        for (PageIndex i = 0; i < 2000; ++i)
          f.cache.set_page_dirty(f.add_page(i, PG_uptodate), nullptr);
      }(),
      OutOfMemory);
  CHECK(f.cache.free_pages() > Pages(0));
}

TEST_CASE("the end of an inode's write-back is told once", "[mm]") {
  FsFixture f(little_memory());
  Notices notices;
  f.cache.set_writeback_listener(notices);
  for (PageIndex i = 0; i < 3; ++i) {
    Page& page = f.lock(f.add_page(i));
    f.cache.set_page_dirty(page, nullptr);
    f.cache.clear_page_dirty_for_io(page);
    f.cache.set_page_writeback(page);
    f.cache.unlock_page(page);
  }
  CHECK(f.bdi.writeback_inodes == 1);
  for (PageIndex i = 0; i < 3; ++i) {
    CHECK(notices.inodes_ended == 0);
    f.cache.end_page_writeback(*f.cache.find_get_page(f.file.i_data, i));
  }
  CHECK(notices.inodes_ended == 1);
  CHECK(f.bdi.writeback_inodes == 0);
}

TEST_CASE("reclaim leaves what is in use", "[mm]") {
  FsFixture f(little_memory());
  Page& dirty = f.add_page(0);
  f.cache.set_page_dirty(dirty, nullptr);
  Page& writeback = f.lock(f.add_page(1));
  f.cache.set_page_dirty(writeback, nullptr);
  f.cache.clear_page_dirty_for_io(writeback);
  f.cache.set_page_writeback(writeback);
  f.cache.unlock_page(writeback);
  f.lock(f.add_page(2));
  f.cache.get_page(f.add_page(3));
  f.add_page(4).set(PG_unevictable);
  f.add_page(5);
  const PageIndex next = fill(f, 6);
  for (PageIndex i = 0; i < 5; ++i)
    CHECK(cached(f, i));
  CHECK_FALSE(cached(f, 5));
  f.cache.check();

  // What was in use once is taken like any other later: it went to the other end of the list.
  f.cache.end_page_writeback(writeback);
  f.cache.cancel_dirty_page(dirty);
  f.cache.unlock_page(*f.cache.find_get_page(f.file.i_data, 2));
  f.cache.put_page(*f.cache.find_get_page(f.file.i_data, 3));
  PageIndex end = next;
  for (int i = 0; i < 15; ++i)
    end = fill(f, end);
  for (PageIndex i = 0; i < 4; ++i)
    CHECK_FALSE(cached(f, i));
  CHECK(cached(f, 4));
  CHECK(cached(f, end - 1));
  f.cache.check();
}

TEST_CASE("pages used twice stay longer than those used once", "[mm]") {
  FsFixture f(little_memory());
  for (PageIndex i = 0; i < 20; ++i) {
    Page& page = f.add_page(i);
    f.cache.mark_page_accessed(page);
    CHECK(page.test(PG_referenced));
    CHECK_FALSE(page.test(PG_active));
    if (i >= 10)
      continue;
    f.cache.mark_page_accessed(page);
    CHECK(page.test(PG_active));
    CHECK_FALSE(page.test(PG_referenced));
  }
  PageIndex next = 20;
  for (int i = 0; i < 5; ++i)
    next = fill(f, next);
  for (PageIndex i = 0; i < 20; ++i)
    CHECK(cached(f, i) == (i < 10));
  f.cache.check();
}

TEST_CASE("when most pages are active, the oldest of them become inactive", "[mm]") {
  FsFixture f(little_memory());
  PageIndex next = 0;
  while (f.cache.free_pages() > Pages(130)) {
    Page& page = f.add_page(next++);
    f.cache.mark_page_accessed(page);
    f.cache.mark_page_accessed(page);
  }
  fill(f, next);
  CHECK_FALSE(cached(f, 0));
  CHECK(cached(f, next - 1));
  CHECK(f.cache.find_get_page(f.file.i_data, next - 1)->test(PG_active));
  f.cache.check();
}

TEST_CASE("who waits for a page's write-back sleeps on when the page is unlocked", "[mm]") {
  FsFixture f;
  Page& page = f.lock(f.add_page(0));
  f.cache.set_page_dirty(page, nullptr);
  f.cache.clear_page_dirty_for_io(page);
  f.cache.set_page_writeback(page);
  f.sim.spawn("waiter", wait_on_page_writeback(f.vfs, page, f.task), ProcessKind::kDaemon);
  f.sim.run_until(f.sim.now());
  const std::uint64_t asleep = f.sim.events_run();
  f.cache.unlock_page(page);
  f.sim.run_until(f.sim.now());
  CHECK(f.sim.events_run() == asleep);
  f.cache.end_page_writeback(page);
  f.sim.run_until(f.sim.now());
  CHECK(f.sim.events_run() > asleep);
}

TEST_CASE("reclaim frees clean buffers, and leaves pages whose buffers are busy", "[mm]") {
  FsFixture f(little_memory());
  add_page(f, 0, {"UM@1"});
  Page& held = add_page(f, 1, {"UM@2"});
  get_bh(f.vfs, f.buffer(held, 0));
  Page& locked = add_page(f, 2, {"UML@3"});
  Page& dirty_buffer = add_page(f, 3, {"UDM@4"});
  f.cache.cancel_dirty_page(dirty_buffer);
  const PageIndex next = fill(f, 4);
  CHECK_FALSE(cached(f, 0));
  CHECK(cached(f, 1));
  CHECK(cached(f, 2));
  CHECK(cached(f, 3));
  CHECK(locked.test(PG_private));
  const Pages free = f.cache.free_pages();
  for (PageIndex i = next; i < next + 40; ++i)
    create_empty_buffers(f.vfs, f.add_page(i), 4096, 0);
  CHECK(f.cache.free_pages() <= free - Pages(41));
  f.cache.check();
}

TEST_CASE("pages and buffers that were reclaimed serve again", "[mm]") {
  FsFixture f(little_memory());
  PageIndex next = 0;
  for (; next < 20000; ++next)
    create_empty_buffers(f.vfs, f.add_page(next), 4096, 0);
  CHECK(f.cache.reclaimed() > 19000);
  CHECK(f.cache.counters().nr_file_pages.count() == 20000 - f.cache.reclaimed());
  f.cache.check();
}

TEST_CASE("a page that is held outlives its place in the cache", "[mm]") {
  FsFixture f;
  Page& page = f.add_page(7);
  f.cache.get_page(page);
  f.cache.get_page(page);
  f.cache.remove_from_page_cache(page);
  CHECK_FALSE(cached(f, 7));
  CHECK(page.mapping == nullptr);
  Page& other = f.add_page(7);
  CHECK(&other != &page);
  f.cache.put_page(page);
  CHECK(&f.add_page(8) != &page);
  f.cache.put_page(page);
  CHECK(&f.add_page(9) == &page);
  f.cache.check();
}

TEST_CASE("the peaks of the counters", "[mm]") {
  FsFixture f;
  for (PageIndex i = 0; i < 10; ++i)
    f.cache.set_page_dirty(f.add_page(i), nullptr);
  for (PageIndex i = 0; i < 4; ++i) {
    Page& page = f.lock(*f.cache.find_get_page(f.file.i_data, i));
    f.cache.clear_page_dirty_for_io(page);
    f.cache.set_page_writeback(page);
    f.cache.unlock_page(page);
  }
  f.cache.set_page_dirty(*f.cache.find_get_page(f.file.i_data, 0), nullptr);
  const VmCounters& vm = f.cache.counters();
  CHECK(vm.nr_file_dirty == Pages(7));
  CHECK(vm.nr_writeback == Pages(4));
  CHECK(vm.peak_dirty == Pages(10));
  CHECK(vm.peak_writeback == Pages(4));
  CHECK(vm.peak_dirty_and_writeback == Pages(11));
  CHECK(vm.conserved());
  f.cache.check();
}

// P1 of the recorded 2.6.31: BdiDirtyThresh 481 of 50061 pages before anybody wrote.
TEST_CASE("what was written before the start gives a device its share", "[mm]") {
  PageCache cache({.total = Pages(4096)}, Proportions(17), Proportions(17));
  BackingDevInfo bdi, other;
  cache.count_written_before(bdi, Pages(637), Jiffies(0));
  cache.count_written_before(other, Pages(0), Jiffies(0));
  const PropFraction share = cache.completions().fraction(bdi.completions);
  CHECK(50061 * share.numerator / share.denominator == 481);
  CHECK(cache.completions().fraction(other.completions).numerator == 0);
}

TEST_CASE("max_ratio limits what completions count for a device", "[mm]") {
  FsFixture f;
  f.bdi.max_ratio = 10;
  for (PageIndex i = 0; i < 400; ++i) {
    Page& page = f.lock(f.add_page(i));
    f.cache.set_page_dirty(page, nullptr);
    f.cache.clear_page_dirty_for_io(page);
    f.cache.set_page_writeback(page);
    f.cache.unlock_page(page);
    f.cache.end_page_writeback(page);
  }
  CHECK(f.bdi.written.sum() == Pages(400));
  const PropFraction share = f.cache.completions().fraction(f.bdi.completions);
  CHECK(share.numerator * 100 / share.denominator <= 10);
}

TEST_CASE("check() notices state that does not belong together", "[mm]") {
  FsFixture f;
  Page& page = f.add_page(0);
  f.cache.check();
  page.set(PG_dirty);
  CHECK_THROWS_AS(f.cache.check(), InvariantBroken);
  page.clear(PG_dirty);
  page.set(PG_writeback);
  CHECK_THROWS_AS(f.cache.check(), InvariantBroken);
  page.clear(PG_writeback);
  f.cache.check();
}

TEST_CASE("misuse of a page is noticed", "[mm]") {
  FsFixture f;
  Page& page = f.add_page(0);
  f.cache.set_page_dirty(page, nullptr);
  CHECK_THROWS_AS(f.cache.unlock_page(page), InvariantBroken);
  CHECK_THROWS_AS(f.cache.clear_page_dirty_for_io(page), InvariantBroken);
  CHECK_THROWS_AS(f.cache.end_page_writeback(page), InvariantBroken);
  CHECK_THROWS_AS(f.cache.remove_from_page_cache(page), InvariantBroken);
}

}  // namespace
}  // namespace wbsim
