#include "models/fs/block_write_full_page.hpp"

#include <algorithm>

#include "models/fs/block_device.hpp"
#include "models/fs/buffer.hpp"
#include "models/fs/buffer_io.hpp"
#include "sim/assert.hpp"

namespace wbsim {

void redirty_page_for_writepage(Vfs& vfs, WritebackControl& wbc, Page& page) {
  ++wbc.pages_skipped;
  if (vfs.cache.set_page_dirty(page, nullptr)) {
    vfs.cache.count_redirty(page);
    if (vfs.trace)
      vfs.trace->page(PageEvent::What::kDirtied, page);
    mark_inode_dirty(vfs, *page.mapping->host, I_DIRTY_PAGES);
  }
}

namespace {

// The bits that all buffers of the page have, and those that any has: what a pass need not look
// for.
struct RingState {
  unsigned all = ~0U;
  unsigned any = 0;
  std::int64_t gaps = 0;  // 0: their blocks follow each other
};
RingState ring_state(Vfs& vfs, const Page& page) {
  RingState ring;
  std::int64_t block = page_buffers(vfs, page).b_blocknr();
  for (const BufferHead& bh : ring_of(vfs, page)) {
    ring.all &= bh.b_state();
    ring.any |= bh.b_state();
    ring.gaps |= bh.b_blocknr() ^ block++;
  }
  return ring;
}

void mark_buffer_async_write(BufferHead& bh) {
  bh.set_end_io(BufferEndIo::kAsyncWrite);
  bh.set(BH_Async_Write);
}

enum class Pass1 : std::uint8_t { kMapped, kFailed, kNeedsMetadata };

// Pass 1: every dirty buffer inside i_size gets a disk block; those past it become clean.
Pass1 map_dirty_buffers(Vfs& vfs, Inode& inode, Page& page, FullPageWrite& write) {
  const std::int64_t last_block = (inode.i_size - 1) >> inode.i_blkbits;
  std::int64_t block = (std::int64_t{page.index} << kPageShift) >> inode.i_blkbits;
  for (BufferHead& bh : ring_of(vfs, page)) {
    const std::int64_t n = block++;
    if (n > last_block) {
      bh.clear(BH_Dirty);
      bh.set(BH_Uptodate);
      continue;
    }
    const bool unmapped = !bh.test(BH_Mapped) || (vfs.rules.map_delay && bh.test(BH_Delay));
    if (!bh.test(BH_Dirty) || !unmapped)
      continue;
    switch (inode.i_sb->get_block(inode, n, bh, true, write.metadata_block)) {
      case GetBlock::kMapped:
        break;
      case GetBlock::kNeedsMetadata:
        return Pass1::kNeedsMetadata;
      case GetBlock::kEnospc:
        write.error = Errno::kEnospc;
        return Pass1::kFailed;
      case GetBlock::kHole:
      case GetBlock::kEio:
        write.error = Errno::kEio;
        return Pass1::kFailed;
    }
    bh.clear(BH_Delay);
    if (bh.test(BH_New)) {
      bh.clear(BH_New);
      unmap_underlying_metadata(vfs, inode, bh);
    }
  }
  return Pass1::kMapped;
}

// Pass 2 of a page whose buffers are all to be written, and what mark_submitted() does in pass 3.
void lock_and_mark_all(Vfs& vfs, Page& page) {
  for (BufferHead& bh : ring_of(vfs, page)) {
    constexpr unsigned kUnderWrite = BH_Lock | BH_Async_Write | BH_Req;
    bh.clear(BH_Dirty | BH_Write_EIO);
    bh.set(kUnderWrite);
    bh.set_end_io(BufferEndIo::kAsyncWrite);
  }
}

// Pass 2: lock and mark what this call writes. False when it must wait for a buffer's lock.
bool lock_and_mark(Vfs& vfs, Page& page, WritebackControl& wbc, FullPageWrite& write) {
  const bool may_block =
      wbc.sync_mode != SyncMode::WB_SYNC_NONE || (vfs.rules.waits_for_buffers && !wbc.nonblocking);
  for (BufferHead& bh : ring_of(vfs, page)) {
    if (!bh.test(BH_Mapped) || bh.test(BH_Async_Write))
      continue;
    if (bh.test(BH_Lock)) {
      if (may_block) {
        write.blocked_on = vfs.buffers.id_of(bh);
        return false;
      }
      redirty_page_for_writepage(vfs, wbc, page);
    } else if (bh.test(BH_Dirty)) {
      bh.clear(BH_Dirty);
      bh.set(BH_Lock);
      mark_buffer_async_write(bh);
    }
  }
  return true;
}

// Instead of pass 2 when get_block failed: what is mapped and dirty is written, the rest of the
// dirty data is lost. False when it must wait for a buffer's lock.
bool recover(Vfs& vfs, Page& page, FullPageWrite& write) {
  for (BufferHead& bh : ring_of(vfs, page)) {
    if (bh.test_all(BH_Mapped | BH_Dirty) && !bh.test(BH_Delay)) {
      if (bh.test(BH_Lock)) {
        write.blocked_on = vfs.buffers.id_of(bh);
        return false;
      }
      bh.set(BH_Lock);
      mark_buffer_async_write(bh);
    }
    bh.clear(BH_Dirty);
  }
  page.set(PG_error);
  mapping_set_error(*page.mapping, write.error);
  return true;
}

// 2.6.18 unlocks the page before pass 3 when get_block failed.
bool unlocked_already(const Vfs& vfs, const FullPageWrite& write) {
  return write.error != Errno::kOk && !vfs.rules.recover_unlocks_last;
}

// Nothing to write and no error: the page was truncated while it was dirty.
void leave_outside(Vfs& vfs, Page& page, FullPageWrite& write) {
  block_invalidatepage(vfs, page, 0);
  vfs.cache.discard_cleared_page();
  vfs.cache.unlock_page(page);
  // The scan left the DIRTY tag to set_page_writeback(), which does not happen.
  if (!page.test(PG_dirty))
    page.mapping->pages.clear_tag(page.index, PageTag::kDirty);
  write.state = FullPageWrite::State::kOutside;
  if (vfs.trace)
    vfs.trace->page(PageEvent::What::kOutside, page);
}

bool outside_i_size(const Inode& inode, const Page& page) {
  const auto end_index = static_cast<std::uint64_t>(inode.i_size >> kPageShift);
  const bool straddles = (inode.i_size & (kPageSize - 1)) != 0;
  return page.index > end_index || (page.index == end_index && !straddles);
}

// False: write.state says what must be waited for.
bool pass_1_and_2(Vfs& vfs, Inode& inode, Page& page, WritebackControl& wbc, FullPageWrite& write,
                  bool mapped) {
  if (!mapped && write.error == Errno::kOk &&
      map_dirty_buffers(vfs, inode, page, write) == Pass1::kNeedsMetadata) {
    write.state = FullPageWrite::State::kNeedsMetadata;
    return false;
  }
  if (vfs.trace && !mapped)
    vfs.trace->page(PageEvent::What::kMapped, page, &wbc);
  const bool locked =
      write.error == Errno::kOk ? lock_and_mark(vfs, page, wbc, write) : recover(vfs, page, write);
  if (!locked) {
    write.state = FullPageWrite::State::kBlockedOnLock;
    return false;
  }
  for (const BufferHead& bh : ring_of(vfs, page))
    write.nr_underway += bh.test(BH_Async_Write) ? 1 : 0;
  return true;
}

}  // namespace

void block_write_full_page(Vfs& vfs, Inode& inode, Page& page, WritebackControl& wbc,
                           FullPageWrite& write) {
  WB_ASSERT(page.test(PG_locked) && !page.test(PG_writeback));
  // Called again after a wait for a lock, pass 2 goes on: some buffers are this write's already.
  const bool mapped = write.state == FullPageWrite::State::kBlockedOnLock;
  if (!mapped && outside_i_size(inode, page))
    return leave_outside(vfs, page, write);
  if (!page.test(PG_private))
    create_empty_buffers(vfs, page, inode.block_size(), BH_Dirty | BH_Uptodate);
  write.state = FullPageWrite::State::kSubmit;
  const RingState ring = ring_state(vfs, page);
  const bool whole = page.index < static_cast<std::uint64_t>(inode.i_size >> kPageShift) &&
                     (ring.all & (BH_Mapped | BH_Dirty)) == (BH_Mapped | BH_Dirty) &&
                     (ring.any & (BH_Lock | BH_Async_Write | BH_Delay)) == 0;
  // Who is told of each pass is told of pass 1 even where it has nothing to do.
  if (whole && write.error == Errno::kOk && !vfs.trace) {
    lock_and_mark_all(vfs, page);
    write.nr_underway = static_cast<int>(kPageSize >> inode.i_blkbits);
    write.one_run = ring.gaps == 0;
  } else if (!pass_1_and_2(vfs, inode, page, wbc, write, mapped)) {
    return;
  }
  vfs.cache.set_page_writeback(page);
  if (unlocked_already(vfs, write))
    vfs.cache.unlock_page(page);
  write.next = 0;
  if (vfs.trace)
    vfs.trace->page(PageEvent::What::kMarked, page, &wbc);
}

namespace {

// Whether `bh` continues the open bio, in the file and on the disk.
bool continues(const Vfs& vfs, const Page& page, const BufferHead& bh, const OpenBio& open) {
  if (!open.bio || open.next_block != bh.b_blocknr() || open.event != vfs.sim.events_run())
    return false;
  if (bh.b_number() == 0)
    return open.ends_page && page.index == open.page + 1;
  return !open.ends_page && page.index == open.page;
}

// The whole page in one go behind the bio that ends where it begins. False: not all of it fitted.
bool append_page(Vfs& vfs, RequestQueue& queue, const Page& page, FullPageWrite& write,
                 OpenBio& open) {
  const BufferHead& first = page_buffers(vfs, page);
  if (write.next != 0 || !continues(vfs, page, first, open))
    return false;
  const Sectors length(first.b_size() / kSectorSize);
  const int taken = queue.try_append(*open.bio, length, write.nr_underway);
  if (taken == 0)
    return false;
  open.next_block += taken;
  open.page = page.index;
  open.ends_page = taken == write.nr_underway;
  write.next = static_cast<std::size_t>(taken);
  return open.ends_page;
}

// Puts as many marked and adjacent buffers of the page as the queue takes, from write.next on, into
// the bio before them.
void append_buffers(Vfs& vfs, RequestQueue& queue, const Page& page, FullPageWrite& write,
                    OpenBio& open) {
  const auto rest = ring_of(vfs, page).subspan(write.next);
  int wanted = 0;
  for (BufferHead& bh : rest) {
    if (!bh.test(BH_Async_Write) || bh.b_blocknr() != open.next_block + wanted)
      break;
    mark_submitted(bh, BioOp::kWrite);
    ++wanted;
  }
  const Sectors length(rest.front().b_size() / kSectorSize);
  const int taken = queue.try_append(*open.bio, length, wanted);
  if (taken == 0)
    return;
  open.next_block += taken;
  open.page = page.index;
  open.ends_page = static_cast<std::size_t>(taken) == rest.size();
  write.next += static_cast<std::size_t>(taken);
}

}  // namespace

bool submit_buffers(Vfs& vfs, Page& page, const WritebackControl& wbc, FullPageWrite& write,
                    OpenBio& open, TaskStruct& task) {
  RequestQueue& queue = *page.mapping->bdi->queue;
  if (write.one_run && append_page(vfs, queue, page, write, open))
    return true;
  const auto ring = ring_of(vfs, page);
  while (write.next < ring.size()) {
    const std::size_t number = write.next;
    BufferHead& bh = ring[number];
    if (continues(vfs, page, bh, open))
      append_buffers(vfs, queue, page, write, open);
    if (write.next != number)
      continue;
    open.ends_page = ++write.next == ring.size();
    if (!bh.test(BH_Async_Write)) {
      open.bio = nullptr;
      continue;
    }
    const bool sync = wbc.sync_mode == SyncMode::WB_SYNC_ALL && vfs.rules.sync_bios;
    open.bio = &buffer_bio(vfs, bh, BioOp::kWrite, sync, wbc.reason);
    open.next_block = bh.b_blocknr() + 1;
    open.page = page.index;
    open.event = vfs.sim.events_run();
    write.bios.push_back(*open.bio);
    if (!try_submit_bios(vfs, write.bios, queue, task))
      return false;
  }
  return true;
}

void block_write_full_page_end(Vfs& vfs, Page& page, WritebackControl& wbc,
                               const FullPageWrite& write) {
  if (!unlocked_already(vfs, write))
    vfs.cache.unlock_page(page);
  if (vfs.trace)
    vfs.trace->page(PageEvent::What::kSubmitted, page);
  if (write.nr_underway > 0)
    return;
  if (vfs.rules.nothing_written_is_skipped) {
    const auto ring = ring_of(vfs, page);
    if (std::all_of(ring.begin(), ring.end(), [](const auto& bh) { return bh.test(BH_Uptodate); }))
      page.set(PG_uptodate);
    ++wbc.pages_skipped;
  }
  vfs.cache.end_page_writeback(page);
  if (vfs.trace)
    vfs.trace->page(PageEvent::What::kWritten, page);
}

}  // namespace wbsim
