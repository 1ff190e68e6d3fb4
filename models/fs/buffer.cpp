#include "models/fs/buffer.hpp"

#include <bit>

#include "sim/assert.hpp"

namespace wbsim {

bool Vfs::try_to_release_page(Page& page) {
  return try_to_free_buffers(*this, page);
}

void create_empty_buffers(Vfs& vfs, Page& page, std::int64_t blocksize, unsigned initial_state) {
  WB_ASSERT(!page.test(PG_private));
  unsigned state = initial_state;
  if (page.test(PG_dirty))
    state |= BH_Dirty;
  if (page.test(PG_uptodate))
    state |= BH_Uptodate;
  const int count = 1 << (kPageShift - std::countr_zero(static_cast<std::uint64_t>(blocksize)));
  BufferId head = 0;
  BufferId last = 0;
  const PageId page_id = vfs.cache.id_of(page);
  for (int number = count - 1; number >= 0; --number) {
    const BufferId id = vfs.buffers.allocate();
    vfs.buffers[id] = {.b_blocknr = -1,
                       .b_this_page = head,
                       .b_page = page_id,
                       .assoc_next = 0,
                       .assoc_prev = 0,
                       .b_state = static_cast<std::uint16_t>(state),
                       .b_size = static_cast<std::uint16_t>(blocksize),
                       .b_count = 0,
                       .b_number = static_cast<std::uint8_t>(number),
                       .b_end_io = BufferEndIo::kNone};
    if (last == 0)
      last = id;
    head = id;
  }
  vfs.buffers[last].b_this_page = head;
  vfs.cache.count_new_buffer_heads(count);
  page.buffers = head;
  page.set(PG_private);
}

void make_inode_dirty(Vfs& vfs, Inode& inode, unsigned flags) {
  const bool was_dirty = (inode.i_state & I_DIRTY) != 0;
  inode.i_state = static_cast<std::uint8_t>(inode.i_state | flags);
  if ((inode.i_state & I_SYNC) != 0)
    return;  // whoever writes it back files it when done
  if (!was_dirty) {
    inode.dirtied_when = vfs.jiffies();
    vfs.dirty_listener->inode_dirtied(inode);
  }
}

bool set_page_dirty_buffers(Vfs& vfs, Page& page, TaskStruct* dirtier) {
  if (page.test(PG_private))
    for_each_buffer(vfs, page, [](BufferHead& bh) { bh.set(BH_Dirty); });
  return dirty_page(vfs, page, dirtier);
}

void mark_buffer_dirty(Vfs& vfs, BufferHead& bh, TaskStruct* dirtier) {
  if (bh.test(BH_Dirty))
    return;
  bh.set(BH_Dirty);
  mark_page_dirty_by_buffer(vfs, vfs.cache.page(bh.b_page), dirtier);
}

void mark_buffer_dirty_inode(Vfs& vfs, BufferHead& bh, Inode& inode, TaskStruct* dirtier) {
  mark_buffer_dirty(vfs, bh, dirtier);
  if (bh.test(BH_Assoc))
    return;
  AddressSpace& owner = inode.i_data;
  const BufferId id = vfs.buffers.id_of(bh);
  bh.set(BH_Assoc);
  bh.assoc_next = 0;
  bh.assoc_prev = owner.private_tail;
  (owner.private_tail != 0 ? vfs.buffers[owner.private_tail].assoc_next : owner.private_head) = id;
  owner.private_tail = id;
}

void remove_assoc_queue(Vfs& vfs, BufferHead& bh, AddressSpace& owner) {
  WB_ASSERT(bh.test(BH_Assoc));
  (bh.assoc_prev != 0 ? vfs.buffers[bh.assoc_prev].assoc_next : owner.private_head) = bh.assoc_next;
  (bh.assoc_next != 0 ? vfs.buffers[bh.assoc_next].assoc_prev : owner.private_tail) = bh.assoc_prev;
  bh.clear(BH_Assoc);
}

void block_invalidatepage(Vfs& vfs, Page& page, std::int64_t offset) {
  WB_ASSERT(page.test(PG_locked));
  if (!page.test(PG_private))
    return;
  for_each_buffer(vfs, page, [offset](BufferHead& bh) {
    if (bh.offset() < offset)
      return;
    WB_ASSERT(!bh.test(BH_Lock));
    bh.clear(BH_Dirty | BH_Mapped | BH_Req | BH_New | BH_Delay);
    bh.b_blocknr = -1;
  });
  if (offset == 0)
    try_to_free_buffers(vfs, page);
}

bool try_to_free_buffers(Vfs& vfs, Page& page) {
  WB_ASSERT(page.test(PG_private));
  if (page.test(PG_writeback))
    return false;
  bool busy = false;
  bool write_eio = false;
  int count = 0;
  for_each_buffer(vfs, page, [&](const BufferHead& bh) {
    busy = busy || bh.b_count > 0 || bh.test(BH_Dirty) || bh.test(BH_Lock) || bh.test(BH_Assoc);
    write_eio = write_eio || bh.test(BH_Write_EIO);
    ++count;
  });
  if (busy)
    return false;
  if (write_eio)
    page.mapping->AS_EIO = true;
  BufferId id = page.buffers;
  for (int i = 0; i < count; ++i) {
    const BufferId next = vfs.buffers[id].b_this_page;
    vfs.buffers.free(id);
    id = next;
  }
  vfs.cache.count_freed_buffer_heads(count);
  page.buffers = 0;
  page.clear(PG_private);
  vfs.cache.cancel_dirty_page(page);
  return true;
}

}  // namespace wbsim
