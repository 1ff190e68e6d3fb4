#include "models/fs/buffer_io.hpp"

#include <algorithm>
#include <vector>

#include "models/block/blk_plug.hpp"
#include "models/fs/buffer.hpp"
#include "sim/assert.hpp"

namespace wbsim {

namespace {

void write_failed(const Vfs& vfs, Page& page, std::span<BufferHead> buffers) {
  mapping_set_error(*page.mapping, Errno::kEio);
  page.set(PG_error);
  for (BufferHead& bh : buffers) {
    if (vfs.rules.marks_write_eio)
      bh.set(BH_Write_EIO);
    bh.clear(BH_Uptodate);
  }
}

// end_buffer_async_write() for every buffer of the page.
void end_whole_page_write(Vfs& vfs, Page& page, bool ok) {
  unsigned before_all = ~0U;
  unsigned before_any = 0;
  for (BufferHead& bh : ring_of(vfs, page)) {
    before_all &= bh.b_state();
    before_any |= bh.b_state();
    bh.set(BH_Uptodate);
    bh.clear(BH_Async_Write | BH_Lock);
  }
  WB_ASSERT((before_all & BH_Async_Write) != 0);
  if (!ok)
    write_failed(vfs, page, ring_of(vfs, page));
  if ((before_any & BH_Waiters) != 0)
    for (BufferHead& bh : ring_of(vfs, page))
      vfs.buffers.wake(bh);
  vfs.cache.clear_page_writeback(page);
  if (vfs.trace)
    vfs.trace->page(PageEvent::What::kWritten, page);
}

// The buffers of one bio: from `first` on to the end of its page, then those of the pages behind
// it.
void end_async_writes(Vfs& vfs, const BufferHead& first, int count, bool ok) {
  Page* page = &page_of(vfs, first);
  AddressSpace& mapping = *page->mapping;
  const int buffers_per_page = first.ring_size();
  int number = first.b_number();
  int whole_pages = 0;
  for (;;) {
    if (number == 0 && count >= buffers_per_page) {
      end_whole_page_write(vfs, *page, ok);
      ++whole_pages;
      count -= buffers_per_page;
    } else {
      end_buffer_async_write(vfs, ring_of(vfs, *page)[static_cast<std::size_t>(number)], ok);
      number = (number + 1) % buffers_per_page;
      --count;
    }
    if (count == 0)
      break;
    if (number == 0)
      page = vfs.cache.find_get_page(mapping, page->index + 1);
  }
  if (whole_pages > 0)
    vfs.cache.account_writeback_end(*mapping.bdi, whole_pages);
  const CpuCosts& costs = vfs.costs;
  vfs.cpu.steal(
      (costs.complete_page + costs.complete_by_buffers + costs.complete_buffer * buffers_per_page) *
      whole_pages);
}

void buffer_bio_ended(Bio& bio, bool ok) {
  auto& vfs = *static_cast<Vfs*>(bio.bi_private);
  BufferHead& bh = vfs.buffers[static_cast<BufferId>(bio.cookie)];
  const int count = bio.segments;  // more than one after try_append()
  vfs.bios.free(static_cast<FileBio&>(bio));
  WB_ASSERT(count == 1 || bh.b_end_io() == BufferEndIo::kAsyncWrite);
  WB_ASSERT(bh.b_end_io() != BufferEndIo::kNone);
  switch (bh.b_end_io()) {
    case BufferEndIo::kAsyncWrite:
      return end_async_writes(vfs, bh, count, ok);
    case BufferEndIo::kAsyncRead:
      return end_buffer_async_read(vfs, bh, ok);
    case BufferEndIo::kWriteSync:
      return end_buffer_write_sync(vfs, bh, ok);
    case BufferEndIo::kReadSync:
      return end_buffer_read_sync(vfs, bh, ok);
    case BufferEndIo::kNone:
      break;
  }
}

RequestQueue& queue_of(Vfs& vfs, const BufferHead& bh) {
  return *page_of(vfs, bh).mapping->bdi->queue;
}

Task<> submit_one(Vfs& vfs, BufferHead& bh, BioOp op, TaskStruct& task) {
  BioList bios;
  const bool sync = op == BioOp::kRead || vfs.rules.sync_bios;
  const WriteReason reason = op == BioOp::kRead ? WriteReason::kRead : WriteReason::kMetadata;
  FileBio& bio = buffer_bio(vfs, bh, op, sync, reason);
  bio.unplug = op == BioOp::kWrite && sync;  // WRITE_SYNC
  bios.push_back(bio);
  task.charge(vfs.costs.writeback_buffer);
  RequestQueue& queue = queue_of(vfs, bh);
  if (!try_submit_bios(vfs, bios, queue, task))
    co_await submit_bios_waiting(vfs, bios, queue, task);
}

}  // namespace

FileBio& buffer_bio(Vfs& vfs, BufferHead& bh, BioOp op, bool sync, WriteReason reason) {
  mark_submitted(bh, op);
  const AddressSpace& mapping = *page_of(vfs, bh).mapping;
  FileBio& bio = vfs.bios.allocate_for_buffer();
  const std::int64_t sectors = bh.b_size() / kSectorSize;
  bio.sector = mapping.disk_start + Sectors(bh.b_blocknr() * sectors);
  bio.length = Sectors(sectors);
  bio.op = op;
  bio.sync = sync;
  bio.meta = mapping.host->is_block_device;
  bio.reason = reason;
  bio.cookie = vfs.buffers.id_of(bh);
  bio.bi_private = &vfs;
  bio.bi_end_io = &buffer_bio_ended;
  return bio;
}

void unlock_buffer(Vfs& vfs, BufferHead& bh) {
  bh.clear(BH_Lock);
  vfs.buffers.wake(bh);
}

void end_buffer_async_write(Vfs& vfs, BufferHead& bh, bool ok) {
  Page& page = page_of(vfs, bh);
  WB_ASSERT(bh.test(BH_Async_Write));
  bh.set(BH_Uptodate);
  if (!ok)
    write_failed(vfs, page, {&bh, 1});
  bh.clear(BH_Async_Write);
  unlock_buffer(vfs, bh);
  vfs.cpu.steal(vfs.costs.complete_buffer);
  for (const BufferHead* other = &bh.next(); other != &bh; other = &other->next())
    if (other->test(BH_Async_Write))
      return;
  vfs.cache.end_page_writeback(page);
  if (vfs.trace)
    vfs.trace->page(PageEvent::What::kWritten, page);
  vfs.cpu.steal(vfs.costs.complete_page + vfs.costs.complete_by_buffers);
}

void end_buffer_async_read(Vfs& vfs, BufferHead& bh, bool ok) {
  WB_ASSERT(bh.test(BH_Async_Read));
  Page& page = page_of(vfs, bh);
  if (ok) {
    bh.set(BH_Uptodate);
  } else {
    bh.clear(BH_Uptodate);
    page.set(PG_error);
  }
  bh.clear(BH_Async_Read);
  unlock_buffer(vfs, bh);
  bool reading = false;
  bool uptodate = true;
  for_each_buffer(vfs, page, [&](const BufferHead& other) {
    reading = reading || other.test(BH_Async_Read);
    uptodate = uptodate && other.test(BH_Uptodate);
  });
  if (reading)
    return;
  if (uptodate && !page.test(PG_error))
    page.set(PG_uptodate);
  vfs.cache.unlock_page(page);
}

void end_buffer_write_sync(Vfs& vfs, BufferHead& bh, bool ok) {
  if (ok) {
    bh.set(BH_Uptodate);
  } else {
    bh.set(BH_Write_EIO);
    bh.clear(BH_Uptodate);
    if (AddressSpace* mapping = page_of(vfs, bh).mapping; mapping && vfs.rules.errseq)
      mapping_set_error(*mapping, Errno::kEio);
  }
  unlock_buffer(vfs, bh);
  put_bh(vfs, bh);
}

void end_buffer_read_sync(Vfs& vfs, BufferHead& bh, bool ok) {
  if (ok)
    bh.set(BH_Uptodate);
  else
    bh.clear(BH_Uptodate);
  unlock_buffer(vfs, bh);
  put_bh(vfs, bh);
}

Task<> wait_on_buffer(Vfs& vfs, BufferHead& bh, TaskStruct& task) {
  co_await vfs.cpu.settle(task);
  while (bh.test(BH_Lock)) {
    queue_of(vfs, bh).unplug();
    co_await vfs.buffers.wait_on(bh, "wait_on_buffer");
    co_await vfs.cpu.woken(task);
  }
}

Task<> lock_buffer(Vfs& vfs, BufferHead& bh, TaskStruct& task) {
  if (bh.test(BH_Lock))
    co_await wait_on_buffer(vfs, bh, task);
  bh.set(BH_Lock);
}

Task<> ll_rw_block(Vfs& vfs, BlockRw rw, BufferHead& bh, TaskStruct& task) {
  if (rw == BlockRw::kSwrite)
    co_await lock_buffer(vfs, bh, task);
  else if (bh.test(BH_Lock))
    co_return;
  else
    bh.set(BH_Lock);
  if (rw != BlockRw::kRead && bh.test(BH_Dirty)) {
    bh.clear(BH_Dirty);
    bh.set_end_io(BufferEndIo::kWriteSync);
    get_bh(vfs, bh);
    co_await submit_one(vfs, bh, BioOp::kWrite, task);
  } else if (rw == BlockRw::kRead && !bh.test(BH_Uptodate)) {
    bh.set_end_io(BufferEndIo::kReadSync);
    get_bh(vfs, bh);
    co_await submit_one(vfs, bh, BioOp::kRead, task);
  } else {
    unlock_buffer(vfs, bh);
  }
}

Task<Errno> sync_dirty_buffer(Vfs& vfs, BufferHead& bh, TaskStruct& task) {
  co_await lock_buffer(vfs, bh, task);
  if (!bh.test(BH_Dirty)) {
    unlock_buffer(vfs, bh);
    co_return Errno::kOk;
  }
  bh.clear(BH_Dirty);
  bh.set_end_io(BufferEndIo::kWriteSync);
  get_bh(vfs, bh);
  co_await submit_one(vfs, bh, BioOp::kWrite, task);
  co_await wait_on_buffer(vfs, bh, task);
  co_return bh.test(BH_Uptodate) ? Errno::kOk : Errno::kEio;
}

namespace {
BufferHead* last_locked(Vfs& vfs, const AddressSpace& owner) {
  const auto buffers = owner.private_list.all();
  const auto it = std::find_if(buffers.rbegin(), buffers.rend(),
                               [&](BufferId id) { return vfs.buffers[id].test(BH_Lock); });
  return it == buffers.rend() ? nullptr : &vfs.buffers[*it];
}
}  // namespace

Task<Errno> fsync_buffers_list(Vfs& vfs, AddressSpace& owner, TaskStruct& task) {
  std::vector<BufferId> submitted;
  Process& self = co_await this_process();
  BlkPlug plug;
  plug.start(task.io_context, self);
  while (!owner.private_list.empty()) {
    BufferHead& bh = remove_assoc_queue(vfs, owner);
    if (!bh.test(BH_Dirty) && !bh.test(BH_Lock))
      continue;
    get_bh(vfs, bh);
    submitted.push_back(vfs.buffers.id_of(bh));
    if (bh.test(BH_Dirty))
      co_await ll_rw_block(vfs, BlockRw::kSwrite, bh, task);
  }
  plug.finish();
  Errno result = Errno::kOk;
  for (const BufferId id : submitted) {
    BufferHead& bh = vfs.buffers[id];
    if (bh.test(BH_Dirty))
      mark_buffer_dirty_inode(vfs, bh, *owner.host, nullptr);
    co_await wait_on_buffer(vfs, bh, task);
    if (!bh.test(BH_Uptodate))
      result = Errno::kEio;
    put_bh(vfs, bh);
  }
  while (BufferHead* const bh = last_locked(vfs, owner)) {  // osync: what was queued meanwhile
    co_await wait_on_buffer(vfs, *bh, task);
    if (!bh->test(BH_Uptodate))
      result = Errno::kEio;
  }
  co_return result;
}

}  // namespace wbsim
