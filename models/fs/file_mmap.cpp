#include "models/fs/file_mmap.hpp"

#include <algorithm>

#include "models/fs/buffer.hpp"
#include "models/fs/page_scan.hpp"
#include "models/fs/read_pages.hpp"

namespace wbsim {

namespace {

constexpr int kLotsOfMisses = 100;  // MMAP_LOTSAMISS: read-ahead is of no use here

// The window around a page that is missing; nothing after many misses.
Task<> do_sync_mmap_readahead(ReadPages& reader, FileRaState& ra, std::int64_t index,
                              std::int64_t ra_pages) {
  if (ra.mmap_miss < 10 * kLotsOfMisses)
    ++ra.mmap_miss;
  if (ra.mmap_miss > kLotsOfMisses)
    co_return;
  ra.start = std::max<std::int64_t>(index - ra_pages / 2, 0);
  ra.size = ra_pages;
  ra.async_size = ra_pages / 4;
  co_await reader.read(ra.start, ra.size);
}

Task<> do_async_mmap_readahead(ReadPages& reader, FileRaState& ra, std::int64_t index,
                               std::int64_t ra_pages) {
  if (ra.mmap_miss > 0)
    --ra.mmap_miss;
  if (!starts_readahead(ra, index))
    co_return;
  const ReadaheadWindow window = ondemand_readahead(ra, index, 1, ra_pages);
  co_await reader.read(window.start, window.size);
}

// An uptodate page; null (SIGBUS) after a read error or behind the end of the file.
Task<Page*> filemap_fault(Vfs& vfs, Inode& inode, std::int64_t i, FileRaState& ra,
                          std::int64_t ra_pages, TaskStruct& task) {
  const auto index = static_cast<PageIndex>(i);
  ReadPages reader(vfs, inode, task);
  while (i < (inode.i_size + kPageSize - 1) >> kPageShift) {
    Page* page = vfs.cache.find_get_page(inode.i_data, index);
    if (page) {
      co_await do_async_mmap_readahead(reader, ra, i, ra_pages);
    } else {
      co_await do_sync_mmap_readahead(reader, ra, i, ra_pages);
      co_await reader.read(i, 1);
    }
    page = vfs.cache.find_get_page(inode.i_data, index);
    if (page && !page->test(PG_uptodate)) {
      const Errno result = co_await wait_until_uptodate(vfs, reader, *page, task);
      if (result != Errno::kOk)
        co_return nullptr;
      page = vfs.cache.find_get_page(inode.i_data, index);
    }
    if (page)
      co_return page;
  }
  co_return nullptr;
}

// page_mkwrite and fault_dirty_shared_page().
Task<> dirty_shared_page(Vfs& vfs, Inode& opened, Page& page, TaskStruct& task) {
  Inode& inode = opened.host();
  static_cast<void>(file_update_time(vfs, opened));  // page_fault has it
  set_page_dirty_buffers(vfs, page, &task);
  if (!vfs.throttle->ratelimit(task, inode.i_data, Pages(1)))
    co_return;
  co_await vfs.cpu.settle(task);
  co_await vfs.throttle->balance_dirty_pages(task, inode.i_data);
}

}  // namespace

Task<Errno> mmap_access(Vfs& vfs, File& file, std::int64_t pos, std::int64_t length,
                        MmapAccess access, std::int64_t ra_pages, TaskStruct& task) {
  Inode& opened = *file.f_inode;
  Inode& inode = opened.host();
  const std::int64_t last = (pos + length - 1) >> kPageShift;
  Errno result = Errno::kOk;
  for (std::int64_t i = pos >> kPageShift; i <= last; ++i) {
    Page* page = vfs.cache.find_get_page(inode.i_data, static_cast<PageIndex>(i));
    if (page && page->test(PG_dirty))
      continue;  // mapped and writable
    task.charge(vfs.costs.page_fault);
    if (file.page_tables.add(static_cast<PageIndex>(i)))
      vfs.cache.memory().add_page_table();
    page =
        co_await filemap_fault(vfs, inode, i, file.f_ra, std::max<std::int64_t>(ra_pages, 1), task);
    if (!page) {
      result = Errno::kEio;
      break;
    }
    if (access == MmapAccess::kStore)
      co_await dirty_shared_page(vfs, opened, *page, task);
    if (task.debt() > kCpuChunk)
      co_await vfs.cpu.settle(task);
  }
  co_await vfs.cpu.settle(task);
  co_return result;
}

}  // namespace wbsim
