// struct buffer_head: one block of a page. 16 bytes, so that those of a page of four lie in one
// cache line; the buffers of a page form a ring.
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
  std::uint32_t block_low;  // b_blocknr, of 48 bits
  std::int16_t block_high;
  std::uint16_t b_state;
  PageId b_page;
  std::uint16_t b_count;  // references; above 0 it is not freed
  BufferEndIo b_end_io : 3;
  std::uint8_t b_sizebits : 2;  // its size is 512 << b_sizebits bytes
  std::uint8_t b_number : 3;    // its place in the page
  std::int8_t b_this_page;      // how far away the next of the page is; the last points back

  bool test(BufferState bit) const { return (b_state & bit) != 0; }
  bool test_all(unsigned bits) const { return (b_state & bits) == bits; }
  void set(unsigned bits) { b_state = static_cast<std::uint16_t>(b_state | bits); }
  void clear(unsigned bits) { b_state = static_cast<std::uint16_t>(b_state & ~bits); }
  // Of its device, in units of its size; -1 while it has none.
  std::int64_t b_blocknr() const { return (std::int64_t{block_high} << 32) | block_low; }
  void set_blocknr(std::int64_t block) {
    block_low = static_cast<std::uint32_t>(block);
    block_high = static_cast<std::int16_t>(block >> 32);
  }
  void map_to(std::int64_t block) {
    set_blocknr(block);
    set(BH_Mapped);
  }
  std::uint16_t b_size() const { return static_cast<std::uint16_t>(512U << b_sizebits); }
  std::int64_t offset() const { return std::int64_t{b_number} * b_size(); }  // bytes into the page
  const BufferHead& next() const { return this[b_this_page]; }
  BufferHead& next() { return this[b_this_page]; }
};
static_assert(sizeof(BufferHead) == 16);

}  // namespace wbsim
