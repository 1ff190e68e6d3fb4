// The page cache of a machine: allocation, reclaim, and the only place that changes page state bits
// together with the counters and tags that follow them.
//
// MODELS:   mm/filemap.c, mm/page-writeback.c, mm/vmscan.c and mm/swap.c of 2.6.24 - 2.6.32, and
//           what 3.10 and 6.1 count besides.
// DEVIATES: reclaim takes clean file pages only, in one go when free memory falls below the low
//           watermark, by whoever allocates; no anonymous memory but what processes lock; high
//           memory counts, but no page lies in a zone; the time it takes is kswapd's (kswapd.hpp).
#pragma once

#include <optional>
#include <span>

#include "models/mm/address_space.hpp"
#include "models/mm/memory_cgroups.hpp"
#include "models/mm/memory_use.hpp"
#include "models/mm/node_stats.hpp"
#include "models/mm/page.hpp"
#include "models/mm/page_cache_setup.hpp"
#include "models/mm/task_struct.hpp"
#include "models/mm/vm_counters.hpp"
#include "sim/assert.hpp"
#include "sim/keyed_waits.hpp"
#include "sim/reserved_array.hpp"
#include "sim/simulator.hpp"

namespace wbsim {

class PageCache {
 public:
  PageCache(MemoryParams params, Proportions completions, Proportions dirtyings);
  PageCache(const PageCache&) = delete;
  void set_releaser(PageReleaser& releaser) { releaser_ = &releaser; }
  // Completions count for shares over time instead of over completions.
  void use_flex_shares(const FlexProportions& shares, const Simulator& sim);
  // Completions of before the simulation, all at one time.
  void count_written_before(BackingDevInfo& bdi, Pages written, Jiffies when);
  PropFraction flex_fraction(BackingDevInfo& bdi);
  void use_cgroups(MemoryCgroups& cgroups) { cgroups_ = &cgroups; }
  MemoryCgroups* cgroups() { return cgroups_; }
  void charge(Page& page, Memcg& memcg);  // for a page that was just added
  // Frees clean pages of the cgroup, if so many more would take it over its limit.
  void make_room(Memcg& memcg, Pages pages);
  void set_writeback_listener(WritebackListener& listener) { writeback_listener_ = &listener; }

  Page& page(PageId id) { return pool_[id]; }
  PageId id_of(const Page& page) const { return static_cast<PageId>(pool_.index_of(page)); }
  PageTreeNodes& tree_nodes() { return nodes_; }
  const VmCounters& counters() const { return counters_; }
  const NodeStats& stats() const { return stats_; }
  NodeStats& stats() { return stats_; }
  Proportions& completions() { return completions_; }
  Proportions& dirtyings() { return dirtyings_; }

  Page* find_get_page(AddressSpace& mapping, PageIndex index) {
    const PageId id = mapping.pages.find(index);
    return id == 0 ? nullptr : &pool_[id];
  }
  // A new page, locked and on the inactive list.
  Page& add_to_page_cache(AddressSpace& mapping, PageIndex index, Reclaim when = Reclaim::kNow);
  // A run of them for which the tree has room in one leaf, as write(2) leaves pages that it wrote
  // as a whole: dirty and unlocked. attach(id) gives each its buffers. There must be room for them.
  template <class Attach>
  void add_written_pages(AddressSpace& mapping, PageIndex first, int count, bool referenced,
                         TaskStruct* dirtier, Attach attach);
  // So many pages can be added, and `buffers` buffer heads with them, before reclaim has to run.
  bool has_room_for(int pages, int buffers) const;
  // The page must be clean and idle; its buffers must be gone. Who still holds it sees that it has
  // no mapping any more; the last one to let go frees it.
  enum class Removal : std::uint8_t { kReclaimed, kInvalidated };
  void remove_from_page_cache(Page& page, Removal why = Removal::kInvalidated);
  // The mapping ends before this page: nothing is left of those that reclaim took.
  void truncate_shadows(AddressSpace& mapping, PageIndex first);
  void get_page(Page& page) { ++page.count; }
  void put_page(Page& page) {
    WB_ASSERT(page.count > 0);
    if (--page.count == 0 && !page.mapping)
      free_page(page);
  }
  void mark_page_accessed(Page& page);
  void activate_page(Page& page);

  // __set_page_dirty(): PG_dirty, DIRTY tag and counters; false when it was dirty already.
  // `dirtier` may be null. The caller marks the inode dirty.
  bool set_page_dirty(Page& page, TaskStruct* dirtier) {
    if (page.test(PG_dirty))
      return false;
    make_dirty(page, dirtier);
    return true;
  }
  // account_page_redirty(): the page just dirtied again was not written.
  void count_redirty(Page& page);
  bool clear_page_dirty_for_io(Page& page) {
    WB_ASSERT(page.test(PG_locked));
    if (!page.test(PG_dirty))
      return false;
    page.clear(PG_dirty);
    counters_.nr_file_dirty -= Pages(1);
    counters_.nr_claimed += Pages(1);
    stats_.cleaned(1);
    page.mapping->bdi->reclaimable -= Pages(1);
    if (cgroups_)
      cgroups_->cleaned(id_of(page));
    return true;
  }
  // The page goes away, or its buffers prove clean: no write-back will happen.
  void cancel_dirty_page(Page& page);
  // A page that clear_page_dirty_for_io() took and nobody will write.
  void discard_cleared_page();
  void set_page_writeback(Page& page);
  void end_page_writeback(Page& page);
  // The pages of one bio, all of one device.
  void end_page_writeback(std::span<const PageId> pages);
  // Its two halves: for each page, and for all of them together.
  void clear_page_writeback(Page& page);
  void account_writeback_end(BackingDevInfo& bdi, std::int64_t count);

  void unlock_page(Page& page) {
    WB_ASSERT(page.test(PG_locked));
    page.clear(PG_locked);
    if (page.test(PG_waiters))
      wake_page(page, PG_locked);
  }
  // wait_on_page_bit() of PG_locked or PG_writeback: co_await it at once, then look again.
  WaitQueue::Awaiter wait_on_bit(Page& page, PageFlag bit, const char* what,
                                 const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
    page.set(waiters_flag(bit));
    return waits_.wait(wait_key(page, bit), what, file, line);
  }

  // Memory that a process keeps, never swapped. False, and nothing taken, while reclaim cannot free
  // as much.
  bool try_lock_memory(Pages pages);
  MemoryUse& memory() { return memory_; }
  const MemoryUse& memory() const { return memory_; }
  Pages free_pages() const { return memory_.free_pages(counters_.nr_file_pages); }
  const MemoryParams& params() const { return memory_.params(); }
  // Cached before the start counts as inactive.
  Pages inactive_pages() const { return Pages(root_.inactive.size) + params().file_pages_at_start; }
  Pages active_pages() const { return Pages(root_.active.size); }
  Pages dirtyable_memory() const;  // determine_dirtyable_memory(), global_dirtyable_memory()
  Pages file_pages() const { return params().file_pages_at_start + counters_.nr_file_pages; }
  std::int64_t reclaimed() const { return reclaimed_; }  // pages, so far
  void reclaim_directly();  // as many as a task frees at a time for itself
  void reclaim();           // up to the high watermark
  bool is_full() const;     // below the lowest watermark, with nothing that reclaim could take
  void look_again() { futile_.reset(); }  // pages may have been unlocked meanwhile
  Pages kept_pages() const;               // dirty or on their way to a disk
  [[noreturn, gnu::cold]] void fail_out_of_memory() const;
  // Recounts every page; throws when a counter, tag or list disagrees. For tests and debug runs.
  void check() const;

 private:
  Lruvec& lruvec_of(Memcg* memcg) { return memcg ? memcg->lru : root_; }
  Lruvec& lruvec_of(const Page& page);
  PageId allocate_page();
  void count_new_pages(AddressSpace& mapping, PageIndex first, std::int64_t count,
                       std::int64_t nodes_before);
  std::int64_t most_shadow_nodes() const;
  void make_dirty(Page& page, TaskStruct* dirtier);
  void count_dirtied(BackingDevInfo& bdi, Pages count, TaskStruct* dirtier);
  void lru_add_head(LruList& list, Page& page);
  void lru_remove(LruList& list, Page& page);
  bool try_to_reclaim(Page& page);
  bool reached(const ReclaimGoal& goal) const;
  Pages clean_pages() const { return counters_.nr_file_pages - kept_pages(); }
  void shrink_inactive(LruList& inactive, const ReclaimGoal& goal);
  void shrink(Lruvec& lru, const ReclaimGoal& goal, bool takes_active);
  void reclaim_from_all(const ReclaimGoal& goal);
  void look_at_batch(const Page& page);
  void free_page(Page& page);
  std::uint64_t wait_key(const Page& page, PageFlag bit) const;
  void wake_page(Page& page, PageFlag bit);
  void inode_writeback_ended(BackingDevInfo& bdi);

  MemoryUse memory_;
  ReservedArray<Page> pool_;
  PageId next_unused_ = 1;
  PageId free_list_ = 0;
  PageTreeNodes nodes_;
  VmCounters counters_;
  NodeStats stats_;
  Proportions completions_;
  Proportions dirtyings_;
  Lruvec root_;
  MemoryCgroups* cgroups_ = nullptr;
  std::int64_t reclaimed_ = 0;
  std::int64_t shadow_nodes_ = 0;
  std::optional<FutileReclaim> futile_;
  int batch_taken_ = 0, batch_unqueued_dirty_ = 0;  // of the pages reclaim isolates at a time
  PageReleaser* releaser_ = nullptr;
  std::optional<FlexShares> flex_;
  WritebackListener* writeback_listener_ = nullptr;
  KeyedWaits<128> waits_;  // on a bit of a page
};

}  // namespace wbsim
