// struct buffer_head of 2.4: one block in memory, and the lists it can be on.
//
// MODELS:   include/linux/fs.h of 2.4.0 and 2.4.17.
// DEVIATES: no b_reqnext (bios link what a request carries), no b_rsector; BUF_PROTECTED of 2.4.0,
//           which only ram disks use, is left out.
#pragma once

#include <boost/intrusive/list.hpp>
#include <cstdint>

#include "models/mm/page.hpp"
#include "sim/units.hpp"

namespace wbsim {
struct Inode;
}

namespace wbsim::v24 {

enum BufferState : std::uint16_t {
  BH_Uptodate = 1 << 0,
  BH_Dirty = 1 << 1,
  BH_Lock = 1 << 2,
  BH_Req = 1 << 3,      // submitted at least once
  BH_Mapped = 1 << 4,   // b_dev and b_blocknr are valid
  BH_New = 1 << 5,      // just allocated: what is on the disk is garbage
  BH_Async = 1 << 6,    // part of a whole-page transfer: its end unlocks the page
  BH_Wait_IO = 1 << 7,  // 2.4.17: reclaim saw it busy once; the second visit writes it
  BH_launder = 1 << 8,  // 2.4.17: reclaim wrote it, and may wait for it
  BH_Waiters = 1 << 9,  // somebody sleeps on BH_Lock
};

enum BufferList : std::uint8_t { BUF_CLEAN, BUF_LOCKED, BUF_DIRTY, NR_LIST };

enum class EndIo : std::uint8_t { kNone, kSyncWrite, kSyncRead, kAsyncWrite, kAsyncRead };

inline constexpr int kMaxBufPerPage = 8;  // MAX_BUF_PER_PAGE = PAGE / 512

// Bytes of buffers by what became of them.
struct BufferLedger {
  Bytes dirty{}, writeback{};
  // Clean to dirty; written; dropped dirty: bforget(), truncation.
  Bytes dirtied{}, written{}, discarded{};
  Bytes peak_dirty{}, peak_writeback{}, peak_both{};

  bool conserved() const { return dirtied == written + dirty + writeback + discarded; }
};

// kdev_t, with what hangs on it.
struct BlockDevice {
  int number = 0;
  Inode* inode = nullptr;          // of the device or partition
  BufferLedger* ledger = nullptr;  // of its disk; may be null
};

struct InodeBuffers;

struct BufferHead {
  using Hook = boost::intrusive::list_member_hook<
      boost::intrusive::link_mode<boost::intrusive::normal_link>>;

  Hook b_hash;           // b_next, b_pprev
  Hook b_free;           // b_next_free, b_prev_free: in an LRU list, a free list or the unused list
  Hook b_inode_buffers;  // in its inode's list of dirty buffers
  BlockDevice* b_dev = nullptr;  // null: B_FREE
  std::int64_t b_blocknr = 0;    // in units of b_size
  Jiffies b_flushtime{};         // when the dirty buffer is old
  BufferHead* b_this_page = nullptr;
  Page* b_page = nullptr;
  InodeBuffers* b_inode = nullptr;  // whose list it is on
  std::uint32_t b_id = 0;           // its number; Page::buffers holds that of the first
  std::uint16_t b_state = 0;
  std::uint16_t b_size = 0;   // bytes, 512 to 4096
  std::uint16_t b_count = 0;  // references
  BufferList b_list = BUF_CLEAN;
  EndIo b_end_io = EndIo::kNone;
  bool on_lru = false;   // b_free is in lru_list[b_list]
  bool on_free = false;  // b_free is in its free list
  bool hashed = false;

  bool test(BufferState bit) const { return (b_state & bit) != 0; }
  bool test_all(unsigned bits) const { return (b_state & bits) == bits; }
  void set(unsigned bits) { b_state = static_cast<std::uint16_t>(b_state | bits); }
  void clear(unsigned bits) { b_state = static_cast<std::uint16_t>(b_state & ~bits); }
  bool busy() const { return b_count > 0 || test(BH_Dirty) || test(BH_Lock); }
};
static_assert(sizeof(BufferHead) <= 120);

template <BufferHead::Hook BufferHead::*hook>
using BufferChain =
    boost::intrusive::list<BufferHead,
                           boost::intrusive::member_hook<BufferHead, BufferHead::Hook, hook>,
                           boost::intrusive::constant_time_size<false>>;
using HashChain = BufferChain<&BufferHead::b_hash>;
using FreeChain = BufferChain<&BufferHead::b_free>;
using InodeChain = BufferChain<&BufferHead::b_inode_buffers>;

// i_dirty_buffers or i_dirty_data_buffers of an inode: the newest first.
struct InodeBuffers {
  InodeChain list;
};

}  // namespace wbsim::v24
