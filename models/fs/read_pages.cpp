#include "models/fs/read_pages.hpp"

#include <algorithm>

#include "models/block/blk_plug.hpp"
#include "models/fs/block_device.hpp"
#include "models/fs/buffer.hpp"
#include "models/fs/buffer_io.hpp"
#include "sim/assert.hpp"

namespace wbsim {

namespace {

void mpage_end_io_read(Bio& bio, bool ok) {
  auto& vfs = *static_cast<Vfs*>(bio.bi_private);
  auto& file_bio = static_cast<FileBio&>(bio);
  for (const PageId id : file_bio.page_span()) {
    Page& page = vfs.cache.page(id);
    page.set(ok ? PG_uptodate : PG_error);
    vfs.cache.unlock_page(page);
  }
  vfs.bios.free(file_bio);
}

PageOnDisk map_page(Inode& inode, PageIndex index) {
  PageOnDisk where;
  const int per_page = static_cast<int>(kPageSize >> inode.i_blkbits);
  const std::int64_t first = (std::int64_t{index} << kPageShift) >> inode.i_blkbits;
  const std::int64_t last = (inode.i_size - 1) >> inode.i_blkbits;
  for (int k = 0; k < per_page && first + k <= last; ++k) {
    BufferHead bh{};
    const GetBlock got = inode.i_sb->get_block(inode, first + k, bh, false, where.metadata_block);
    if (got == GetBlock::kHole)
      continue;
    if (got != GetBlock::kMapped) {
      where.state = got;
      return where;
    }
    if (where.blocks == 0)
      where.first_block = bh.b_blocknr();
    if (k != where.blocks || bh.b_blocknr() != where.first_block + k)
      where.one_piece = false;
    ++where.blocks;
  }
  return where;
}

}  // namespace

Task<> ReadPages::read(std::int64_t first, std::int64_t count) {
  const std::int64_t pages = (inode_.i_size + kPageSize - 1) >> kPageShift;
  const std::int64_t end = std::min(first + count, pages);
  for (std::int64_t i = first; i < end; ++i) {
    const auto index = static_cast<PageIndex>(i);
    const auto in_memory = [&] { return vfs_.cache.find_get_page(inode_.i_data, index); };
    while (vfs_.must_wait_for_memory(task_) && !in_memory())
      co_await vfs_.reclaim_throttle->try_to_free_pages(task_);
    if (in_memory())
      continue;
    Page& page = vfs_.add_page(inode_.i_data, index, task_);
    PageOnDisk where = map_page(inode_, index);
    while (where.state == GetBlock::kNeedsMetadata) {
      flush();
      co_await submit();
      if (!co_await bread(vfs_, *inode_.i_sb->block_device(), where.metadata_block, task_))
        break;
      where = map_page(inode_, index);
    }
    add(page, where);
    task_.charge(vfs_.costs.read_page);
  }
  flush();
  co_await submit();
}

Task<> ReadPages::read_rest(Page& page) {
  page.clear(PG_error);
  for (;;) {
    const Obstacle obstacle = obstacle_of(page);
    if (obstacle.locked)
      co_await wait_on_buffer(vfs_, *obstacle.locked, task_);
    else if (obstacle.metadata_block < 0 ||
             !co_await bread(vfs_, *inode_.i_sb->block_device(), obstacle.metadata_block, task_))
      break;
  }
  read_by_buffers(page);
  co_await submit();
}

void ReadPages::add(Page& page, const PageOnDisk& where) {
  if (where.state != GetBlock::kMapped || !where.one_piece) {
    flush();
    read_by_buffers(page);
    return;
  }
  if (where.blocks == 0) {
    page.set(PG_uptodate);  // zeros
    vfs_.cache.unlock_page(page);
    return;
  }
  const Sectors length(where.blocks * (inode_.block_size() / kSectorSize));
  if (bio_ && (where.first_block != next_block_ || !fits(length)))
    flush();
  if (!bio_) {
    bio_ = &vfs_.bios.allocate_for_pages();
    bio_->sector =
        inode_.i_data.disk_start + Sectors(where.first_block * (inode_.block_size() / kSectorSize));
    bio_->segments = 0;
    bio_->op = BioOp::kRead;
    bio_->sync = true;
    bio_->meta = inode_.is_block_device;
    bio_->reason = WriteReason::kRead;
    bio_->bi_private = &vfs_;
    bio_->bi_end_io = &mpage_end_io_read;
  }
  bio_->pages[bio_->segments++] = vfs_.cache.id_of(page);
  bio_->length += length;
  next_block_ = where.first_block + where.blocks;
  if (where.blocks != kPageSize >> inode_.i_blkbits)
    flush();
}

ReadPages::Obstacle ReadPages::obstacle_of(Page& page) {
  if (!page.test(PG_private))
    create_empty_buffers(vfs_, page, inode_.block_size(), 0);
  Obstacle obstacle;
  for_each_buffer(vfs_, page, [&](BufferHead& bh) {
    if (bh.test(BH_Lock)) {
      obstacle.locked = &bh;
    } else if (!bh.test(BH_Uptodate) && !bh.test(BH_Mapped)) {
      std::int64_t metadata_block = -1;
      if (get_block(page, bh, metadata_block) == GetBlock::kNeedsMetadata)
        obstacle.metadata_block = metadata_block;
    }
  });
  return obstacle;
}

GetBlock ReadPages::get_block(const Page& page, BufferHead& bh, std::int64_t& metadata_block) {
  const std::int64_t first = (std::int64_t{page.index} << kPageShift) >> inode_.i_blkbits;
  return inode_.i_sb->get_block(inode_, first + bh.b_number(), bh, false, metadata_block);
}

// block_read_full_page()
void ReadPages::read_by_buffers(Page& page) {
  if (!page.test(PG_private))
    create_empty_buffers(vfs_, page, inode_.block_size(), 0);
  bool reading = false;
  for_each_buffer(vfs_, page, [&](BufferHead& bh) {
    if (bh.test(BH_Uptodate))
      return;
    std::int64_t metadata_block = -1;
    const GetBlock got =
        bh.test(BH_Mapped) ? GetBlock::kMapped : get_block(page, bh, metadata_block);
    if (got == GetBlock::kHole) {
      bh.set(BH_Uptodate);
      return;
    }
    if (got != GetBlock::kMapped) {
      page.set(PG_error);
      return;
    }
    WB_ASSERT(!bh.test(BH_Lock));
    bh.set(BH_Lock | BH_Async_Read);
    bh.set_end_io(BufferEndIo::kAsyncRead);
    bios_.push_back(buffer_bio(vfs_, bh, BioOp::kRead, true, WriteReason::kRead));
    reading = true;
  });
  if (reading)
    return;
  if (!page.test(PG_error))
    page.set(PG_uptodate);
  vfs_.cache.unlock_page(page);
}

void ReadPages::flush() {
  if (bio_)
    bios_.push_back(*bio_);
  bio_ = nullptr;
}

Task<> ReadPages::submit() {
  Process& self = co_await this_process();
  BlkPlug plug;
  plug.start(task_.io_context, self);
  if (!try_submit_bios(vfs_, bios_, queue_, task_))
    co_await submit_bios_waiting(vfs_, bios_, queue_, task_);
  plug.finish();
}

bool ReadPages::fits(Sectors more) const {
  const QueueParams& limits = queue_.params();
  const auto pages = static_cast<std::uint32_t>(std::min(limits.max_segments, kBioMaxPages));
  return bio_->segments < pages && bio_->length + more <= limits.max_sectors;
}

namespace {

std::int64_t round_up_power_of_two(std::int64_t n) {
  std::int64_t power = 1;
  while (power < n)
    power *= 2;
  return power;
}

// get_init_ra_size()
std::int64_t initial_window(std::int64_t request, std::int64_t max) {
  const std::int64_t size = round_up_power_of_two(request);
  if (size <= max / 32)
    return size * 4;
  if (size <= max / 4)
    return size * 2;
  return max;
}

// get_next_ra_size()
std::int64_t next_window(std::int64_t current, std::int64_t max) {
  return std::min(current < max / 16 ? 4 * current : 2 * current, max);
}

}  // namespace

ReadaheadWindow ondemand_readahead(FileRaState& ra, std::int64_t index, std::int64_t request,
                                   std::int64_t max) {
  if (max == 0)
    return {index, 1};  // no read-ahead: page by page
  const bool continues = index == ra.start + ra.size - ra.async_size || index == ra.start + ra.size;
  if (index != 0 && ra.size > 0 && continues) {
    ra.start += ra.size;
    ra.size = next_window(ra.size, max);
    ra.async_size = ra.size;
    return {ra.start, ra.size};
  }
  const bool sequential = index == 0 || index == ra.prev_index || index == ra.prev_index + 1;
  if (!sequential && request <= max)
    return {index, request};  // a random read: just what is asked for
  ra.start = index;
  ra.size = initial_window(request, max);
  ra.async_size = ra.size > request ? ra.size - request : ra.size;
  return {ra.start, ra.size};
}

Task<Errno> wait_until_uptodate(Vfs& vfs, ReadPages& reader, Page& page, TaskStruct& task) {
  vfs.cache.get_page(page);
  co_await lock_page_waiting(vfs, page, task);
  if (page.mapping && !page.test(PG_uptodate)) {
    co_await reader.read_rest(page);
    co_await lock_page_waiting(vfs, page, task);
  }
  vfs.cache.unlock_page(page);
  const bool failed = page.mapping && !page.test(PG_uptodate);
  vfs.cache.put_page(page);
  co_return failed ? Errno::kEio : Errno::kOk;
}

}  // namespace wbsim
