#include "models/fs/truncate.hpp"

#include "models/fs/block_device.hpp"
#include "models/fs/buffer.hpp"
#include "models/fs/buffer_io.hpp"

namespace wbsim {

namespace {

// truncate_inode_pages(): the pages behind `size`, and the buffers behind it in the last one.
Task<> truncate_inode_pages(Vfs& vfs, Inode& inode, std::int64_t size, TaskStruct& task) {
  AddressSpace& mapping = inode.i_data;
  const auto last = static_cast<PageIndex>(size >> kPageShift);
  const std::int64_t offset_in_last = size & (kPageSize - 1);
  for (PageIndex index = last;; ++index) {
    index = mapping.pages.next_present(index);
    if (index == PageTree::kNone)
      break;
    Page& page = *vfs.cache.find_get_page(mapping, index);
    vfs.cache.get_page(page);
    co_await lock_page_waiting(vfs, page, task);
    co_await wait_on_page_writeback(vfs, page, task);
    const bool there = page.mapping == &mapping;
    const std::int64_t offset = index == last ? offset_in_last : 0;
    if (there && offset == 0)
      vfs.cache.cancel_dirty_page(page);
    if (there)
      block_invalidatepage(vfs, page, offset);
    vfs.cache.unlock_page(page);
    if (there && offset == 0 && !page.test(PG_private))
      vfs.cache.remove_from_page_cache(page);
    vfs.cache.put_page(page);
  }
  vfs.cache.truncate_shadows(mapping, last + (offset_in_last > 0 ? 1 : 0));
}

enum class Block : std::uint8_t { kUptodate, kHole, kError };

// Maps the buffer, without allocating, and reads it if needed.
Task<Block> read_block(Vfs& vfs, Inode& inode, BufferHead& bh, std::int64_t block,
                       TaskStruct& task) {
  while (!bh.test(BH_Mapped)) {
    std::int64_t metadata_block = -1;
    const GetBlock got = inode.i_sb->get_block(inode, block, bh, false, metadata_block);
    if (got == GetBlock::kMapped)
      break;
    if (got == GetBlock::kHole)
      co_return Block::kHole;
    if (got != GetBlock::kNeedsMetadata)
      co_return Block::kError;
    if (!co_await bread(vfs, *inode.i_sb->block_device(), metadata_block, task))
      co_return Block::kError;
  }
  if (page_of(vfs, bh).test(PG_uptodate))
    bh.set(BH_Uptodate);
  if (!bh.test(BH_Uptodate) && !bh.test(BH_Delay) && !bh.test(BH_Unwritten)) {
    co_await ll_rw_block(vfs, BlockRw::kRead, bh, task);
    co_await wait_on_buffer(vfs, bh, task);
    if (!bh.test(BH_Uptodate))
      co_return Block::kError;
  }
  co_return Block::kUptodate;
}

// block_truncate_page(): the tail of the block that straddles the new size becomes zeros.
Task<Errno> block_truncate_page(Vfs& vfs, Inode& inode, std::int64_t size, TaskStruct& task) {
  if ((size & (inode.block_size() - 1)) == 0)
    co_return Errno::kOk;
  Page& page =
      *co_await grab_cache_page(vfs, inode, static_cast<PageIndex>(size >> kPageShift), task);
  if (!page.test(PG_private))
    create_empty_buffers(vfs, page, inode.block_size(), 0);
  BufferHead* straddling = &page_buffers(vfs, page);
  while (straddling->offset() + straddling->b_size() <= (size & (kPageSize - 1)))
    straddling = &straddling->next();
  const Block block = co_await read_block(vfs, inode, *straddling, size >> inode.i_blkbits, task);
  if (block == Block::kUptodate)
    mark_buffer_dirty(vfs, *straddling, &task);
  vfs.cache.unlock_page(page);
  co_return block == Block::kError ? Errno::kEio : Errno::kOk;
}

}  // namespace

Task<Errno> truncate(Vfs& vfs, Inode& inode, std::int64_t size, TaskStruct& task) {
  inode.i_size = size;
  mark_inode_dirty(vfs, inode, I_DIRTY_SYNC | I_DIRTY_DATASYNC);
  co_await truncate_inode_pages(vfs, inode, size, task);
  co_return co_await block_truncate_page(vfs, inode, size, task);
}

}  // namespace wbsim
