// What the page cache is told when it is made, whom it tells, and what it is made of.
#pragma once

#include <algorithm>
#include <limits>
#include <optional>

#include "models/mm/backing_dev_info.hpp"
#include "models/mm/flex_proportions.hpp"
#include "models/mm/page.hpp"
#include "sim/simulator.hpp"
#include "sim/units.hpp"

namespace wbsim {

// Frees what a page's `buffers` stands for; implemented in fs/ (try_to_free_buffers).
class PageReleaser {
 public:
  virtual ~PageReleaser() = default;
  virtual bool try_to_release_page(Page& page) = 0;
  // Pages that only their buffers keep: dirty, or under write-back, while the page itself is not.
  virtual Pages pages_kept() const { return Pages(0); }
};

// What a flusher wants to know of the page cache.
class WritebackListener {
 public:
  virtual ~WritebackListener() = default;
  // The last page of an inode has left write-back.
  virtual void inode_writeback_ended(BackingDevInfo& bdi) = 0;
  // Reclaim met nothing but dirty pages nobody has begun to write.
  virtual void dirty_pages_at_lru_tail() = 0;
};

// What is done for so many new pages at once, per processor.
struct PageBatches {
  int allocated = 31;     // zone_batchsize()
  int lru = 14;           // PAGEVEC_SIZE
  int tree_nodes = 7;     // a slab of 576-byte nodes: SLAB's of a page, SLUB's of two
  int buffer_heads = 37;  // a page of 104-byte ones: SLAB keeps 4 bytes beside each, SLUB's 39 none
  // Slabs of buffer heads take their pages from the same batches, so that the two drift. Of every
  // kernel; but calibrate.py solved for the refill of older ones without.
  bool of_slabs_too = false;
  int bios = 0;  // a page of bios of one buffer; 0: memory of bios is not counted
};

struct MemoryParams {
  Pages total{};
  Pages free_at_start{};
  Pages file_pages_at_start{};      // counted as dirtyable; but for metadata, of no file we know
  Pages min_free{};                 // lowest watermark of the zone that file pages come from; low
  Pages watermark_gap{};            // and high are as far apart, or a quarter of it if that is more
  Pages lowmem_reserve{};           // of lower zones, free and kept from them
  Pages undirtyable{};              // of the free pages, never counted as dirtyable
  bool undirtyable_of_all = false;  // and of the file pages, where less is free
  Pages highmem{};                  // of the total
  bool highmem_is_dirtyable = false;
  PageBatches batches{};
  bool shadow_entries = false;
  std::int64_t stat_threshold = 0;  // pages that a processor's counter keeps to itself
  Pages unfreeable_at_start{};      // of the file pages, on the inactive list
  // Free pages on the processors' lists, beside free_at_start; unset: one batch.
  std::optional<Pages> at_hand_at_start{};
  Pages slab_at_start{};  // not free, but freed by the first reclaim

  Pages min_watermark() const { return min_free + lowmem_reserve; }
  Pages low_watermark() const { return min_watermark() + std::max(min_free / 4, watermark_gap); }
  Pages high_watermark() const {
    return min_watermark() + std::max(min_free / 2, watermark_gap * 2);
  }
  // Of one processor. Recorded: what bios leave there when a queue empties is given back from 608
  // pages on, half of the low watermark that zone_highsize() of 5.14 and later begins with.
  std::int64_t pcp_high() const { return (low_watermark() - lowmem_reserve).count() / 2; }
  std::int64_t pcp_at_start() const {
    return at_hand_at_start.value_or(Pages(batches.allocated)).count();
  }

  // highmem_dirtyable_memory(): all of it but what processes hold, who are given it first.
  Pages undirtyable_highmem(Pages held = Pages(0)) const {
    return highmem_is_dirtyable ? Pages(0) : highmem - std::min(highmem, held);
  }
};

// When an allocation finds memory low.
enum class Reclaim : std::uint8_t {
  kNow,
  kNotYet,  // kswapd has to wait
};

// Newest at the head.
struct LruList {
  PageId head = 0, tail = 0;
  std::int64_t size = 0;
};

// The file pages of one memory cgroup, or of the root: struct lruvec.
struct Lruvec {
  LruList inactive, active;
};

constexpr int kTreeNodesPerPage = 7;  // 576 bytes each

// When reclaim has done enough: so much is free, one cgroup uses no more, or so many pages have
// been freed since boot.
struct ReclaimGoal {
  Pages free = Pages(std::numeric_limits<std::int64_t>::max());
  const Memcg* memcg = nullptr;
  Pages memcg_used{};
  std::int64_t reclaimed = std::numeric_limits<std::int64_t>::max();
};

// Every page was looked at, and too few could be freed.
struct FutileReclaim {
  Pages clean{};  // those left
  bool took_active = false;
};

// Work that new pages and buffers make, in batches.
struct BatchWork {
  std::int64_t refills = 0;  // an allocation did not find its object at hand
  std::int64_t lru = 0;
  std::int64_t nodes = 0;  // new ones of page trees

  bool any() const { return refills + lru + nodes > 0; }
};

// From 3.1 on.
struct FlexShares {
  FlexProportions shares;
  const Simulator* sim;
  Jiffies now() const { return shares.jiffies_at(sim->now()); }
};

}  // namespace wbsim
