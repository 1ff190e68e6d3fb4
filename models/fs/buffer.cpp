#include "models/fs/buffer.hpp"

#include <bit>

#include "models/mm/page_cache_run.hpp"
#include "sim/assert.hpp"

namespace wbsim {

bool Vfs::try_to_release_page(Page& page) {
  return try_to_free_buffers(*this, page);
}

namespace {

// alloc_page_buffers(): block(number) is the b_blocknr of each. Returns the first of the ring.
template <class Block>
[[gnu::always_inline]] inline BufferId make_ring(BufferPool& buffers, PageId page, int count,
                                                 std::uint16_t size, unsigned state, Block block) {
  BufferId head = 0;
  BufferId last = 0;
  for (int number = count - 1; number >= 0; --number) {
    const BufferId id = buffers.allocate();
    buffers[id] = {.b_blocknr = block(number),
                   .b_this_page = head,
                   .b_page = page,
                   .assoc_next = 0,
                   .assoc_prev = 0,
                   .b_state = static_cast<std::uint16_t>(state),
                   .b_size = size,
                   .b_count = 0,
                   .b_number = static_cast<std::uint8_t>(number),
                   .b_end_io = BufferEndIo::kNone};
    if (last == 0)
      last = id;
    head = id;
  }
  buffers[last].b_this_page = head;
  return head;
}

constexpr unsigned kWrittenBuffer = BH_Mapped | BH_Uptodate | BH_Dirty;

template <class Block>
void attach_ring(Vfs& vfs, Page& page, std::int64_t blocksize, unsigned state, Block block) {
  WB_ASSERT(!page.test(PG_private));
  const int count = 1 << (kPageShift - std::countr_zero(static_cast<std::uint64_t>(blocksize)));
  page.buffers = make_ring(vfs.buffers, vfs.cache.id_of(page), count,
                           static_cast<std::uint16_t>(blocksize), state, block);
  vfs.cache.count_new_buffer_heads(count);
  page.set(PG_private);
}

}  // namespace

void create_empty_buffers(Vfs& vfs, Page& page, std::int64_t blocksize, unsigned initial_state) {
  unsigned state = initial_state;
  if (page.test(PG_dirty))
    state |= BH_Dirty;
  if (page.test(PG_uptodate))
    state |= BH_Uptodate;
  attach_ring(vfs, page, blocksize, state, [](int) { return std::int64_t{-1}; });
}

void create_written_buffers(Vfs& vfs, Page& page, std::int64_t blocksize,
                            std::int64_t first_block) {
  attach_ring(vfs, page, blocksize, kWrittenBuffer,
              [first_block](int number) { return first_block + number; });
}

void add_written_pages(Vfs& vfs, Inode& inode, PageIndex first, int count, std::int64_t first_block,
                       TaskStruct* dirtier) {
  const int per_page = 1 << (kPageShift - inode.i_blkbits);
  const auto size = static_cast<std::uint16_t>(inode.block_size());
  std::int64_t block = first_block - per_page;
  const auto attach = [&](PageId page) {
    block += per_page;
    return make_ring(vfs.buffers, page, per_page, size, kWrittenBuffer,
                     [block](int number) { return block + number; });
  };
  vfs.cache.add_written_pages(inode.i_data, first, count, vfs.rules.write_marks_accessed,
                              vfs.rules.task_dirty_by_buffers ? dirtier : nullptr, attach);
  vfs.cache.count_new_buffer_heads(per_page * count);
  mark_inode_dirty(vfs, inode, I_DIRTY_PAGES);
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
  if (vfs.trace)
    vfs.trace->buffer_dirty(bh);
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
  if (write_eio && !vfs.rules.errseq)  // else it was told when the write ended
    mapping_set_error(*page.mapping, Errno::kEio);
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
