#include "models/fs/block_write_begin.hpp"

#include "models/fs/block_device.hpp"
#include "models/fs/buffer.hpp"
#include "models/fs/buffer_io.hpp"
#include "sim/assert.hpp"

namespace wbsim {

namespace {

enum class Mapped : std::uint8_t { kGoOn, kSkipBlock, kStop };

// The get_block part of one touched buffer.
[[gnu::always_inline]] inline Mapped map_touched(Vfs& vfs, Inode& inode, Page& page, BufferHead& bh,
                                                 std::int64_t block, Prepared& result) {
  const GetBlock got = inode.i_sb->get_block(inode, block, bh, true, result.metadata_block);
  if (got == GetBlock::kNeedsMetadata) {
    result.state = Prepared::State::kNeedsMetadata;
    return Mapped::kStop;
  }
  if (got != GetBlock::kMapped) {
    result.state = Prepared::State::kFailed;
    result.error = got == GetBlock::kEnospc ? Errno::kEnospc : Errno::kEio;
    return Mapped::kStop;
  }
  result.get_block_cost += cost_of_lookup(vfs, inode, block);
  if (!bh.test(BH_New))
    return Mapped::kGoOn;
  result.get_block_cost += vfs.costs.allocate_block;
  if (vfs.costs.extent_level > Duration::zero())
    result.get_block_cost += vfs.costs.extent_level * inode.i_sb->extent_levels(inode);
  unmap_underlying_metadata(vfs, inode, bh);
  if (page.test(PG_uptodate))
    bh.set(BH_Uptodate);
  return Mapped::kSkipBlock;  // what is not written of a new block is zeroed, not read
}

// ll_rw_block(READ): a locked buffer is being read already.
void read_unless_locked(Vfs& vfs, BufferHead& bh, Prepared& result) {
  if (bh.test(BH_Lock))
    return;
  bh.set(BH_Lock);
  bh.set_end_io(BufferEndIo::kReadSync);
  get_bh(vfs, bh);
  result.reads.push_back(buffer_bio(vfs, bh, BioOp::kRead, true, WriteReason::kRead));
}

}  // namespace

Prepared block_prepare(Vfs& vfs, Inode& inode, Page& page, std::int64_t from, std::int64_t to) {
  WB_ASSERT(page.test(PG_locked) && from < to && to <= kPageSize);
  Prepared result;
  const std::int64_t blocksize = inode.block_size();
  if (!page.test(PG_private))
    create_empty_buffers(vfs, page, blocksize, 0);
  std::int64_t block = (std::int64_t{page.index} << kPageShift) >> inode.i_blkbits;
  std::int64_t start = 0;
  for (BufferHead& bh : ring_of(vfs, page)) {
    const std::int64_t end = start + blocksize;
    if (end <= from || start >= to) {
      if (page.test(PG_uptodate))
        bh.set(BH_Uptodate);
    } else {
      Mapped mapped = Mapped::kGoOn;
      if (!bh.test(BH_Mapped)) {
        bh.clear(BH_New);
        mapped = map_touched(vfs, inode, page, bh, block, result);
        if (mapped == Mapped::kStop)
          return result;
      } else if (bh.test(BH_New)) {
        mapped = Mapped::kSkipBlock;  // mapped by an earlier pass over this page that had to wait
      }
      if (mapped == Mapped::kGoOn) {
        if (page.test(PG_uptodate))
          bh.set(BH_Uptodate);
        const bool partial = start < from || end > to;
        if (partial && !bh.test(BH_Uptodate) && !bh.test(BH_Delay) && !bh.test(BH_Unwritten)) {
          read_unless_locked(vfs, bh, result);
          result.waiting[static_cast<std::size_t>(result.waiting_count++)] = vfs.buffers.id_of(bh);
        }
      }
    }
    ++block;
    start = end;
  }
  if (result.waiting_count > 0)
    result.state = Prepared::State::kReading;
  return result;
}

Prepared block_write_new_page(Vfs& vfs, Inode& inode, Page& page, TaskStruct* dirtier) {
  Prepared result;
  create_empty_buffers(vfs, page, inode.block_size(), 0);
  std::int64_t block = (std::int64_t{page.index} << kPageShift) >> inode.i_blkbits;
  for (BufferHead& bh : ring_of(vfs, page))
    if (map_touched(vfs, inode, page, bh, block++, result) == Mapped::kStop)
      return result;
  if (vfs.trace)
    vfs.trace->buffers_dirty(page, 0, kPageSize);
  bool newly_dirty = false;
  for_each_buffer(vfs, page, [&newly_dirty](BufferHead& bh) {
    newly_dirty = newly_dirty || !bh.test(BH_Dirty);
    bh.set(BH_Uptodate | BH_Dirty);
    bh.clear(BH_New);
  });
  if (newly_dirty)
    mark_page_dirty_by_buffer(vfs, page, dirtier);
  page.set(PG_uptodate);
  return result;
}

bool try_write_mapped_page(Vfs& vfs, Inode& inode, Page& page, TaskStruct* dirtier) {
  WB_ASSERT(page.test(PG_locked));
  const std::int64_t block = (std::int64_t{page.index} << kPageShift) >> inode.i_blkbits;
  const int count = 1 << (kPageShift - inode.i_blkbits);
  const std::int64_t first = inode.i_sb->mapped_run(inode, block, count);
  if (first < 0 || vfs.trace)
    return false;
  create_written_buffers(vfs, page, inode.block_size(), first);
  mark_page_dirty_by_buffer(vfs, page, dirtier);
  page.set(PG_uptodate);
  return true;
}

void page_zero_new_buffers(Vfs& vfs, Page& page, TaskStruct* dirtier) {
  if (!page.test(PG_private))
    return;
  for_each_buffer(vfs, page, [&](BufferHead& bh) {
    if (!bh.test(BH_New))
      return;
    bh.clear(BH_New);
    bh.set(BH_Uptodate);
    mark_buffer_dirty(vfs, bh, dirtier);
  });
}

void block_commit_write(Vfs& vfs, Page& page, std::int64_t from, std::int64_t to,
                        TaskStruct* dirtier) {
  if (vfs.trace)
    vfs.trace->buffers_dirty(page, from, to);
  bool partial = false;
  bool newly_dirty = false;
  std::int64_t start = 0;
  for_each_buffer(vfs, page, [&](BufferHead& bh) {
    const std::int64_t end = start + bh.b_size();
    const bool touched = start < to && end > from;
    start = end;
    if (!touched) {
      partial = partial || !bh.test(BH_Uptodate);
      return;
    }
    newly_dirty = newly_dirty || !bh.test(BH_Dirty);
    bh.set(BH_Uptodate | BH_Dirty);
    bh.clear(BH_New);
  });
  if (newly_dirty)
    mark_page_dirty_by_buffer(vfs, page, dirtier);
  if (!partial)
    page.set(PG_uptodate);
}

}  // namespace wbsim
