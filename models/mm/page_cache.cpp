#include "models/mm/page_cache.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "models/mm/out_of_memory.hpp"
#include "models/mm/page_cache_run.hpp"
#include "sim/assert.hpp"

namespace wbsim {

namespace {
constexpr Pages kOne{1};
// Our reading of a measurement, not of the spec: the recorded kernels free some 320 pages at a
// time, about two batches more than lie between the watermarks.
constexpr std::int64_t kBatchesHeld = 2;
constexpr int kSwapClusterMax = 32;
// What the allocation of one page may take beside it: its buffers, the nodes of its tree.
constexpr Pages kLast{8};
}  // namespace

void PageCache::fail_out_of_memory() const {
  const auto count = [](Pages pages) { return std::to_string(pages.count()); };
  throw OutOfMemory("of the " + count(params().free_at_start) + " pages free at the start " +
                    count(kept_pages()) + " are dirty or being written, processes hold " +
                    count(memory_.locked()) + ", and " + count(clean_pages()) +
                    " clean ones cannot be freed; let less become dirty (vm.dirty_ratio, "
                    "vm.dirty_background_ratio) or give it more memory (/machine/memory, "
                    "/machine/free_at_start)");
}

PageCache::PageCache(MemoryParams params, Proportions completions, Proportions dirtyings)
    : memory_(params),
      pool_(static_cast<std::size_t>(params.total.count()) + 2),
      stats_(params.stat_threshold),
      completions_(completions),
      dirtyings_(dirtyings) {}

void PageCache::use_flex_shares(const FlexProportions& shares, const Simulator& sim) {
  flex_ = FlexShares{shares, &sim};
}

void PageCache::count_written_before(BackingDevInfo& bdi, Pages written, Jiffies when) {
  if (!flex_)
    completions_.add(bdi.completions, written.count());
  else if (written > Pages(0))
    flex_->shares.add(bdi.flex_completions, written.count(), bdi.max_ratio, when);
}

PropFraction PageCache::flex_fraction(BackingDevInfo& bdi) {
  return flex_->shares.fraction(bdi.flex_completions, flex_->now());
}

Pages PageCache::dirtyable_memory() const {
  const Pages free = free_pages();
  const Pages has_reserve = params().undirtyable_of_all ? free + file_pages() : free;
  const Pages all = free + file_pages() - std::min(has_reserve, params().undirtyable);
  return all - std::min(all, params().undirtyable_highmem(memory_.locked())) + kOne;
}

bool PageCache::has_room_for(int pages, int buffers) const {
  constexpr Pages kTreeNodes{2};  // in pages: a leaf and all that may grow above it
  const Pages kernel_memory = Pages(buffers / params().batches.buffer_heads + 1) + kTreeNodes;
  return free_pages() - Pages(pages) - kernel_memory >= params().low_watermark();
}

void PageCache::count_new_pages(AddressSpace& mapping, PageIndex first, std::int64_t count,
                                std::int64_t nodes_before) {
  if (std::int64_t nodes = nodes_.in_use() - nodes_before; nodes > 0) {
    if (shadow_nodes_ > 0 && mapping.shadows.take(first)) {
      --shadow_nodes_;
      --nodes;
    }
    memory_.add_tree_nodes(nodes);
  }
  memory_.add_file_pages(count);
  mapping.nrpages += count;
  counters_.nr_file_pages += Pages(count);
}

Page& PageCache::add_to_page_cache(AddressSpace& mapping, PageIndex index, Reclaim when) {
  if (free_pages() < params().low_watermark()) {
    if (when == Reclaim::kNow)
      reclaim();
    if (free_pages() < kLast)
      fail_out_of_memory();
  }
  const PageId id = allocate_page();
  Page& page = pool_[id];
  page = Page{};
  page.mapping = &mapping;
  page.index = index;
  page.set(PG_locked);
  const std::int64_t nodes = nodes_.in_use();
  mapping.pages.insert(index, id);
  count_new_pages(mapping, index, 1, nodes);
  lru_add_head(root_.inactive, page);
  return page;
}

void PageCache::charge(Page& page, Memcg& memcg) {
  lru_remove(root_.inactive, page);
  cgroups_->charge(id_of(page), memcg);
  lru_add_head(memcg.lru.inactive, page);
}

bool PageCache::try_lock_memory(Pages pages) {
  memory_.lock(pages);
  if (free_pages() < params().low_watermark())
    reclaim();
  if (free_pages() >= params().min_watermark())
    return true;
  memory_.unlock(pages);
  return false;
}

void PageCache::remove_from_page_cache(Page& page, Removal why) {
  WB_ASSERT(page.mapping && !page.test(PG_dirty) && !page.test(PG_writeback));
  WB_ASSERT(!page.test(PG_private));
  const std::int64_t nodes = nodes_.in_use();
  page.mapping->pages.erase(page.index);
  if (std::int64_t emptied = nodes - nodes_.in_use(); emptied > 0) {
    if (why == Removal::kReclaimed && shadow_nodes_ < most_shadow_nodes()) {
      page.mapping->shadows.keep(page.index);
      ++shadow_nodes_;
      --emptied;
    }
    memory_.remove_tree_nodes(emptied);
  }
  --page.mapping->nrpages;
  counters_.nr_file_pages -= kOne;
  Lruvec& lru = lruvec_of(page);
  lru_remove(page.test(PG_active) ? lru.active : lru.inactive, page);
  if (cgroups_)
    cgroups_->uncharge(id_of(page));
  wake_page(page, PG_locked);
  wake_page(page, PG_writeback);
  page.mapping = nullptr;
  page.flags = 0;
  if (page.count == 0)
    free_page(page);
}

void PageCache::truncate_shadows(AddressSpace& mapping, PageIndex first) {
  if (shadow_nodes_ == 0)
    return;
  const std::int64_t gone = mapping.shadows.truncate(first);
  shadow_nodes_ -= gone;
  memory_.remove_tree_nodes(gone);
}

// count_shadow_nodes(): as many as would, half full, stand for all pages in memory.
std::int64_t PageCache::most_shadow_nodes() const {
  return params().shadow_entries ? counters_.nr_file_pages.count() / 8 : 0;
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
  Lruvec& lru = lruvec_of(page);
  lru_remove(lru.inactive, page);
  page.set(PG_active);
  page.clear(PG_referenced);
  lru_add_head(lru.active, page);
}

void PageCache::make_dirty(Page& page, TaskStruct* dirtier) {
  page.set(PG_dirty);
  if (cgroups_)
    cgroups_->dirtied(*page.mapping, id_of(page), kOne);
  count_dirtied(*page.mapping->bdi, kOne, dirtier);
  page.mapping->pages.set_tag(page.index, PageTag::kDirty);
}

void PageCache::count_dirtied(BackingDevInfo& bdi, Pages count, TaskStruct* dirtier) {
  counters_.nr_file_dirty += count;
  counters_.nr_dirtied += count;
  stats_.dirtied(count.count());
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
  if (cgroups_)
    cgroups_->cleaned(id_of(page));
  counters_.nr_file_dirty -= kOne;
  counters_.nr_discarded += kOne;
  stats_.cleaned(1);
  page.mapping->bdi->reclaimable -= kOne;
  page.mapping->pages.clear_tag(page.index, PageTag::kDirty);
}

void PageCache::count_redirty(Page& page) {
  counters_.nr_redirtied += kOne;
  page.mapping->bdi->dirtied -= kOne;
}

void PageCache::discard_cleared_page() {
  counters_.nr_claimed -= kOne;
  counters_.nr_discarded += kOne;
}

void PageCache::set_page_writeback(Page& page) {
  WB_ASSERT(!page.test(PG_writeback));
  page.set(PG_writeback);
  if (cgroups_)
    cgroups_->writeback_started(id_of(page));
  counters_.nr_claimed -= kOne;
  counters_.nr_writeback += kOne;
  stats_.writeback_started(1);
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
  if (cgroups_)
    cgroups_->writeback_ended(id_of(page));
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
  stats_.writeback_ended(count);
  bdi.writeback -= Pages(count);
  bdi.written += Pages(count);
  if (bdi.memcg)
    MemoryCgroups::count_written(bdi, count);
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

std::uint64_t PageCache::wait_key(const Page& page, PageFlag bit) const {
  return std::uint64_t{2} * id_of(page) + (bit == PG_locked ? 0 : 1);
}

void PageCache::wake_page(Page& page, PageFlag bit) {
  if (!page.test(waiters_flag(bit)))
    return;
  page.clear(waiters_flag(bit));
  waits_.wake_all(wait_key(page, bit));
}

Lruvec& PageCache::lruvec_of(const Page& page) {
  return cgroups_ ? lruvec_of(cgroups_->owner(id_of(page))) : root_;
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
  remove_from_page_cache(page, Removal::kReclaimed);
  ++reclaimed_;
  return true;
}

bool PageCache::reached(const ReclaimGoal& goal) const {
  return free_pages() >= goal.free || reclaimed_ >= goal.reclaimed ||
         (goal.memcg && goal.memcg->used() <= goal.memcg_used);
}

// Active pages are taken only when the inactive ones do not do.
void PageCache::shrink(Lruvec& lru, const ReclaimGoal& goal, bool takes_active) {
  while (lru.active.size > (takes_active ? 0 : lru.inactive.size)) {
    Page& oldest = pool_[lru.active.tail];
    lru_remove(lru.active, oldest);
    oldest.clear(PG_active);
    oldest.clear(PG_referenced);
    lru_add_head(lru.inactive, oldest);
  }
  shrink_inactive(lru.inactive, goal);
}

// Up to the high watermark, and the two batches that per-processor lists keep from the zone's
// count. After all pages were looked at in vain no more can be freed than became clean since.
void PageCache::reclaim() {
  memory_.shrink_slab();
  ReclaimGoal goal;
  const bool takes_active = free_pages() < params().min_watermark();
  if (futile_ && (futile_->took_active || !takes_active)) {
    const std::int64_t gained = (clean_pages() - futile_->clean).count();
    if (gained == 0)
      return;
    goal.reclaimed = reclaimed_ + std::max<std::int64_t>(gained, kSwapClusterMax);
  }
  goal.free = params().high_watermark() + Pages(kBatchesHeld * params().batches.allocated);
  if (cgroups_) {
    reclaim_from_all(goal);
  } else {
    shrink(root_, goal, false);
    if (free_pages() < params().min_watermark())
      shrink(root_, goal, true);
  }
  futile_.reset();
  if (free_pages() < goal.free)
    futile_ = {clean_pages(), takes_active};
}

bool PageCache::is_full() const {
  return futile_ && futile_->took_active && futile_->clean == clean_pages() &&
         free_pages() < params().min_watermark();
}

Pages PageCache::kept_pages() const {
  const VmCounters& c = counters_;
  const Pages by_buffers = releaser_ ? releaser_->pages_kept() : Pages(0);
  return c.nr_file_dirty + c.nr_claimed + c.nr_writeback + by_buffers;
}

// shrink_node_memcgs(): from each lruvec by its size.
void PageCache::reclaim_from_all(const ReclaimGoal& goal) {
  const auto for_each_lruvec = [this](auto&& f) {
    f(root_);
    for (Memcg& memcg : cgroups_->all())
      f(memcg.lru);
  };
  const std::int64_t missing = (goal.free - free_pages()).count();
  const std::int64_t pages = std::max<std::int64_t>(counters_.nr_file_pages.count(), 1);
  for_each_lruvec([&](Lruvec& lru) {
    ReclaimGoal share = goal;
    share.reclaimed = reclaimed_ + missing * (lru.inactive.size + lru.active.size) / pages + 1;
    shrink(lru, share, false);
  });
  for_each_lruvec([&](Lruvec& lru) { shrink(lru, goal, free_pages() < params().min_watermark()); });
}

void PageCache::make_room(Memcg& memcg, Pages pages) {
  // It changes when pages were written, or as many were added as are freed at a time.
  const std::int64_t now = memcg.written + memcg.file.count() / kSwapClusterMax;
  if (memcg.used() + pages <= memcg.limit || now == memcg.futile_at)
    return;
  ReclaimGoal goal;
  goal.memcg = &memcg;
  goal.memcg_used = memcg.limit - std::min(memcg.limit, std::max(pages, Pages(kSwapClusterMax)));
  shrink(memcg.lru, goal, false);
  if (memcg.used() + pages > memcg.limit)
    shrink(memcg.lru, goal, true);
  if (memcg.used() + pages > memcg.limit)
    memcg.futile_at = now;
}

void PageCache::reclaim_directly() {
  ReclaimGoal goal;
  goal.free = free_pages() + Pages(kSwapClusterMax);
  shrink_inactive(root_.inactive, goal);
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

// Until it is reached, or every page was looked at once.
void PageCache::shrink_inactive(LruList& inactive, const ReclaimGoal& goal) {
  for (std::int64_t looked_at = inactive.size; looked_at > 0; --looked_at) {
    if (reached(goal))
      return;
    Page& page = pool_[inactive.tail];
    look_at_batch(page);
    if (try_to_reclaim(page))
      continue;
    lru_remove(inactive, page);
    lru_add_head(inactive, page);
  }
}

void PageCache::check() const {
  WB_ASSERT(counters_.conserved());
  WB_ASSERT(memory_.tree_nodes() == nodes_.in_use() + shadow_nodes_);
  std::vector<VmCounters> by_owner(cgroups_ ? cgroups_->all().size() + 1 : 1);
  VmCounters recount;
  for (PageId id = 1; id < next_unused_; ++id) {
    const Page& page = pool_[id];
    if (!page.mapping)
      continue;
    const int owner = cgroups_ ? cgroups_->owner_id(id) : 0;
    VmCounters& own = by_owner[static_cast<std::size_t>(owner)];
    own.nr_file_pages += kOne;
    WB_ASSERT(page.mapping->pages.find(page.index) == id);
    const bool writeback = page.mapping->pages.tagged(page.index, PageTag::kWriteback);
    WB_ASSERT(writeback == page.test(PG_writeback));
    if (page.test(PG_dirty)) {
      WB_ASSERT(page.mapping->pages.tagged(page.index, PageTag::kDirty));
      own.nr_file_dirty += kOne;
    }
    if (page.test(PG_writeback))
      own.nr_writeback += kOne;
  }
  const auto check_lru = [&](const Lruvec& lru, const VmCounters& own) {
    WB_ASSERT(lru.inactive.size + lru.active.size == own.nr_file_pages.count());
    recount.nr_file_pages += own.nr_file_pages;
    recount.nr_file_dirty += own.nr_file_dirty;
    recount.nr_writeback += own.nr_writeback;
  };
  check_lru(root_, by_owner[0]);
  for (std::size_t i = 1; i < by_owner.size(); ++i) {
    const Memcg& memcg = cgroups_->all()[i - 1];
    check_lru(memcg.lru, by_owner[i]);
    WB_ASSERT(memcg.file == by_owner[i].nr_file_pages);
    WB_ASSERT(memcg.file_dirty == by_owner[i].nr_file_dirty);
    WB_ASSERT(memcg.file_writeback == by_owner[i].nr_writeback);
  }
  WB_ASSERT(recount.nr_file_pages == counters_.nr_file_pages);
  WB_ASSERT(recount.nr_file_dirty == counters_.nr_file_dirty);
  WB_ASSERT(recount.nr_writeback == counters_.nr_writeback);
}

}  // namespace wbsim
