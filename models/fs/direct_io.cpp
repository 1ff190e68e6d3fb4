#include "models/fs/direct_io.hpp"

#include <algorithm>
#include <limits>

#include "models/block/blk_plug.hpp"
#include "models/fs/block_device.hpp"
#include "models/fs/buffer.hpp"
#include "models/fs/page_scan.hpp"
#include "sim/assert.hpp"

namespace wbsim {

namespace {

// One call, while its bios are under way.
struct DirectIo {
  explicit DirectIo(Vfs& v) : vfs(v) {}
  Vfs& vfs;
  int underway = 0;
  bool failed = false;
  WaitQueue done;
};

void direct_bio_ended(Bio& bio, bool ok) {
  auto& call = *static_cast<DirectIo*>(bio.bi_private);
  call.vfs.bios.free(static_cast<FileBio&>(bio));
  call.failed = call.failed || !ok;
  if (--call.underway == 0)
    call.done.wake_all();
}

Task<Errno> write_out_range(Vfs& vfs, Inode& inode, PageIndex first, PageIndex last,
                            TaskStruct& task) {
  WritebackControl wbc;
  wbc.sync_mode = SyncMode::WB_SYNC_ALL;
  wbc.nr_to_write = std::numeric_limits<std::int64_t>::max();
  wbc.range_start = first;
  wbc.range_end = last;
  wbc.reason = WriteReason::kSync;
  co_return co_await do_writepages(vfs, inode, wbc, task);
}

// filemap_fdatawait_range()
Task<> wait_for_range(Vfs& vfs, Inode& inode, PageIndex first, PageIndex last, TaskStruct& task) {
  AddressSpace& mapping = inode.i_data;
  PageIndex index = mapping.pages.next_tagged(first, PageTag::kWriteback);
  for (; index != PageTree::kNone && index <= last;
       index = mapping.pages.next_tagged(index + 1, PageTag::kWriteback)) {
    Page& page = *vfs.cache.find_get_page(mapping, index);
    vfs.cache.get_page(page);
    co_await wait_on_page_writeback(vfs, page, task);
    vfs.cache.put_page(page);
  }
}

// invalidate_inode_pages2_range(): the cached pages of the range, clean by now, go away.
Task<> invalidate_range(Vfs& vfs, Inode& inode, PageIndex first, PageIndex last, TaskStruct& task) {
  AddressSpace& mapping = inode.i_data;
  PageIndex index = mapping.pages.next_present(first);
  for (; index != PageTree::kNone && index <= last; index = mapping.pages.next_present(index + 1)) {
    Page& page = *vfs.cache.find_get_page(mapping, index);
    vfs.cache.get_page(page);
    co_await lock_page_waiting(vfs, page, task);
    co_await wait_on_page_writeback(vfs, page, task);
    const bool droppable = page.mapping == &mapping && !page.test(PG_dirty) &&
                           (!page.test(PG_private) || try_to_free_buffers(vfs, page));
    vfs.cache.unlock_page(page);
    if (droppable)
      vfs.cache.remove_from_page_cache(page);
    vfs.cache.put_page(page);
  }
}

// The longest bio: the caller's memory begins with a page, and each page of it is a segment.
Sectors longest_bio(const QueueParams& limits) {
  return std::min(limits.max_sectors, Sectors(std::int64_t{limits.max_segments} * kSectorsPerPage));
}

// The bio for what begins at sector `at`: the last one if it can take it, else a new one.
FileBio& bio_for(DirectIo& call, BioList& bios, FileBio* last, Sectors at, Sectors length, BioOp op,
                 Sectors max) {
  if (last && last->sector + last->length == at && last->length + length <= max)
    return *last;
  FileBio& bio = call.vfs.bios.allocate_for_buffer();
  bio.sector = at;
  bio.length = Sectors(0);
  bio.segments = 0;
  bio.op = op;
  bio.sync = bio.direct = true;
  bio.reason = op == BioOp::kRead ? WriteReason::kRead : WriteReason::kSync;
  bio.bi_private = &call;
  bio.bi_end_io = &direct_bio_ended;
  bios.push_back(bio);
  ++call.underway;
  return bio;
}

Errno error_of(GetBlock got) {
  return got == GetBlock::kEnospc ? Errno::kEnospc
         : got == GetBlock::kEio  ? Errno::kEio
                                  : Errno::kOk;
}

// The bios of the whole range; a hole that is read needs none.
Task<Errno> build(DirectIo& call, Inode& inode, std::int64_t pos, std::int64_t length, BioOp op,
                  BioList& bios, TaskStruct& task) {
  const Sectors max = longest_bio(inode.i_data.bdi->queue->params());
  FileBio* last = nullptr;
  const std::int64_t end = pos + length;
  while (pos < end) {
    BufferHead bh{};
    std::int64_t metadata_block = -1;
    const GetBlock got = inode.i_sb->get_block(inode, pos >> inode.i_blkbits, bh,
                                               op == BioOp::kWrite, metadata_block);
    if (got == GetBlock::kNeedsMetadata) {
      if (!co_await bread(call.vfs, *inode.i_sb->block_device(), metadata_block, task))
        co_return Errno::kEio;
      continue;
    }
    if (error_of(got) != Errno::kOk)
      co_return error_of(got);
    const std::int64_t within = pos & (inode.block_size() - 1);
    const std::int64_t piece = std::min(inode.block_size() - within, end - pos);
    pos += piece;
    if (got == GetBlock::kHole)
      continue;
    const Sectors at = inode.i_data.disk_start +
                       Sectors((bh.b_blocknr() * inode.block_size() + within) / kSectorSize);
    last = &bio_for(call, bios, last, at, Sectors(piece / kSectorSize), op, max);
    last->length += Sectors(piece / kSectorSize);
    last->segments =
        static_cast<std::uint16_t>((last->length.count() + kSectorsPerPage - 1) / kSectorsPerPage);
  }
  co_return Errno::kOk;
}

}  // namespace

Task<Errno> direct_io(Vfs& vfs, Inode& opened, std::int64_t pos, std::int64_t length, BioOp op,
                      TaskStruct& task) {
  Inode& inode = opened.host();
  WB_ASSERT(pos % kSectorSize == 0 && length % kSectorSize == 0 && length > 0);
  task.charge(vfs.costs.write_syscall);
  const auto first = static_cast<PageIndex>(pos >> kPageShift);
  const auto last = static_cast<PageIndex>((pos + length - 1) >> kPageShift);
  const bool takes_mutex = op == BioOp::kWrite && !inode.is_block_device;
  if (takes_mutex)
    co_await mutex_lock(vfs, inode, task);
  if (op == BioOp::kRead)
    file_accessed(vfs, opened);
  Errno result = Errno::kOk;
  if (inode.i_data.nrpages > 0) {
    result = co_await write_out_range(vfs, inode, first, last, task);
    co_await wait_for_range(vfs, inode, first, last, task);
    if (op == BioOp::kWrite)
      co_await invalidate_range(vfs, inode, first, last, task);
  }
  DirectIo call(vfs);
  BioList bios;
  if (result == Errno::kOk)
    result = co_await build(call, inode, pos, length, op, bios, task);
  RequestQueue& queue = *inode.i_data.bdi->queue;
  Process& self = co_await this_process();
  BlkPlug plug;
  plug.start(task.io_context, self);
  if (!try_submit_bios(vfs, bios, queue, task))
    co_await submit_bios_waiting(vfs, bios, queue, task);
  co_await vfs.cpu.settle(task);  // the work comes before the request reaches the device
  plug.finish();
  queue.unplug();
  while (call.underway > 0) {
    co_await call.done.wait("direct I/O");
    co_await vfs.cpu.woken(task);
  }
  if (op == BioOp::kWrite && result == Errno::kOk && pos + length > inode.i_size) {
    inode.i_size = pos + length;
    mark_inode_dirty(vfs, inode, I_DIRTY_SYNC | I_DIRTY_DATASYNC);
  }
  if (takes_mutex)
    mutex_unlock(inode);
  co_return call.failed&& result == Errno::kOk ? Errno::kEio : result;
}

}  // namespace wbsim
