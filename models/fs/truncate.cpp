#include "models/fs/truncate.hpp"

#include "models/fs/block_device.hpp"
#include "models/fs/block_write_begin.hpp"
#include "models/fs/buffer.hpp"
#include "models/fs/buffer_io.hpp"

namespace wbsim {

namespace {

// truncate_inode_pages(): whole pages from `first` on.
Task<> truncate_inode_pages(Vfs& vfs, Inode& inode, std::int64_t first, TaskStruct& task) {
  AddressSpace& mapping = inode.i_data;
  PageIndex index = static_cast<PageIndex>(first);
  for (;;) {
    index = mapping.pages.next_present(index);
    if (index == PageTree::kNone)
      co_return;
    Page& page = *vfs.cache.find_get_page(mapping, index);
    ++page.count;
    co_await lock_page_waiting(vfs, page, task);
    co_await wait_on_page_writeback(vfs, page, task);
    --page.count;
    vfs.cache.cancel_dirty_page(page);
    block_invalidatepage(vfs, page, 0);
    vfs.cache.unlock_page(page);
    if (!page.test(PG_private))
      vfs.cache.remove_from_page_cache(page);
    ++index;
  }
}

// block_truncate_page(): the tail of the block that straddles the new size becomes zeros.
Task<Errno> block_truncate_page(Vfs& vfs, Inode& inode, std::int64_t size, TaskStruct& task) {
  const std::int64_t in_block = size & (inode.block_size() - 1);
  Page* page = vfs.cache.find_get_page(inode.i_data, static_cast<PageIndex>(size >> kPageShift));
  if (in_block == 0 || !page)
    co_return Errno::kOk;  // an uncached tail is zeroed when it is read or written out
  co_await lock_page_waiting(vfs, *page, task);
  if (!page->test(PG_private))
    create_empty_buffers(vfs, *page, inode.block_size(), 0);
  const std::int64_t in_page = size & (kPageSize - 1);
  for_each_buffer(vfs, *page, [&](BufferHead& bh) {
    const bool straddles = bh.offset() < in_page && bh.offset() + bh.b_size > in_page;
    if (straddles && bh.test(BH_Uptodate) && bh.test(BH_Mapped))
      mark_buffer_dirty(vfs, bh, &task);
  });
  block_invalidatepage(vfs, *page, in_page);
  vfs.cache.unlock_page(*page);
  co_return Errno::kOk;
}

}  // namespace

Task<Errno> truncate(Vfs& vfs, Inode& inode, std::int64_t size, TaskStruct& task) {
  inode.i_size = size;
  mark_inode_dirty(vfs, inode, I_DIRTY_SYNC | I_DIRTY_DATASYNC);
  const Errno result = co_await block_truncate_page(vfs, inode, size, task);
  co_await truncate_inode_pages(vfs, inode, (size + kPageSize - 1) >> kPageShift, task);
  co_return result;
}

}  // namespace wbsim
