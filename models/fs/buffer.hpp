// Rings of buffer heads: creating, dirtying, invalidating and freeing them.
//
// MODELS:   fs/buffer.c of 2.6.18 - 6.1.
// DEVIATES: a buffer on a private_list is not freed before fsync_buffers_list() took it off.
#pragma once

#include <span>

#include "models/fs/vfs.hpp"

namespace wbsim {

// alloc_page_buffers() and create_empty_buffers(): the ring is built from the page's end backwards.
// Attaching buffers to a dirty (uptodate) page makes all of them dirty (uptodate).
void create_empty_buffers(Vfs& vfs, Page& page, std::int64_t blocksize, unsigned initial_state);
// As if each of them were then mapped, to the blocks from `first_block` on, and written: Uptodate
// and Dirty.
void create_written_buffers(Vfs& vfs, Page& page, std::int64_t blocksize, std::int64_t first_block);
// The pages `first` to `first + count` as write(2) leaves them that were not in memory, all in one
// leaf of the tree, with buffers mapped to the blocks from `first_block` on.
void add_written_pages(Vfs& vfs, Inode& inode, PageIndex first, int count, std::int64_t first_block,
                       TaskStruct* dirtier);

// All of them, first to last.
inline std::span<BufferHead> ring_of(Vfs& vfs, const Page& page) {
  return vfs.buffers.ring(vfs.cache.id_of(page), page.buffers);
}
inline BufferHead& page_buffers(Vfs& vfs, const Page& page) {
  return ring_of(vfs, page).front();
}
inline Page& page_of(Vfs& vfs, const BufferHead& bh) {
  return vfs.cache.page(vfs.buffers.b_page(bh));
}
inline void get_bh(Vfs& vfs, const BufferHead& bh) {
  ++page_of(vfs, bh).b_count;
}
inline void put_bh(Vfs& vfs, const BufferHead& bh) {
  --page_of(vfs, bh).b_count;
}
// Calls f(bh) for each buffer of the page, first to last. f must not free the ring.
template <class F>
void for_each_buffer(Vfs& vfs, const Page& page, F&& f) {
  for (BufferHead& bh : ring_of(vfs, page))
    f(bh);
}

// __mark_inode_dirty(): `flags` of I_DIRTY, or I_DIRTY_TIME alone, which the inode proper absorbs
// when it is dirty. Tells the listener when nothing of I_DIRTY was set before.
void make_inode_dirty(Vfs& vfs, Inode& inode, unsigned flags);
inline void mark_inode_dirty(Vfs& vfs, Inode& inode, unsigned flags) {
  if (vfs.trace)
    vfs.trace->inode(InodeEvent::What::kMarkDirty, inode, flags);
  if ((inode.i_state & flags) != flags)
    make_inode_dirty(vfs, inode, flags);
}
// The page and its inode. True when the page is newly dirty.
inline bool dirty_page(Vfs& vfs, Page& page, TaskStruct* dirtier) {
  if (!vfs.cache.set_page_dirty(page, dirtier))
    return false;
  if (vfs.trace)
    vfs.trace->page(PageEvent::What::kDirtied, page);
  mark_inode_dirty(vfs, *page.mapping->host, I_DIRTY_PAGES);
  return true;
}

// __set_page_dirty_buffers(): every buffer becomes dirty, mapped or not. True when newly dirty.
bool set_page_dirty_buffers(Vfs& vfs, Page& page, TaskStruct* dirtier);
// One buffer only, and the page with it.
void mark_buffer_dirty(Vfs& vfs, BufferHead& bh, TaskStruct* dirtier);
// The second half of it.
inline void mark_page_dirty_by_buffer(Vfs& vfs, Page& page, TaskStruct* dirtier) {
  if (dirty_page(vfs, page, vfs.rules.task_dirty_by_buffers ? dirtier : nullptr) && dirtier)
    dirtier->charge(vfs.costs.dirty_page);
}
// And at the tail of the inode's private_list, unless it is on a list already.
void mark_buffer_dirty_inode(Vfs& vfs, BufferHead& bh, Inode& inode, TaskStruct* dirtier);
// The first of it, taken off.
BufferHead& remove_assoc_queue(Vfs& vfs, AddressSpace& owner);

// Discards every buffer that starts at or after `offset`; for offset 0 the ring is freed if it can.
void block_invalidatepage(Vfs& vfs, Page& page, std::int64_t offset);
// False when the page is under write-back or a buffer is busy. A page that was dirty while its
// buffers were all clean is cleaned.
bool try_to_free_buffers(Vfs& vfs, Page& page);

}  // namespace wbsim
