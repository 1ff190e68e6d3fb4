#include "models/block/request_queue.hpp"
#include "models/fs/buffer24_trace.hpp"
#include "models/fs/page_scan.hpp"
#include "sim/assert.hpp"

namespace wbsim::v24 {

namespace {

void set_uptodate(BufferHead& bh, bool ok) {
  if (ok)
    bh.set(BH_Uptodate);
  else
    bh.clear(BH_Uptodate);
}

void end_buffer_io_sync(Buffers& b, BufferHead& bh, bool ok) {
  set_uptodate(bh, ok);
  unlock_buffer(b, bh);
  b.cache.brelse(bh);
}

// Of a whole page: the last buffer to end unlocks it.
void end_buffer_io_async(Buffers& b, BufferHead& bh, bool ok) {
  Page& page = *bh.b_page;
  set_uptodate(bh, ok);
  if (!ok)
    page.set(PG_error);
  bh.clear(BH_Async);
  unlock_buffer(b, bh);
  b.cache.brelse(bh);
  bool uptodate = true;
  for (BufferHead* other = bh.b_this_page; other != &bh; other = other->b_this_page) {
    if (other->test_all(BH_Async | BH_Lock))
      return;
    uptodate = uptodate && other->test(BH_Uptodate);
  }
  if (uptodate && ok && !page.test(PG_error))
    page.set(PG_uptodate);
  b.vfs.cache.unlock_page(page);
}

void buffer_bio_ended(Bio& bio, bool ok) {
  auto& b = *static_cast<Buffers*>(bio.bi_private);
  BufferHead& bh = b.cache[static_cast<std::uint32_t>(bio.cookie)];
  const bool write = bio.op == BioOp::kWrite;
  b.vfs.bios.free(static_cast<FileBio&>(bio));
  if (write) {
    b.cache.end_write(bh);
    b.vfs.cpu.steal(b.vfs.costs.complete_page * bh.b_size / kPageSize);
  }
  const EndIo end = bh.b_end_io;
  bh.b_end_io = EndIo::kNone;
  if (end == EndIo::kAsyncRead || end == EndIo::kAsyncWrite)
    end_buffer_io_async(b, bh, ok);
  else
    end_buffer_io_sync(b, bh, ok);
  if (write)
    trace_buffer(b, BufferCacheEvent::What::kWritten, bh);
}

// Null: metadata.
const Inode* file_of(const Page& page) {
  const Inode* const host = page.mapping ? page.mapping->host : nullptr;
  return host && !host->is_block_device ? host : nullptr;
}

FileBio& buffer_bio(Buffers& b, BufferHead& bh, Transfer transfer) {
  WB_ASSERT(bh.test_all(BH_Lock | BH_Mapped) && bh.b_count > 0);
  bh.set(BH_Req);
  bh.b_end_io = transfer.end;
  FileBio& bio = b.vfs.bios.allocate_for_buffer();
  const std::int64_t sectors = bh.b_size / kSectorSize;
  bio.sector = bh.b_dev->inode->i_data.disk_start + Sectors(bh.b_blocknr * sectors);
  bio.length = Sectors(sectors);
  bio.op = transfer.op;
  bio.meta = file_of(*bh.b_page) == nullptr;
  bio.reason = transfer.reason;
  bio.cookie = bh.b_id;
  bio.bi_private = &b;
  bio.bi_end_io = &buffer_bio_ended;
  return bio;
}

}  // namespace

void unlock_buffer(Buffers& b, BufferHead& bh) {
  bh.clear(BH_Lock);
  b.wake(bh);
}

Task<> wait_on_buffer(Buffers& b, BufferHead& bh, TaskStruct& task) {
  co_await b.vfs.cpu.settle(task);
  ++bh.b_count;
  while (bh.test(BH_Lock)) {
    b.tq_disk.run();
    co_await b.wait_on(bh, "wait_on_buffer");
    co_await b.vfs.cpu.woken(task);
  }
  b.cache.brelse(bh);
}

Task<> lock_buffer(Buffers& b, BufferHead& bh, TaskStruct& task) {
  while (bh.test(BH_Lock))
    co_await wait_on_buffer(b, bh, task);
  bh.set(BH_Lock);
}

Task<> submit_buffers(Buffers& b, std::span<BufferHead* const> buffers, Transfer transfer,
                      TaskStruct& task) {
  const CpuCosts& costs = b.vfs.costs;
  for (BufferHead* bh : buffers) {
    FileBio& bio = buffer_bio(b, *bh, transfer);
    RequestQueue& queue = *bh->b_dev->inode->i_data.bdi->queue;
    if (transfer.op == BioOp::kWrite) {
      const Inode* const file = file_of(*bh->b_page);
      task.io_context.ino = file ? static_cast<std::int64_t>(file->i_ino) : -1;
      task.io_context.dirtied_when = b.vfs.ticks.start_of(bh->b_flushtime - b.bdf_prm.age_buffer);
      task.charge(costs.writeback_page * bh->b_size / kPageSize + costs.writeback_buffer);
    }
    switch (queue.try_submit(bio, task.io_context)) {
      case RequestQueue::Submit::kMerged:
        break;
      case RequestQueue::Submit::kQueued:
        task.charge(costs.request);
        break;
      case RequestQueue::Submit::kOwes:
      case RequestQueue::Submit::kNoRequest:
        co_await b.vfs.cpu.settle(task);
        co_await queue.submit_slow(bio, task.io_context);
        task.charge(costs.request);
        break;
    }
    if (task.debt() > kCpuChunk)
      co_await b.vfs.cpu.settle(task);
  }
}

Task<> ll_rw_block(Buffers& b, BioOp op, BufferHead& bh, WriteReason reason, TaskStruct& task) {
  if (bh.test(BH_Lock))
    co_return;
  bh.set(BH_Lock);
  Transfer transfer;
  transfer.op = op;
  transfer.reason = reason;
  if (op == BioOp::kWrite) {
    if (!bh.test(BH_Dirty)) {
      unlock_buffer(b, bh);
      co_return;
    }
    b.cache.start_write(bh);
    b.cache.refile_buffer(bh);
    trace_buffer(b, BufferCacheEvent::What::kWriting, bh);
  } else {
    if (bh.test(BH_Uptodate)) {
      unlock_buffer(b, bh);
      co_return;
    }
    transfer.end = EndIo::kSyncRead;
  }
  ++bh.b_count;
  BufferHead* const one[] = {&bh};
  const std::span<BufferHead* const> buffers(one);
  co_await submit_buffers(b, buffers, transfer, task);
}

}  // namespace wbsim::v24
