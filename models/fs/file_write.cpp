#include <algorithm>

#include "models/fs/block_device.hpp"
#include "models/fs/block_write_begin.hpp"
#include "models/fs/buffer.hpp"
#include "models/fs/buffer_io.hpp"
#include "models/fs/file.hpp"
#include "models/fs/page_scan.hpp"
#include "models/fs/truncate.hpp"
#include "sim/assert.hpp"

namespace wbsim {

Task<> mutex_lock(Vfs& vfs, Inode& inode, TaskStruct& task) {
  if (!inode.i_mutex_held) {
    inode.i_mutex_held = true;
    co_return;
  }
  co_await vfs.cpu.settle(task);
  while (inode.i_mutex_held) {
    co_await inode.i_mutex_waiters.wait("i_mutex");
    co_await vfs.cpu.woken(task);
  }
  inode.i_mutex_held = true;
}

void mutex_unlock(Inode& inode) {
  WB_ASSERT(inode.i_mutex_held);
  inode.i_mutex_held = false;
  inode.i_mutex_waiters.wake_one();
}

namespace {

// file_update_time(): the inode is dirtied once per tick or step of its times at most.
void file_update_time(Vfs& vfs, Inode& inode) {
  if (!inode.i_sb->keeps_times())
    return;
  const Duration step = inode.i_sb->time_granularity();
  const Duration now = vfs.ticks.start_of(vfs.jiffies()).time_since_epoch() / step * step;
  if (inode.i_mtime == now)
    return;
  inode.i_mtime = now;
  mark_inode_dirty(vfs, inode, I_DIRTY_SYNC);
}

// What block_prepare() could not do without sleeping. Leaves the page ready to be copied into.
Task<Errno> prepare_waiting(Vfs& vfs, Inode& inode, Page& page, std::int64_t from, std::int64_t to,
                            Prepared& prepared, TaskStruct& task) {
  RequestQueue& queue = *inode.i_data.bdi->queue;
  for (;;) {
    if (!try_submit_bios(vfs, prepared.reads, queue, task))
      co_await submit_bios_waiting(vfs, prepared.reads, queue, task);
    if (prepared.state != Prepared::State::kNeedsMetadata)
      break;
    Inode& device = *inode.i_sb->block_device();
    if (co_await bread(vfs, device, prepared.metadata_block, task)) {
      prepared = block_prepare(vfs, inode, page, from, to);
    } else {
      prepared.state = Prepared::State::kFailed;
      prepared.error = Errno::kEio;
    }
  }
  Errno result = prepared.error;
  for (int i = prepared.waiting_count - 1; i >= 0; --i) {
    BufferHead& bh = vfs.buffers[prepared.waiting[static_cast<std::size_t>(i)]];
    co_await wait_on_buffer(vfs, bh, task);
    if (!bh.test(BH_Uptodate))
      result = Errno::kEio;
  }
  co_return result;
}

struct Piece {  // of the write, within one page
  PageIndex index;
  std::int64_t from, to;
};

Piece piece_at(std::int64_t pos, std::int64_t end) {
  const std::int64_t from = pos & (kPageSize - 1);
  const std::int64_t to = std::min(kPageSize, from + (end - pos));
  return {static_cast<PageIndex>(pos >> kPageShift), from, to};
}

void finish_piece(Vfs& vfs, Inode& inode, Page& page, const Piece& piece, TaskStruct& task) {
  block_commit_write(vfs, page, piece.from, piece.to, &task);
  const std::int64_t end = (std::int64_t{piece.index} << kPageShift) + piece.to;
  if (end > inode.i_size) {
    inode.i_size = end;
    mark_inode_dirty(vfs, inode, I_DIRTY_SYNC | I_DIRTY_DATASYNC);
  }
  vfs.cache.unlock_page(page);
  vfs.cache.mark_page_accessed(page);
  task.charge(vfs.costs.refill * vfs.cache.take_refills());
  task.charge(vfs.costs.write_page + vfs.costs.write_buffer * (kPageSize >> inode.i_blkbits) +
              vfs.costs.copy_per_kib * (piece.to - piece.from) / 1024);
}

}  // namespace

Task<Errno> generic_file_write(Vfs& vfs, Inode& opened, std::int64_t pos, std::int64_t length,
                               TaskStruct& task) {
  Inode& inode = opened.host();
  task.charge(vfs.costs.write_syscall);
  const bool takes_mutex = !inode.is_block_device;  // generic_file_aio_write_nolock()
  if (takes_mutex)
    co_await mutex_lock(vfs, inode, task);
  file_update_time(vfs, opened);
  const std::int64_t end = pos + length;
  Errno result = Errno::kOk;
  while (pos < end) {
    const Piece piece = piece_at(pos, end);
    Page* page = try_grab_cache_page(vfs, inode, piece.index, task);
    if (!page)
      page = co_await grab_cache_page(vfs, inode, piece.index, task);
    Prepared prepared = block_prepare(vfs, inode, *page, piece.from, piece.to);
    if (prepared.state != Prepared::State::kReady) {
      result = co_await prepare_waiting(vfs, inode, *page, piece.from, piece.to, prepared, task);
      if (result != Errno::kOk) {
        page_zero_new_buffers(vfs, *page, piece.from, piece.to, &task);
        vfs.cache.unlock_page(*page);
        break;
      }
    }
    finish_piece(vfs, inode, *page, piece, task);
    pos += piece.to - piece.from;
    if (vfs.throttle->ratelimit(task, inode.i_data, Pages(1))) {
      co_await vfs.cpu.settle(task);
      co_await vfs.throttle->balance_dirty_pages(task, inode.i_data);
    } else if (task.debt() > kCpuChunk) {
      co_await vfs.cpu.settle(task);
    }
  }
  if (result != Errno::kOk && end > inode.i_size && !inode.is_block_device) {
    const Errno truncated = co_await truncate(vfs, inode, inode.i_size, task);
    static_cast<void>(truncated);  // the error of the write counts
  }
  if (takes_mutex)
    mutex_unlock(inode);
  co_await vfs.cpu.settle(task);
  co_return result;
}

}  // namespace wbsim
