#include "models/fs/buffer.hpp"

#include <bit>

#include "models/mm/page_cache_run.hpp"
#include "sim/assert.hpp"

namespace wbsim {

bool Vfs::try_to_release_page(Page& page) {
  return try_to_free_buffers(*this, page);
}

namespace {

// alloc_page_buffers(): `last` is the last of them. Returns how many they are.
[[gnu::always_inline]] inline std::uint32_t make_ring(BufferPool& buffers, PageId page,
                                                      BufferHead last) {
  const auto ring = buffers.ring(page, static_cast<std::size_t>(last.ring_size()));
  for (auto bh = ring.rbegin(); bh != ring.rend(); ++bh, last = last.before())
    *bh = last;
  return static_cast<std::uint32_t>(ring.size());
}

void attach_ring(Vfs& vfs, Page& page, const BufferHead& last) {
  WB_ASSERT(!page.test(PG_private));
  page.buffers = make_ring(vfs.buffers, vfs.cache.id_of(page), last);
  vfs.cache.memory().add_buffer_heads(last.ring_size());
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
  attach_ring(vfs, page, BufferHead(blkbits_of(blocksize), state));
}

void create_written_buffers(Vfs& vfs, Page& page, std::int64_t blocksize,
                            std::int64_t first_block) {
  BufferHead last(blkbits_of(blocksize), kWrittenBuffer);
  last.map_to(first_block + last.b_number());
  attach_ring(vfs, page, last);
}

void add_written_pages(Vfs& vfs, Inode& inode, PageIndex first, int count, std::int64_t first_block,
                       TaskStruct* dirtier) {
  BufferHead last(inode.i_blkbits, kWrittenBuffer);
  const int per_page = last.ring_size();
  std::int64_t last_block = first_block - 1;
  const auto attach = [&](PageId page) {
    last_block += per_page;
    last.map_to(last_block);
    return make_ring(vfs.buffers, page, last);
  };
  vfs.cache.add_written_pages(inode.i_data, first, count, vfs.rules.write_marks_accessed,
                              vfs.rules.task_dirty_by_buffers ? dirtier : nullptr, attach);
  vfs.cache.memory().add_buffer_heads(per_page * count);
  mark_inode_dirty(vfs, inode, I_DIRTY_PAGES);
}

void make_inode_dirty(Vfs& vfs, Inode& inode, unsigned flags) {
  constexpr unsigned kInode = I_DIRTY_SYNC | I_DIRTY_DATASYNC;
  if (flags == I_DIRTY_TIME) {
    if ((inode.i_state & kInode) != 0)
      return;  // its times go along
    inode.dirtied_time_when = vfs.jiffies();
  }
  const bool was_dirty = (inode.i_state & I_DIRTY) != 0;
  if ((flags & kInode) != 0)
    inode.i_sb->dirty_inode(inode);
  const unsigned before =
      (flags & kInode) != 0 ? inode.i_state & ~unsigned{I_DIRTY_TIME} : inode.i_state;
  inode.i_state = static_cast<std::uint8_t>(before | flags);
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
  mark_page_dirty_by_buffer(vfs, page_of(vfs, bh), dirtier);
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
  bool busy = page.b_count > 0;
  bool write_eio = false;
  for_each_buffer(vfs, page, [&](const BufferHead& bh) {
    busy = busy || bh.test(BH_Dirty) || bh.test(BH_Lock) || bh.test(BH_Assoc);
    write_eio = write_eio || bh.test(BH_Write_EIO);
  });
  if (busy)
    return false;
  if (write_eio && !vfs.rules.errseq)  // else it was told when the write ended
    mapping_set_error(*page.mapping, Errno::kEio);
  vfs.cache.memory().remove_buffer_heads(static_cast<int>(page.buffers));
  page.buffers = 0;
  page.clear(PG_private);
  vfs.cache.cancel_dirty_page(page);
  return true;
}

}  // namespace wbsim
