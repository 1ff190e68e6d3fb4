// Free memory beside the page cache: what bios take, and what processors keep at hand.
#include <catch2/catch.hpp>

#include "models/kernel.hpp"
#include "models/mm/memory_use.hpp"
#include "models/mm/per_cpu_pages.hpp"

namespace wbsim {
namespace {

constexpr Pages kFree{10000};

MemoryUse memory_of(const char* kernel, Pages at_hand) {
  return MemoryUse({.total = Pages(12000),
                    .free_at_start = kFree,
                    .min_free = Pages(960),
                    .batches = find_kernel(kernel)->batches,
                    .at_hand_at_start = at_hand});
}

TEST_CASE("a processor takes 63 pages when it has none left", "[mm]") {
  PerCpuPages pages(63, 600, 10);
  CHECK(pages.allocate(10) == 0);
  CHECK(pages.allocate(1) == 1);
  CHECK(pages.count() == 62);
  CHECK(pages.allocate(62 + 63 + 1) == 2);
  CHECK(pages.count() == 62);
}

// E4c of 6.1: as its queues empty, free memory rises by 63 + 126, 252 and 504 pages.
TEST_CASE("a processor that keeps too much gives back twice as much each time", "[mm]") {
  PerCpuPages pages(63, 608, 600);
  const auto given_back_after = [&](int freed) {
    const std::int64_t before = pages.count();
    for (int i = 0; i < freed; ++i)
      pages.free_page();
    return before + freed - pages.count();
  };
  CHECK(given_back_after(7) == 0);
  CHECK(given_back_after(1) == 63);
  CHECK(given_back_after(62) == 0);
  CHECK(given_back_after(1) == 126);
  CHECK(given_back_after(126) == 252);
  CHECK(given_back_after(252) == 504);
  CHECK(given_back_after(504) == 545);  // a batch stays
  pages.allocate(40);                   // who allocates ends that
  CHECK(given_back_after(608 - 63 + 40) == 63);
}

TEST_CASE("the list is never shorter than four batches", "[mm]") {
  PerCpuPages pages(63, 100, 0);
  for (int i = 0; i < 251; ++i)
    pages.free_page();
  CHECK(pages.count() == 251);
  pages.free_page();
  CHECK(pages.count() == 252 - 63);
}

// E1, E9c and E18 of 6.1: 1/16 page for each buffer under write-back, which nr_free_pages does not
// get back when that ends; the next pages that a writer needs come from there. 13 pages stay with
// the bios: 5 on the node's list, 7 on the processor's, and the one in use.
TEST_CASE("on 6.1 a page holds 16 bios of one buffer", "[mm]") {
  MemoryUse memory = memory_of("6.1", Pages(0));
  const auto taken = [&](Pages files) { return kFree - memory.free_pages(files); };
  std::vector<Slub::SlabId> slabs;
  for (int i = 0; i < 63 * 16; ++i)
    slabs.push_back(memory.add_bio());
  CHECK(taken(Pages(0)) == Pages(63));
  slabs.push_back(memory.add_bio());
  CHECK(taken(Pages(0)) == Pages(126));
  for (const Slub::SlabId slab : slabs)
    memory.remove_bio(slab);
  CHECK(taken(Pages(0)) == Pages(126));
  memory.add_file_pages(126 - 13);
  CHECK(taken(Pages(126 - 13)) == Pages(126));
  memory.add_file_pages(1);
  CHECK(taken(Pages(127 - 13)) == Pages(189));
}

TEST_CASE("pages at hand at the start go before free memory falls", "[mm]") {
  MemoryUse memory = memory_of("6.1", Pages(400));
  CHECK(memory.free_pages(Pages(0)) == kFree);
  memory.add_file_pages(400);
  CHECK(memory.free_pages(Pages(400)) == kFree);
  memory.add_file_pages(1);
  CHECK(memory.free_pages(Pages(401)) == kFree - Pages(63));
}

TEST_CASE("up to 3.10 neither is counted", "[mm]") {
  MemoryUse memory = memory_of("3.10", Pages(400));
  memory.add_bio();
  memory.add_file_pages(1);
  CHECK(memory.free_pages(Pages(1)) == kFree - Pages(1));
}

}  // namespace
}  // namespace wbsim
