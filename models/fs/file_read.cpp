#include <algorithm>

#include "models/fs/file.hpp"
#include "models/fs/page_scan.hpp"
#include "models/fs/read_pages.hpp"

namespace wbsim {

Task<Errno> generic_file_read(Vfs& vfs, Inode& opened, std::int64_t pos, std::int64_t length,
                              FileRaState& ra, std::int64_t ra_pages, TaskStruct& task) {
  Inode& inode = opened.host();
  task.charge(vfs.costs.write_syscall);
  const std::int64_t end = std::min(pos + length, inode.i_size);
  const std::int64_t last = (end - 1) >> kPageShift;
  Errno result = Errno::kOk;
  ReadPages reader(vfs, inode, task);
  for (std::int64_t i = pos >> kPageShift; pos < end && i <= last; ++i) {
    const auto index = static_cast<PageIndex>(i);
    Page* page = vfs.cache.find_get_page(inode.i_data, index);
    const bool at_marker = starts_readahead(ra, i);
    if (!page || at_marker) {
      const ReadaheadWindow window = ondemand_readahead(ra, i, last - i + 1, ra_pages);
      co_await reader.read(window.start, window.size);
      if (!page)
        co_await reader.read(i, 1);  // should the window not reach it
      page = vfs.cache.find_get_page(inode.i_data, index);
    }
    if (page && !page->test(PG_uptodate)) {
      result = co_await wait_until_uptodate(vfs, reader, *page, task);
      if (result != Errno::kOk)
        break;
      page = vfs.cache.find_get_page(inode.i_data, index);
    }
    if (!page)
      continue;
    vfs.cache.mark_page_accessed(*page);
    ra.prev_index = i;
    const std::int64_t from = std::max(pos, i << kPageShift);
    const std::int64_t to = std::min(end, (i + 1) << kPageShift);
    task.charge(vfs.costs.read_page + vfs.costs.copy_per_kib * (to - from) / 1024);
    if (task.debt() > kCpuChunk)
      co_await vfs.cpu.settle(task);
  }
  file_accessed(vfs, opened);
  co_await vfs.cpu.settle(task);
  co_return result;
}

}  // namespace wbsim
