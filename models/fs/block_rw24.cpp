#include "models/fs/block_rw24.hpp"

#include <array>

#include "models/fs/buffer24_trace.hpp"
#include "sim/assert.hpp"

namespace wbsim::v24 {

namespace {

// unmap_underlying_metadata(): a stale copy in the buffer cache must not be written later.
Task<> unmap_underlying_metadata(Buffers& b, const BufferHead& bh, TaskStruct& task) {
  BufferHead* const alias = b.cache.get_hash_table(*bh.b_dev, bh.b_blocknr);
  if (!alias)
    co_return;
  b.cache.discard(*alias);
  b.cache.refile_buffer(*alias);
  co_await wait_on_buffer(b, *alias, task);
  alias->clear(BH_Req);
  b.cache.brelse(*alias);
}

// Where the touched buffer starts and ends in its page.
struct Place {
  std::int64_t start, end;
  bool touched(std::int64_t from, std::int64_t to) const { return end > from && start < to; }
};

void charge_mapping(Vfs& vfs, const Inode& inode, const BufferHead& bh, std::int64_t block,
                    TaskStruct& task) {
  task.charge(vfs.costs.indirect_block * inode.i_sb->indirect_levels(block));
  if (bh.test(BH_New))
    task.charge(vfs.costs.allocate_block);
}

}  // namespace

Task<Errno> map_buffer(Buffers& b, Inode& inode, BufferHead& bh, std::int64_t block, bool create,
                       TaskStruct& task) {
  for (;;) {
    wbsim::BufferHead answer{};
    std::int64_t metadata_block = -1;
    switch (inode.i_sb->get_block(inode, block, answer, create, metadata_block)) {
      case GetBlock::kMapped:
        bh.b_blocknr = answer.b_blocknr();
        bh.set(answer.test(wbsim::BH_New) ? BH_Mapped | BH_New : unsigned{BH_Mapped});
        if (create)
          charge_mapping(b.vfs, inode, bh, block, task);
        if (bh.test(BH_New))
          co_await unmap_underlying_metadata(b, bh, task);
        co_return Errno::kOk;
      case GetBlock::kHole:
        co_return create ? Errno::kEio : Errno::kOk;
      case GetBlock::kEnospc:
        co_return Errno::kEnospc;
      case GetBlock::kEio:
        co_return Errno::kEio;
      case GetBlock::kNeedsMetadata:
        break;
    }
    BufferHead* const indirect =
        co_await bread(b, b.device_of(inode), metadata_block, bh.b_size, task);
    if (!indirect)
      co_return Errno::kEio;
    b.cache.brelse(*indirect);
  }
}

namespace {

// What prepare does about one touched buffer. True when it must be read.
bool needs_read(Page& page, BufferHead& bh, const Place& place, std::int64_t from,
                std::int64_t to) {
  if (page.test(PG_uptodate))
    bh.set(BH_Uptodate);
  const bool partial = place.start < from || place.end > to;
  return partial && !bh.test(BH_Uptodate);
}

// Nothing stale is exposed when the write fails: new blocks are zeros, and dirty.
void zero_new_buffers(Buffers& b, Page& page, std::int64_t from, std::int64_t to) {
  std::int64_t start = 0;
  for_each_buffer(b.cache, page, [&](BufferHead& bh) {
    const Place place{start, start + bh.b_size};
    start = place.end;
    if (!place.touched(from, to) || !bh.test(BH_New))
      return;
    bh.clear(BH_New);
    bh.set(BH_Uptodate);
    b.cache.mark_dirty(bh, b.flushtime());
  });
}

}  // namespace

Task<Errno> block_prepare_write(Buffers& b, Inode& inode, Page& page, std::int64_t from,
                                std::int64_t to, TaskStruct& task) {
  WB_ASSERT(page.test(PG_locked) && from < to && to <= kPageSize);
  if (!page.test(PG_private))
    co_await create_empty_buffers(b, inode, page, task);
  Errno result = Errno::kOk;
  std::int64_t block = first_block_of(inode, page);
  std::array<BufferHead*, 2> waiting{};
  std::size_t reads = 0;
  BufferHead* const first = &b.cache.page_buffers(page);
  BufferHead* bh = first;
  Place place{0, bh->b_size};
  do {
    if (place.touched(from, to)) {
      bh->clear(BH_New);
      if (!bh->test(BH_Mapped))
        result = co_await map_buffer(b, inode, *bh, block, true, task);
      if (result != Errno::kOk)
        break;
      if (bh->test(BH_New) && page.test(PG_uptodate)) {
        bh->set(BH_Uptodate);
      } else if (!bh->test(BH_New) && needs_read(page, *bh, place, from, to)) {
        co_await ll_rw_block(b, BioOp::kRead, *bh, WriteReason::kRead, task);
        waiting[reads++] = bh;
      }
    } else if (page.test(PG_uptodate)) {
      bh->set(BH_Uptodate);
    }
    ++block;
    place = {place.end, place.end + bh->b_size};
    bh = bh->b_this_page;
  } while (bh != first);
  while (reads > 0) {
    BufferHead& read = *waiting[--reads];
    co_await wait_on_buffer(b, read, task);
    if (!read.test(BH_Uptodate))
      result = Errno::kEio;
  }
  if (result != Errno::kOk)
    zero_new_buffers(b, page, from, to);
  co_return result;
}

bool block_commit_write(Buffers& b, Inode& inode, Page& page, std::int64_t from, std::int64_t to) {
  bool partial = false;
  bool need_balance_dirty = false;
  std::int64_t start = 0;
  InodeBuffers& data = b.data_list(inode);
  for_each_buffer(b.cache, page, [&](BufferHead& bh) {
    const Place place{start, start + bh.b_size};
    start = place.end;
    if (!place.touched(from, to)) {
      partial = partial || !bh.test(BH_Uptodate);
      return;
    }
    bh.set(BH_Uptodate);
    bh.clear(BH_New);
    if (!b.cache.mark_dirty(bh, b.flushtime()))
      return;
    trace_buffer(b, BufferCacheEvent::What::kDirtied, bh);
    b.cache.buffer_insert_inode_queue(bh, data);
    need_balance_dirty = true;
  });
  if (!partial)
    page.set(PG_uptodate);
  return need_balance_dirty;
}

Task<Errno> block_read_full_page(Buffers& b, Inode& inode, Page& page, TaskStruct& task) {
  WB_ASSERT(page.test(PG_locked));
  if (!page.test(PG_private))
    co_await create_empty_buffers(b, inode, page, task);
  page.clear(PG_error);
  std::array<BufferHead*, kMaxBufPerPage> reads;
  std::size_t count = 0;
  std::int64_t block = first_block_of(inode, page);
  const std::int64_t blocks = (inode.i_size + inode.block_size() - 1) >> inode.i_blkbits;
  BufferHead* const first = &b.cache.page_buffers(page);
  BufferHead* bh = first;
  do {
    if (!bh->test(BH_Uptodate)) {
      Errno mapped = Errno::kOk;
      if (!bh->test(BH_Mapped) && block < blocks)
        mapped = co_await map_buffer(b, inode, *bh, block, false, task);
      if (mapped != Errno::kOk)
        page.set(PG_error);
      else if (bh->test(BH_Mapped))
        reads[count++] = bh;
      else
        bh->set(BH_Uptodate);  // zeros
    }
    ++block;
    bh = bh->b_this_page;
  } while (bh != first);
  std::size_t left = 0;
  for (std::size_t i = 0; i < count; ++i) {
    co_await lock_buffer(b, *reads[i], task);
    if (reads[i]->test(BH_Uptodate)) {
      unlock_buffer(b, *reads[i]);
      continue;
    }
    reads[i]->set(BH_Async);
    ++reads[i]->b_count;
    reads[left++] = reads[i];
  }
  const bool failed = page.test(PG_error);
  if (left == 0) {
    if (!failed)
      page.set(PG_uptodate);
    b.vfs.cache.unlock_page(page);
    co_return failed ? Errno::kEio : Errno::kOk;
  }
  Transfer transfer;
  transfer.op = BioOp::kRead;
  transfer.end = EndIo::kAsyncRead;
  transfer.reason = WriteReason::kRead;
  const std::span<BufferHead* const> buffers(reads.data(), left);
  co_await submit_buffers(b, buffers, transfer, task);
  co_return failed ? Errno::kEio : Errno::kOk;
}

}  // namespace wbsim::v24
