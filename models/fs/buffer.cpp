#include "models/fs/buffer.hpp"

#include <array>
#include <bit>

#include "models/mm/page_cache_run.hpp"
#include "sim/assert.hpp"

namespace wbsim {

bool Vfs::try_to_release_page(Page& page) {
  return try_to_free_buffers(*this, page);
}

namespace {

// alloc_page_buffers(): copies of `last`, the last of the ring, each with the number and the block
// before that of the one behind it; an unmapped one has no block. Returns the first.
[[gnu::always_inline]] inline BufferId make_ring(BufferPool& buffers, const BufferHead& last) {
  using Words = std::array<std::uint64_t, 2>;
  static_assert(sizeof(Words) == sizeof(BufferHead) && std::endian::native == std::endian::little);
  const int count = last.b_number + 1;
  BufferHead step{};
  step.block_low = last.test(BH_Mapped) ? 1 : 0;
  step.b_number = 1;
  const auto down = std::bit_cast<Words>(step);
  auto words = std::bit_cast<Words>(last);
  const BufferId head = buffers.allocate_ring(count);
  BufferHead* const ring = &buffers[head];
  for (int number = count - 1; number >= 0; --number) {
    ring[number] = std::bit_cast<BufferHead>(words);
    words[0] -= down[0];
    words[1] -= down[1];
  }
  ring[count - 1].b_this_page = static_cast<std::int8_t>(1 - count);
  return head;
}

BufferHead last_buffer(PageId page, int blkbits, unsigned state) {
  BufferHead last{};
  last.set_blocknr(-1);
  last.b_state = static_cast<std::uint16_t>(state);
  last.b_page = page;
  last.b_sizebits = static_cast<std::uint8_t>((blkbits - kSectorShift) & 3);
  last.b_number = static_cast<std::uint8_t>(((1 << (kPageShift - blkbits)) - 1) & 7);
  last.b_this_page = 1;
  return last;
}

void attach_ring(Vfs& vfs, Page& page, const BufferHead& last) {
  WB_ASSERT(!page.test(PG_private));
  page.buffers = make_ring(vfs.buffers, last);
  vfs.cache.count_new_buffer_heads(last.b_number + 1);
  page.set(PG_private);
}

constexpr unsigned kWrittenBuffer = BH_Uptodate | BH_Dirty;

int blkbits_of(std::int64_t blocksize) {
  return std::countr_zero(static_cast<std::uint64_t>(blocksize));
}

}  // namespace

void create_empty_buffers(Vfs& vfs, Page& page, std::int64_t blocksize, unsigned initial_state) {
  unsigned state = initial_state;
  if (page.test(PG_dirty))
    state |= BH_Dirty;
  if (page.test(PG_uptodate))
    state |= BH_Uptodate;
  attach_ring(vfs, page, last_buffer(vfs.cache.id_of(page), blkbits_of(blocksize), state));
}

void create_written_buffers(Vfs& vfs, Page& page, std::int64_t blocksize,
                            std::int64_t first_block) {
  BufferHead last = last_buffer(vfs.cache.id_of(page), blkbits_of(blocksize), kWrittenBuffer);
  last.map_to(first_block + last.b_number);
  attach_ring(vfs, page, last);
}

void add_written_pages(Vfs& vfs, Inode& inode, PageIndex first, int count, std::int64_t first_block,
                       TaskStruct* dirtier) {
  BufferHead last = last_buffer(0, inode.i_blkbits, kWrittenBuffer);
  const int per_page = last.b_number + 1;
  std::int64_t last_block = first_block - 1;
  const auto attach = [&](PageId page) {
    last_block += per_page;
    last.b_page = page;
    last.map_to(last_block);
    return make_ring(vfs.buffers, last);
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
  bh.set(BH_Assoc);
  inode.i_data.private_list.push_back(vfs.buffers.id_of(bh));
}

BufferHead& remove_assoc_queue(Vfs& vfs, AddressSpace& owner) {
  BufferHead& bh = vfs.buffers[owner.private_list.pop_front()];
  WB_ASSERT(bh.test(BH_Assoc));
  bh.clear(BH_Assoc);
  return bh;
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
    bh.set_blocknr(-1);
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
  vfs.buffers.free_ring(page.buffers, count);
  vfs.cache.count_freed_buffer_heads(count);
  page.buffers = 0;
  page.clear(PG_private);
  vfs.cache.cancel_dirty_page(page);
  return true;
}

}  // namespace wbsim
