#include "models/mm/page_cache.hpp"

#include <algorithm>

#include "models/mm/page_cache_run.hpp"
#include "sim/assert.hpp"

namespace wbsim {

namespace {
constexpr Pages kOne{1};
// Our reading of a measurement, not of the spec: the recorded kernels free some 320 pages at a
// time, about two batches more than lie between the watermarks.
constexpr std::int64_t kBatchesHeld = 2;
constexpr int kSwapClusterMax = 32;
}  // namespace

PageCache::PageCache(MemoryParams params, Proportions completions, Proportions dirtyings)
    : params_(params),
      pool_(static_cast<std::size_t>(params.total.count()) + 2),
      completions_(completions),
      dirtyings_(dirtyings),
      tree_nodes_(kTreeNodesPerPage, params.batches.tree_nodes),
      page_batches_(params.batches.allocated),
      lru_vector_(params.batches.lru) {}

void PageCache::use_flex_shares(const FlexProportions& shares, const Simulator& sim) {
  flex_ = FlexShares{shares, &sim};
}

void PageCache::count_written_before(BackingDevInfo& bdi, Pages written, Jiffies when) {
  if (flex_ && written > Pages(0))
    flex_->shares.add(bdi.flex_completions, written.count(), bdi.max_ratio, when);
}

PropFraction PageCache::flex_fraction(BackingDevInfo& bdi) {
  return flex_->shares.fraction(bdi.flex_completions, flex_->now());
}

Pages PageCache::dirtyable_memory() const {
  const Pages free = free_pages();
  const Pages all = free - std::min(free, params_.undirtyable) + file_pages();
  return all - std::min(all, params_.undirtyable_highmem(locked_memory_)) + kOne;
}

bool PageCache::has_room_for(int pages, int buffers) const {
  constexpr Pages kTreeNodes{2};  // in pages: a leaf and all that may grow above it
  const Pages kernel_memory = Pages(buffers / kBufferHeadsPerPage + 1) + kTreeNodes;
  return free_pages() - Pages(pages) - kernel_memory >= low_watermark();
}

void PageCache::count_new_pages(AddressSpace& mapping, std::int64_t count,
                                std::int64_t nodes_before) {
  if (nodes_.in_use() > nodes_before)
    batch_work_.refills += tree_nodes_.allocate(nodes_.in_use() - nodes_before);
  batch_work_.refills += page_batches_.allocate(count);
  batch_work_.lru += lru_vector_.add(count);
  mapping.nrpages += count;
  counters_.nr_file_pages += Pages(count);
}

Page& PageCache::add_to_page_cache(AddressSpace& mapping, PageIndex index, Reclaim when) {
  if (free_pages() < low_watermark() && when == Reclaim::kNow)
    reclaim();
  const PageId id = allocate_page();
  Page& page = pool_[id];
  page = Page{};
  page.mapping = &mapping;
  page.index = index;
  page.set(PG_locked);
  const std::int64_t nodes = nodes_.in_use();
  mapping.pages.insert(index, id);
  count_new_pages(mapping, 1, nodes);
  lru_add_head(inactive_, page);
  return page;
}

bool PageCache::try_lock_memory(Pages pages) {
  locked_memory_ += pages;
  if (free_pages() < low_watermark())
    reclaim();
  if (free_pages() >= params_.min_free)
    return true;
  locked_memory_ -= pages;
  return false;
}

void PageCache::remove_from_page_cache(Page& page) {
  WB_ASSERT(page.mapping && !page.test(PG_dirty) && !page.test(PG_writeback));
  WB_ASSERT(!page.test(PG_private));
  page.mapping->pages.erase(page.index);
  tree_nodes_.free(tree_nodes_.objects() - nodes_.in_use());
  --page.mapping->nrpages;
  counters_.nr_file_pages -= kOne;
  lru_remove(lru_of(page), page);
  wake_page(page, PG_locked);
  wake_page(page, PG_writeback);
  page.mapping = nullptr;
  page.flags = 0;
  if (page.count == 0)
    free_page(page);
}

void PageCache::free_page(Page& page) {
  page.lru_next = free_list_;
  free_list_ = id_of(page);
}

void PageCache::mark_page_accessed(Page& page) {
  if (page.test(PG_active) || !page.test(PG_referenced))
    page.set(PG_referenced);
  else
    activate_page(page);
}

void PageCache::activate_page(Page& page) {
  WB_ASSERT(!page.test(PG_active));
  lru_remove(inactive_, page);
  page.set(PG_active);
  page.clear(PG_referenced);
  lru_add_head(active_, page);
}

void PageCache::make_dirty(Page& page, TaskStruct* dirtier) {
  page.set(PG_dirty);
  count_dirtied(*page.mapping->bdi, kOne, dirtier);
  page.mapping->pages.set_tag(page.index, PageTag::kDirty);
}

void PageCache::count_dirtied(BackingDevInfo& bdi, Pages count, TaskStruct* dirtier) {
  counters_.nr_file_dirty += count;
  counters_.nr_dirtied += count;
  bdi.reclaimable += count;
  bdi.dirtied += count;
  counters_.peak_dirty = std::max(counters_.peak_dirty, counters_.nr_file_dirty);
  counters_.peak_dirty_and_writeback = std::max(counters_.peak_dirty_and_writeback,
                                                counters_.nr_file_dirty + counters_.nr_writeback);
  if (dirtier) {
    dirtyings_.add(dirtier->dirties, count.count());
    dirtier->nr_dirtied += count;
    dirtier->dirtied_uncounted += count;
  }
}

void PageCache::cancel_dirty_page(Page& page) {
  if (!page.test(PG_dirty))
    return;
  page.clear(PG_dirty);
  counters_.nr_file_dirty -= kOne;
  counters_.nr_discarded += kOne;
  page.mapping->bdi->reclaimable -= kOne;
  page.mapping->pages.clear_tag(page.index, PageTag::kDirty);
}

void PageCache::set_page_writeback(Page& page) {
  WB_ASSERT(!page.test(PG_writeback));
  page.set(PG_writeback);
  counters_.nr_claimed -= kOne;
  counters_.nr_writeback += kOne;
  counters_.peak_writeback = std::max(counters_.peak_writeback, counters_.nr_writeback);
  page.mapping->bdi->writeback += kOne;
  if (page.mapping->pages.tag_writeback(page.index, page.test(PG_dirty)))
    ++page.mapping->bdi->writeback_inodes;
}

void PageCache::end_page_writeback(Page& page) {
  clear_page_writeback(page);
  account_writeback_end(*page.mapping->bdi, 1);
}

void PageCache::end_page_writeback(std::span<const PageId> pages) {
  BackingDevInfo& bdi = *pool_[pages.front()].mapping->bdi;
  for (const PageId id : pages)
    clear_page_writeback(pool_[id]);
  account_writeback_end(bdi, static_cast<std::int64_t>(pages.size()));
}

void PageCache::clear_page_writeback(Page& page) {
  WB_ASSERT(page.test(PG_writeback));
  page.clear(PG_writeback);
  if (page.mapping->pages.clear_tag(page.index, PageTag::kWriteback))
    inode_writeback_ended(*page.mapping->bdi);
  if (page.test(PG_writeback_waiters))
    wake_page(page, PG_writeback);
}

void PageCache::inode_writeback_ended(BackingDevInfo& bdi) {
  --bdi.writeback_inodes;
  if (writeback_listener_)
    writeback_listener_->inode_writeback_ended(bdi);
}

void PageCache::account_writeback_end(BackingDevInfo& bdi, std::int64_t count) {
  counters_.nr_writeback -= Pages(count);
  counters_.nr_written += Pages(count);
  bdi.writeback -= Pages(count);
  bdi.written += Pages(count);
  if (flex_) {
    flex_->shares.add(bdi.flex_completions, count, bdi.max_ratio, flex_->now());
    return;
  }
  if (bdi.max_ratio >= 100) {
    completions_.add(bdi.completions, count);
    return;
  }
  for (; count > 0; --count)
    completions_.add_limited(bdi.completions, bdi.max_ratio);
}

void PageCache::wake_page(Page& page, PageFlag bit) {
  if (!page.test(waiters_flag(bit)))
    return;
  page.clear(waiters_flag(bit));
  waits_.wake_all(wait_key(page, bit));
}

void PageCache::lru_remove(LruList& list, Page& page) {
  (page.lru_prev != 0 ? pool_[page.lru_prev].lru_next : list.head) = page.lru_next;
  (page.lru_next != 0 ? pool_[page.lru_next].lru_prev : list.tail) = page.lru_prev;
  --list.size;
}

bool PageCache::try_to_reclaim(Page& page) {
  constexpr std::uint16_t kBusy = PG_locked | PG_dirty | PG_writeback | PG_unevictable;
  if ((page.flags & kBusy) != 0 || page.count != 0)
    return false;
  if (page.test(PG_private) && !(releaser_ && releaser_->try_to_release_page(page)))
    return false;
  remove_from_page_cache(page);
  ++reclaimed_;
  return true;
}

// Up to the high watermark, and the two batches that per-processor lists keep from the zone's
// count. Active pages are taken only when the inactive ones do not do.
void PageCache::reclaim() {
  const Pages goal = params_.min_free * 3 / 2 + Pages(kBatchesHeld * params_.batches.allocated);
  while (active_.size > inactive_.size)
    deactivate_oldest();
  shrink_inactive(goal);
  if (free_pages() >= params_.min_free)
    return;
  while (active_.size > 0)
    deactivate_oldest();
  shrink_inactive(goal);
}

void PageCache::reclaim_directly() {
  shrink_inactive(free_pages() + Pages(kSwapClusterMax));
}

// shrink_inactive_list(): pages are isolated 32 at a time.
void PageCache::look_at_batch(const Page& page) {
  ++batch_taken_;
  if (page.test(PG_dirty) && !page.test(PG_writeback))
    ++batch_unqueued_dirty_;
  if (batch_taken_ < kSwapClusterMax)
    return;
  if (batch_unqueued_dirty_ == batch_taken_ && writeback_listener_)
    writeback_listener_->dirty_pages_at_lru_tail();
  batch_taken_ = batch_unqueued_dirty_ = 0;
}

// Until the goal is reached, or every page was looked at once.
void PageCache::shrink_inactive(Pages goal) {
  for (std::int64_t looked_at = inactive_.size; looked_at > 0; --looked_at) {
    if (free_pages() >= goal)
      return;
    Page& page = pool_[inactive_.tail];
    look_at_batch(page);
    if (try_to_reclaim(page))
      continue;
    lru_remove(inactive_, page);
    lru_add_head(inactive_, page);
  }
}

void PageCache::deactivate_oldest() {
  Page& page = pool_[active_.tail];
  lru_remove(active_, page);
  page.clear(PG_active);
  page.clear(PG_referenced);
  lru_add_head(inactive_, page);
}

void PageCache::check() const {
  WB_ASSERT(counters_.conserved());
  WB_ASSERT(tree_nodes_.objects() == nodes_.in_use());
  VmCounters recount;
  for (PageId id = 1; id < next_unused_; ++id) {
    const Page& page = pool_[id];
    if (!page.mapping)
      continue;
    recount.nr_file_pages += kOne;
    WB_ASSERT(page.mapping->pages.find(page.index) == id);
    const bool writeback = page.mapping->pages.tagged(page.index, PageTag::kWriteback);
    WB_ASSERT(writeback == page.test(PG_writeback));
    if (page.test(PG_dirty)) {
      WB_ASSERT(page.mapping->pages.tagged(page.index, PageTag::kDirty));
      recount.nr_file_dirty += kOne;
    }
    if (page.test(PG_writeback))
      recount.nr_writeback += kOne;
  }
  WB_ASSERT(recount.nr_file_pages == counters_.nr_file_pages);
  WB_ASSERT(recount.nr_file_dirty == counters_.nr_file_dirty);
  WB_ASSERT(recount.nr_writeback == counters_.nr_writeback);
  WB_ASSERT(recount.nr_file_pages.count() == inactive_.size + active_.size);
}

}  // namespace wbsim
