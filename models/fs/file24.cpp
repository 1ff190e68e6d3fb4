#include "models/fs/file24.hpp"

#include <algorithm>

#include "models/fs/block_rw24.hpp"
#include "models/fs/buffer.hpp"
#include "models/fs/durability.hpp"
#include "models/fs/page_scan.hpp"
#include "models/fs/read_pages.hpp"
#include "models/fs/submit.hpp"
#include "sim/assert.hpp"

namespace wbsim::v24 {

namespace {

Task<> balance_if_due(Buffers& b, AddressSpace& mapping, TaskStruct& task) {
  if (b.balance_dirty_state() < 0)
    co_return;
  co_await b.vfs.cpu.settle(task);
  co_await b.vfs.throttle->balance_dirty_pages(task, mapping);
}

// lock_page(): whoever waits runs the disks.
Task<> lock_page(Buffers& b, Page& page, TaskStruct& task) {
  co_await b.vfs.cpu.settle(task);
  while (page.test(PG_locked)) {
    b.tq_disk.run();
    co_await b.vfs.cache.wait_on_bit(page, PG_locked, "lock_page");
    co_await b.vfs.cpu.woken(task);
  }
  page.set(PG_locked);
}

Task<Page*> grab_cache_page(Buffers& b, Inode& inode, PageIndex index, TaskStruct& task) {
  for (;;) {
    while (b.vfs.must_wait_for_memory(task) && !b.vfs.cache.find_get_page(inode.i_data, index))
      co_await b.vfs.reclaim_throttle->try_to_free_pages(task);
    if (Page* page = try_grab_cache_page(b.vfs, inode, index, task))
      co_return page;
    Page& busy = *b.vfs.cache.find_get_page(inode.i_data, index);
    b.vfs.cache.get_page(busy);
    co_await lock_page(b, busy, task);
    b.vfs.cache.unlock_page(busy);
    b.vfs.cache.put_page(busy);
  }
}

void charge_write(Vfs& vfs, const Inode& inode, std::int64_t bytes, TaskStruct& task) {
  vfs.charge_batch_work(task);
  task.charge(vfs.costs.write_page + vfs.costs.write_buffer * (kPageSize >> inode.i_blkbits) +
              vfs.costs.copy_per_kib * bytes / 1024);
}

void note_written(Buffers& b, Inode& inode, Page& page, std::int64_t from, std::int64_t to) {
  Durability& durability = *b.vfs.durability;
  durability.begin_write(inode);
  std::int64_t start = 0;
  for_each_buffer(b.cache, page, [&](const BufferHead& bh) {
    if (start < to && start + bh.b_size > from)
      durability.wrote_block(inode, bh.b_blocknr, bh.b_size);
    start += bh.b_size;
  });
}

// Page by page, from `pos` on; `pos` is where it stopped.
Task<Errno> write_pages(Buffers& b, Inode& inode, std::int64_t& pos, std::int64_t end,
                        TaskStruct& task) {
  Vfs& vfs = b.vfs;
  while (pos < end) {
    const std::int64_t from = pos & (kPageSize - 1);
    const std::int64_t to = std::min(kPageSize, from + (end - pos));
    Page& page =
        *co_await grab_cache_page(b, inode, static_cast<PageIndex>(pos >> kPageShift), task);
    const Errno prepared = co_await block_prepare_write(b, inode, page, from, to, task);
    if (prepared != Errno::kOk) {
      vfs.cache.unlock_page(page);
      co_return prepared;
    }
    const bool need_balance_dirty = block_commit_write(b, inode, page, from, to);
    if (vfs.durability)
      note_written(b, inode, page, from, to);
    charge_write(vfs, inode, to - from, task);
    if (need_balance_dirty)
      co_await balance_if_due(b, inode.i_data, task);
    pos += to - from;
    if (pos > inode.i_size) {
      inode.i_size = pos;
      mark_inode_dirty(vfs, inode, I_DIRTY_SYNC | I_DIRTY_DATASYNC);
    }
    vfs.cache.unlock_page(page);
    vfs.cache.mark_page_accessed(page);
    if (task.debt() > kCpuChunk)
      co_await vfs.cpu.settle(task);
  }
  co_return Errno::kOk;
}

// block_write() of 2.4.0: a raw device is written through the buffer cache, block by block.
Task<Errno> block_write(Buffers& b, Inode& device, std::int64_t pos, std::int64_t end,
                        TaskStruct& task) {
  const int size = static_cast<int>(device.block_size());
  BlockDevice& dev = b.device(device);
  while (pos < end) {
    const std::int64_t offset = pos & (size - 1);
    const std::int64_t bytes = std::min<std::int64_t>(size - offset, end - pos);
    if (pos >= device.i_size)
      co_return Errno::kEnospc;
    BufferHead* bh = bytes < size ? co_await bread(b, dev, pos / size, size, task)
                                  : co_await getblk(b, dev, pos / size, size, task);
    if (!bh)
      co_return Errno::kEio;
    charge_write(b.vfs, device, bytes, task);
    bh->set(BH_Uptodate);
    if (b.vfs.durability) {
      b.vfs.durability->begin_write(device);
      b.vfs.durability->wrote_block(device, bh->b_blocknr, size);
    }
    co_await mark_buffer_dirty(b, *bh, task);
    b.cache.brelse(*bh);
    pos += bytes;
    if (task.debt() > kCpuChunk)
      co_await b.vfs.cpu.settle(task);
  }
  co_return Errno::kOk;
}

bool in_buffer_cache(const Buffers& b, const Inode& inode) {
  return inode.is_block_device && b.release() == Release::k240;
}

}  // namespace

Task<Errno> generic_file_write(Buffers& b, Inode& opened, std::int64_t pos, std::int64_t length,
                               TaskStruct& task) {
  Inode& inode = opened.host();
  Vfs& vfs = b.vfs;
  task.charge(vfs.costs.write_syscall);
  const bool raw = in_buffer_cache(b, inode);
  if (!raw)
    co_await mutex_lock(vfs, inode, task);
  if (opened.i_sb->keeps_times())
    mark_inode_dirty(vfs, opened, I_DIRTY_SYNC);
  const std::int64_t end = pos + length;
  Errno result = Errno::kOk;
  if (raw)
    result = co_await block_write(b, inode, pos, end, task);
  else
    result = co_await write_pages(b, inode, pos, end, task);
  if (!raw && result != Errno::kOk && end > inode.i_size && !inode.is_block_device) {
    const auto behind = static_cast<PageIndex>((inode.i_size + kPageSize - 1) >> kPageShift);
    co_await truncate_inode_pages(b, inode, behind, task);
  }
  if (!raw)
    mutex_unlock(inode);
  co_await vfs.cpu.settle(task);
  co_return result;
}

Task<> truncate_inode_pages(Buffers& b, Inode& inode, PageIndex first, TaskStruct& task) {
  AddressSpace& mapping = inode.i_data;
  for (PageIndex index = first;; ++index) {
    index = mapping.pages.next_present(index);
    if (index == PageTree::kNone)
      co_return;
    Page& page = *b.vfs.cache.find_get_page(mapping, index);
    b.vfs.cache.get_page(page);
    co_await lock_page(b, page, task);
    if (page.mapping == &mapping) {
      if (page.test(PG_private)) {
        BufferHead* const ring = &b.cache.page_buffers(page);
        BufferHead* bh = ring;
        do {  // discard_buffer()
          co_await wait_on_buffer(b, *bh, task);
          b.cache.discard(*bh);
          bh->clear(BH_Mapped | BH_Req | BH_New);
          b.cache.refile_buffer(*bh);
          bh = bh->b_this_page;
        } while (bh != ring);
        b.drop_buffers(page);
      }
      b.vfs.cache.unlock_page(page);
      if (!page.test(PG_private))
        b.vfs.cache.remove_from_page_cache(page);
    } else {
      b.vfs.cache.unlock_page(page);
    }
    b.vfs.cache.put_page(page);
  }
}

namespace {

// A page on which a read has to wait, or that no read was begun for.
Task<Errno> wait_until_uptodate(Buffers& b, Inode& inode, Page& page, TaskStruct& task) {
  b.vfs.cache.get_page(page);
  co_await lock_page(b, page, task);
  if (page.mapping && !page.test(PG_uptodate)) {
    const Errno ignored = co_await block_read_full_page(b, inode, page, task);
    static_cast<void>(ignored);  // seen below
    co_await lock_page(b, page, task);
  }
  b.vfs.cache.unlock_page(page);
  const bool failed = page.mapping && !page.test(PG_uptodate);
  b.vfs.cache.put_page(page);
  co_return failed ? Errno::kEio : Errno::kOk;
}

Task<> read_ahead(Buffers& b, Inode& inode, std::int64_t first, std::int64_t count,
                  TaskStruct& task) {
  const std::int64_t pages = (inode.i_size + kPageSize - 1) >> kPageShift;
  for (std::int64_t i = first; i < std::min(first + count, pages); ++i) {
    const auto index = static_cast<PageIndex>(i);
    if (b.vfs.cache.find_get_page(inode.i_data, index))
      continue;
    Page& page = b.vfs.add_page(inode.i_data, index, task);
    task.charge(b.vfs.costs.read_page);
    const Errno ignored = co_await block_read_full_page(b, inode, page, task);
    static_cast<void>(ignored);  // the page is not uptodate
  }
}

// block_read() of 2.4.0.
Task<Errno> block_read(Buffers& b, Inode& device, std::int64_t pos, std::int64_t end,
                       TaskStruct& task) {
  const int size = static_cast<int>(device.block_size());
  for (; pos < end; pos = (pos / size + 1) * size) {
    BufferHead* const bh = co_await bread(b, b.device(device), pos / size, size, task);
    if (!bh)
      co_return Errno::kEio;
    b.cache.brelse(*bh);
    task.charge(b.vfs.costs.read_page + b.vfs.costs.copy_per_kib * size / 1024);
    if (task.debt() > kCpuChunk)
      co_await b.vfs.cpu.settle(task);
  }
  co_return Errno::kOk;
}

}  // namespace

Task<Errno> generic_file_read(Buffers& b, Inode& opened, std::int64_t pos, std::int64_t length,
                              FileRaState& ra, std::int64_t ra_pages, TaskStruct& task) {
  Inode& inode = opened.host();
  task.charge(b.vfs.costs.write_syscall);
  const std::int64_t end = std::min(pos + length, inode.i_size);
  const std::int64_t last = (end - 1) >> kPageShift;
  Errno result = Errno::kOk;
  if (in_buffer_cache(b, inode)) {
    result = co_await block_read(b, inode, pos, end, task);
    pos = end;
  }
  for (std::int64_t i = pos >> kPageShift; pos < end && i <= last; ++i) {
    const auto index = static_cast<PageIndex>(i);
    Page* page = b.vfs.cache.find_get_page(inode.i_data, index);
    const bool at_marker = starts_readahead(ra, i);
    if (!page || at_marker) {
      const ReadaheadWindow window = ondemand_readahead(ra, i, last - i + 1, ra_pages);
      co_await read_ahead(b, inode, window.start, window.size, task);
      if (!page)
        co_await read_ahead(b, inode, i, 1, task);  // should the window not reach it
      page = b.vfs.cache.find_get_page(inode.i_data, index);
    }
    if (page && !page->test(PG_uptodate)) {
      result = co_await wait_until_uptodate(b, inode, *page, task);
      if (result != Errno::kOk)
        break;
      page = b.vfs.cache.find_get_page(inode.i_data, index);
    }
    if (!page)
      continue;
    b.vfs.cache.mark_page_accessed(*page);
    ra.prev_index = i;
    const std::int64_t from = std::max(pos, i << kPageShift);
    const std::int64_t to = std::min(end, (i + 1) << kPageShift);
    task.charge(b.vfs.costs.read_page + b.vfs.costs.copy_per_kib * (to - from) / 1024);
    if (task.debt() > kCpuChunk)
      co_await b.vfs.cpu.settle(task);
  }
  co_await b.vfs.cpu.settle(task);
  co_return result;
}

namespace {

// __block_write_full_page(): the three passes.
Task<Errno> write_whole_page(Buffers& b, Inode& inode, Page& page, TaskStruct& task) {
  if (!page.test(PG_private))
    co_await create_empty_buffers(b, inode, page, task);
  std::array<BufferHead*, kMaxBufPerPage> ring;
  std::size_t count = 0;
  for_each_buffer(b.cache, page, [&](BufferHead& bh) { ring[count++] = &bh; });
  std::int64_t block = first_block_of(inode, page);
  for (std::size_t i = 0; i < count; ++i, ++block) {
    if (ring[i]->test(BH_Mapped))
      continue;
    const Errno mapped = co_await map_buffer(b, inode, *ring[i], block, true, task);
    if (mapped != Errno::kOk) {
      page.clear(PG_uptodate);
      b.vfs.cache.unlock_page(page);
      co_return mapped;
    }
    ring[i]->clear(BH_New);
  }
  for (std::size_t i = 0; i < count; ++i) {
    co_await lock_buffer(b, *ring[i], task);
    ring[i]->set(BH_Async | BH_Uptodate);
    ++ring[i]->b_count;
    b.cache.start_write(*ring[i]);
    b.cache.refile_buffer(*ring[i]);
  }
  Transfer transfer;
  transfer.end = EndIo::kAsyncWrite;
  transfer.reason = WriteReason::kSync;
  const std::span<BufferHead* const> buffers(ring.data(), count);
  co_await submit_buffers(b, buffers, transfer, task);
  page.set(PG_uptodate);
  co_return Errno::kOk;
}

}  // namespace

Task<Errno> block_write_full_page(Buffers& b, Inode& inode, Page& page, TaskStruct& task) {
  WB_ASSERT(page.test(PG_locked));
  const auto end_index = static_cast<PageIndex>(inode.i_size >> kPageShift);
  const std::int64_t offset = inode.i_size & (kPageSize - 1);
  if (page.index < end_index)
    co_return co_await write_whole_page(b, inode, page, task);
  Errno result = Errno::kEio;
  if (page.index == end_index && offset > 0) {
    result = co_await block_prepare_write(b, inode, page, 0, offset, task);
    if (result == Errno::kOk && block_commit_write(b, inode, page, 0, offset))
      co_await balance_if_due(b, inode.i_data, task);
  }
  b.vfs.cache.unlock_page(page);
  co_return result;
}

}  // namespace wbsim::v24
