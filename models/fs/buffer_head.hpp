// struct buffer_head: one block of a page, in 8 bytes. The buffers of a page form a ring.
//
// MODELS:   include/linux/buffer_head.h of 2.6.
// DEVIATES: what follows from where a buffer lies is not stored: b_page (BufferPool), b_this_page.
//           References are counted for the page (Page::b_count): who asks for b_count asks whether
//           any buffer of a page is held, before all of them are freed.
#pragma once

#include <cstdint>

#include "sim/units.hpp"

namespace wbsim {

using BufferId = std::uint64_t;  // 0: none

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

// All zero: of 512 bytes, the first of its page, unmapped.
class BufferHead {
 public:
  static constexpr std::int64_t kMostBlocks = std::int64_t{1} << 41;  // of a device

  BufferHead() = default;
  // The last of a page's ring in blocks of 1 << blkbits bytes, without a block.
  BufferHead(int blkbits, unsigned state)
      : word_(state | field(blkbits - kSectorShift, kSizeBits) |
              field((kPageSize >> blkbits) - 1, kNumber) | field(-1, kBlock)) {}

  unsigned b_state() const { return static_cast<unsigned>(word_) & kStateMask; }
  bool test(BufferState bit) const { return (word_ & bit) != 0; }
  bool test_all(unsigned bits) const { return (word_ & bits) == bits; }
  void set(unsigned bits) { word_ |= bits & kStateMask; }
  void clear(unsigned bits) { word_ &= ~std::uint64_t{bits & kStateMask}; }
  BufferEndIo b_end_io() const { return static_cast<BufferEndIo>(word_ >> kEndIo & 7); }
  void set_end_io(BufferEndIo end_io) {
    word_ = (word_ & ~(std::uint64_t{7} << kEndIo)) | field(static_cast<int>(end_io), kEndIo);
  }
  // Of its device, in units of its size; -1 while it has none.
  std::int64_t b_blocknr() const { return static_cast<std::int64_t>(word_) >> kBlock; }
  void set_blocknr(std::int64_t block) {
    word_ = (word_ & ((std::uint64_t{1} << kBlock) - 1)) | field(block, kBlock);
  }
  void map_to(std::int64_t block) {
    set_blocknr(block);
    set(BH_Mapped);
  }
  int b_size() const { return 512 << (word_ >> kSizeBits & 3); }           // bytes
  int b_number() const { return static_cast<int>(word_ >> kNumber & 7); }  // its place in the page
  std::int64_t offset() const { return b_number() * b_size(); }            // bytes into the page
  int ring_size() const { return 8 >> (word_ >> kSizeBits & 3); }
  // How far away the next of the page is; the last points back.
  int b_this_page() const { return b_number() + 1 < ring_size() ? 1 : -b_number(); }
  const BufferHead& next() const { return this[b_this_page()]; }
  BufferHead& next() { return this[b_this_page()]; }

  // A new one with the number, and if it is mapped the block, before that of this one.
  BufferHead before() const {
    BufferHead bh = *this;
    bh.word_ -= field(1, kNumber) + (test(BH_Mapped) ? field(1, kBlock) : 0);
    return bh;
  }

 private:
  // Where in the word its fields begin: b_state is at the bottom, b_blocknr in the 42 bits at the
  // top.
  enum Field : std::uint8_t { kEndIo = 14, kSizeBits = 17, kNumber = 19, kBlock = 22 };
  static constexpr unsigned kStateMask = (1U << kEndIo) - 1;
  static constexpr std::uint64_t field(std::int64_t value, Field begin) {
    return static_cast<std::uint64_t>(value) << begin;
  }

  std::uint64_t word_ = 0;
};
static_assert(sizeof(BufferHead) == 8);

}  // namespace wbsim
