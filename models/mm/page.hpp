// A page of the page cache: struct page of 2.6, 32 bytes.
#pragma once

#include <cstdint>

namespace wbsim {

class AddressSpace;

using PageId = std::uint32_t;     // 0: none
using PageIndex = std::uint32_t;  // position in the file, in pages: files up to 16 TiB

enum PageFlag : std::uint16_t {
  PG_locked = 1 << 0,  // exclusive owner: from tag lookup until submission is finished
  PG_error = 1 << 1,   // failed I/O or block mapping; filemap_fdatawait tests and clears it
  PG_referenced = 1 << 2,
  PG_uptodate = 1 << 3,
  PG_dirty = 1 << 4,        // not the DIRTY tag: see AddressSpace
  PG_active = 1 << 5,       // on the active list
  PG_private = 1 << 6,      // `buffers` is a ring
  PG_writeback = 1 << 7,    // at least one write of the page is in flight
  PG_waiters = 1 << 8,      // somebody sleeps on PG_locked
  PG_unevictable = 1 << 9,  // held in memory by the scenario
  PG_writeback_waiters = 1 << 10,
};

// That somebody sleeps on one of the two.
inline PageFlag waiters_flag(PageFlag bit) {
  return bit == PG_locked ? PG_waiters : PG_writeback_waiters;
}

struct Page {
  AddressSpace* mapping;  // null after truncation and while free
  PageIndex index;
  std::uint32_t buffers;      // in its ring; 2.4: the number of the first
  PageId lru_prev, lru_next;  // reclaim list; lru_next also links free pages
  std::uint16_t flags;
  std::uint16_t count;    // references beside the cache's own
  std::uint32_t b_count;  // references to its buffers: above 0 none is freed

  bool test(PageFlag flag) const { return (flags & flag) != 0; }
  void set(PageFlag flag) { flags = static_cast<std::uint16_t>(flags | flag); }
  void clear(PageFlag flag) { flags = static_cast<std::uint16_t>(flags & ~flag); }
};
static_assert(sizeof(Page) == 32);

}  // namespace wbsim
