// struct buffer_head: one block of a page. 32 bytes; the buffers of a page form a ring.
#pragma once

#include <cstdint>

#include "models/mm/page.hpp"

namespace wbsim {

using BufferId = std::uint32_t;  // 0: none

enum BufferState : std::uint16_t {
  BH_Uptodate = 1 << 0,
  BH_Dirty = 1 << 1,
  BH_Lock = 1 << 2,         // under I/O, or being prepared for it
  BH_Req = 1 << 3,          // submitted at least once
  BH_Mapped = 1 << 4,       // b_blocknr is valid
  BH_New = 1 << 5,          // just allocated: what is on the disk is garbage
  BH_Async_Read = 1 << 6,   // part of a whole-page read
  BH_Async_Write = 1 << 7,  // part of a whole-page write
  BH_Delay = 1 << 8,
  BH_Unwritten = 1 << 9,
  BH_Boundary = 1 << 10,  // the next block is not adjacent: submit what there is
  BH_Write_EIO = 1 << 11,
  BH_Waiters = 1 << 12,  // somebody sleeps on BH_Lock
  BH_Assoc = 1 << 13,    // on a private_list
};

enum class BufferEndIo : std::uint8_t { kNone, kAsyncWrite, kAsyncRead, kWriteSync, kReadSync };

struct BufferHead {
  std::int64_t b_blocknr;  // of its device, in units of b_size
  BufferId b_this_page;    // the next of the page; the last points to the first
  PageId b_page;
  BufferId assoc_next, assoc_prev;  // b_assoc_buffers: the owner's private_list
  std::uint16_t b_state;
  std::uint16_t b_size;   // bytes, 512 to 4096
  std::uint16_t b_count;  // references; above 0 it is not freed
  std::uint8_t b_number;  // its place in the page
  BufferEndIo b_end_io;

  bool test(BufferState bit) const { return (b_state & bit) != 0; }
  bool test_all(unsigned bits) const { return (b_state & bits) == bits; }
  void set(unsigned bits) { b_state = static_cast<std::uint16_t>(b_state | bits); }
  void clear(unsigned bits) { b_state = static_cast<std::uint16_t>(b_state & ~bits); }
  std::int64_t offset() const { return std::int64_t{b_number} * b_size; }  // bytes into the page
};
static_assert(sizeof(BufferHead) == 32);

}  // namespace wbsim
