// What happens to single pages, buffers and inodes. It is sent only to a sink that
// wants_page_events(); `time` counts from the start of the jobs, and `thread` is empty in an
// interrupt.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "sim/units.hpp"

namespace wbsim {

struct BufferView {
  std::int64_t block = -1;  // on the device, in units of the buffer's size; -1: none
  unsigned state = 0;       // BH_..., as in models/fs/buffer_head.hpp
};

struct PageEvent {
  enum class What : std::uint8_t {
    kDirtied,    // it was clean
    kTaken,      // by the page scan, to be written: locked, PG_dirty cleared
    kMpage,      // under write-back in a bio that may hold other pages
    kMapped,     // after pass 1 of block_write_full_page()
    kMarked,     // after pass 2
    kSubmitted,  // after pass 3, unlocked
    kOutside,    // it lies outside i_size: unlocked, nothing is written
    kWait,       // somebody sleeps until its write-back has ended
    kWritten,    // its write-back has ended
  } what{};
  Duration time{};
  std::string_view thread;
  int bdi = 0;
  std::uint64_t ino = 0;
  bool block_device = false;  // it is a block of the device itself
  std::uint64_t index = 0;
  unsigned flags = 0;                   // PG_..., as in models/mm/page.hpp
  std::span<const BufferView> buffers;  // in the order of the ring
  int buffer_size = 0;                  // bytes
  std::int64_t pages_skipped = 0;       // of the scan, so far
};

// block_dirty_buffer: somebody dirties a buffer, which may be dirty already.
struct BufferDirtyEvent {
  Duration time{};
  std::string_view thread;
  int bdi = 0;
  std::int64_t block = 0;
  int size = 0;
};

// 2.4: what happens to a buffer of the buffer cache, and the cache after it.
struct BufferCacheEvent {
  enum class What : std::uint8_t {
    kHit,         // getblk() finds the block
    kMiss,        // it does not; 2.4.0: nor a free buffer of that size
    kGrown,       // grow_buffers() has made a page of buffers
    kTaken,       // getblk() has a new buffer for the block
    kDirtied,     // it was clean
    kWriting,     // on its way to the disk: locked, no longer dirty
    kNotExpired,  // kupdate goes no further than this one, the oldest that is dirty
    kWritten,     // its write has ended
  } what{};
  Duration time{};
  std::string_view thread;
  int bdi = 0;
  std::int64_t block = 0;  // in units of size
  int size = 0;
  std::string_view list;  // "BUF_CLEAN", "BUF_LOCKED", "BUF_DIRTY"; empty: none yet
  Jiffies flushtime{};
  std::int64_t free = 0;     // buffers of that size on the free list; 2.4.17 has none
  std::int64_t on_list = 0;  // buffers on `list`
};

struct InodeEvent {
  enum class What : std::uint8_t {
    kMarkDirty,   // __mark_inode_dirty(inode, flags), whether that changes something or not
    kWriteStart,  // write_inode() of its file system
    kWriteEnd,
    kFiled,     // after its write-back: on `list`
    kLazytime,  // its times are written with it now
  } what{};
  Duration time{};
  std::string_view thread;
  int bdi = 0;
  std::uint64_t ino = 0;
  bool block_device = false;
  unsigned state = 0;  // I_DIRTY and so on, as in models/fs/inode.hpp
  Jiffies dirtied_when{};
  unsigned flags = 0;
  bool sync_all = false;
  std::string_view list;  // "dirty", "io", "more_io", "dirty_time"; empty: clean, on none
};

// wbc_writepage: the page scan is about to write a page.
struct WbcWritepageEvent {
  Duration time{};
  std::string_view thread;
  int bdi = 0;
  std::int64_t nr_to_write = 0, pages_skipped = 0;
  bool sync_all = false, for_kupdate = false, for_background = false, range_cyclic = false;
  std::int64_t range_start = 0, range_end = 0;  // bytes
};

}  // namespace wbsim
