// What PageCache does for each page that is new, where it is compiled into the caller's loop.
#pragma once

#include <array>
#include <span>

#include "models/mm/page_cache.hpp"

namespace wbsim {

inline PageId PageCache::allocate_page() {
  PageId id = free_list_;
  if (id != 0) {
    free_list_ = pool_[id].lru_next;
  } else {
    id = next_unused_++;
    if (id >= pool_.capacity())
      fail_out_of_memory();
  }
  return id;
}

template <class Attach>
void PageCache::add_written_pages(AddressSpace& mapping, PageIndex first, int count,
                                  bool referenced, TaskStruct* dirtier, Attach attach) {
  constexpr unsigned kWritten = PG_uptodate | PG_dirty | PG_private;
  const auto flags = static_cast<std::uint16_t>(referenced ? kWritten | PG_referenced : kWritten);
  Memcg* const memcg = dirtier ? dirtier->memcg : nullptr;
  LruList& inactive = lruvec_of(memcg).inactive;
  std::array<PageId, 64> ids;
  const std::span<PageId> run(ids.data(), static_cast<std::size_t>(count));
  for (PageId& id : run) {
    id = allocate_page();
    pool_[id] = Page{.mapping = &mapping,
                     .index = first++,
                     .buffers = attach(id),
                     .lru_prev = 0,
                     .lru_next = 0,
                     .flags = flags,
                     .count = 0,
                     .b_count = 0};
    lru_add_head(inactive, pool_[id]);
  }
  const std::int64_t nodes = nodes_.in_use();
  const PageIndex begin = first - static_cast<PageIndex>(count);
  mapping.pages.insert_dirty(begin, run);
  count_new_pages(mapping, begin, count, nodes);
  if (cgroups_) {
    for (const PageId id : run)
      if (memcg)
        cgroups_->charge(id, *memcg);
    cgroups_->dirtied(mapping, run.front(), Pages(count));
  }
  count_dirtied(*mapping.bdi, Pages(count), dirtier);
}

inline void PageCache::lru_add_head(LruList& list, Page& page) {
  const PageId id = id_of(page);
  page.lru_prev = 0;
  page.lru_next = list.head;
  (list.head != 0 ? pool_[list.head].lru_prev : list.tail) = id;
  list.head = id;
  ++list.size;
}

}  // namespace wbsim
