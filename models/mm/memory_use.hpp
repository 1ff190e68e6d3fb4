// What fills the machine's memory beside the pages of files, how much of it is free, and the work
// that taking it makes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include "models/mm/page_cache_setup.hpp"
#include "models/mm/per_cpu_pages.hpp"
#include "models/mm/slab.hpp"
#include "models/mm/slub.hpp"
#include "sim/units.hpp"

namespace wbsim {

// DEVIATES: of what the kernel allocates for itself it knows buffer heads, nodes of page trees,
//           page tables of mapped files and, where PageBatches::bios says so, bios of buffers;
//           those of whole pages, their vectors and requests of queues are left out: 20 to 40 pages
//           of a full queue up to 3.10.
class MemoryUse {
 public:
  explicit MemoryUse(const MemoryParams& params)
      : params_(params),
        buffer_heads_(params.batches.buffer_heads),
        tree_nodes_(kTreeNodesPerPage, params.batches.tree_nodes),
        bios_(params.batches.bios, kCpuPartialBios),
        pcp_(params.batches.allocated, params.pcp_high(), params.pcp_at_start()),
        lru_vector_(params.batches.lru) {}

  const MemoryParams& params() const { return params_; }
  // NR_FREE_PAGES with so many pages of files in memory.
  Pages free_pages(Pages files) const {
    const Pages free =
        params_.free_at_start + slab_freed_ - locked_ - files -
        Pages(buffer_heads_.pages() + tree_nodes_.pages() + bios_.slabs() + page_tables_);
    return params_.batches.bios > 0 ? free + Pages(params_.pcp_at_start() - pcp_.count()) : free;
  }

  void add_file_pages(std::int64_t n) {
    work_.refills += pcp_.allocate(n);
    work_.lru += lru_vector_.add(n);
  }
  void add_tree_nodes(std::int64_t n) {
    work_.refills += tree_nodes_.allocate(n);
    work_.nodes += n;
  }
  void remove_tree_nodes(std::int64_t n) { tree_nodes_.remove(n); }
  std::int64_t tree_nodes() const { return tree_nodes_.objects(); }
  void add_buffer_heads(int n) {
    const int slabs = buffer_heads_.allocate(n);
    work_.refills += slabs;
    if (slabs > 0 && params_.batches.of_slabs_too)
      work_.refills += pcp_.allocate(slabs);
  }
  void remove_buffer_heads(int n) { buffer_heads_.remove(n); }
  // Of one buffer each. Returns its slab.
  Slub::SlabId add_bio() {
    if (params_.batches.bios == 0)
      return 0;
    const std::int64_t before = bios_.slabs();
    const Slub::SlabId slab = bios_.allocate();
    if (bios_.slabs() > before)
      work_.refills += 1 + pcp_.allocate(1);
    return slab;
  }
  void remove_bio(Slub::SlabId slab) {
    if (params_.batches.bios == 0)
      return;
    std::int64_t emptied = bios_.slabs();
    bios_.free(slab);
    for (emptied -= bios_.slabs(); emptied > 0; --emptied)
      pcp_.free_page();
  }

  // Of a mapping; it keeps them.
  void add_page_table() {
    work_.refills += pcp_.allocate(1);
    ++page_tables_;
  }

  // What was read until now, these pages of files among it, is what is in memory at the start, and
  // was no work.
  void count_as_there_at_start(Pages files) {
    work_ = {};
    const Pages counted = std::min(files, params_.file_pages_at_start);
    const Pages taken = params_.free_at_start - free_pages(files);
    params_.file_pages_at_start -= counted;
    params_.free_at_start += taken - (files - counted);
  }
  // shrink_slab(): dentries and inodes of before the start.
  void shrink_slab() { slab_freed_ = params_.slab_at_start; }

  // Memory that processes keep, never swapped.
  Pages locked() const { return locked_; }
  void lock(Pages pages) { locked_ += pages; }
  void unlock(Pages pages) { locked_ -= pages; }

  bool has_batch_work() const { return work_.any(); }
  BatchWork take_batch_work() { return std::exchange(work_, {}); }  // since it was last asked

 private:
  static constexpr int kCpuPartialBios = 7;  // slabs: 104 objects of 256 bytes, set_cpu_partial()

  MemoryParams params_;
  Pages locked_{};
  Pages slab_freed_{};
  Slab buffer_heads_;
  Slab tree_nodes_;
  Slub bios_;
  std::int64_t page_tables_ = 0;
  PerCpuPages pcp_;
  Vector lru_vector_;
  BatchWork work_;
};

}  // namespace wbsim
