#include "models/fs/mpage.hpp"

#include <algorithm>

#include "models/fs/block_device.hpp"
#include "models/fs/buffer.hpp"
#include "models/fs/jbd2.hpp"
#include "sim/assert.hpp"

namespace wbsim {

namespace {

void end_pages(Vfs& vfs, FileBio& file_bio, bool ok) {
  Jbd2* const journal = vfs.cache.page(file_bio.pages[0]).mapping->host->i_sb->journal();
  if (journal && journal->end_later(file_bio, ok, &end_pages))
    return;
  if (!ok) {
    for (const PageId id : file_bio.page_span()) {
      Page& page = vfs.cache.page(id);
      page.set(PG_error);
      mapping_set_error(*page.mapping, Errno::kEio);
    }
  }
  vfs.cache.end_page_writeback(file_bio.page_span());
  if (vfs.trace)
    for (const PageId id : file_bio.page_span())
      vfs.trace->page(PageEvent::What::kWritten, vfs.cache.page(id));
  vfs.cpu.steal((vfs.costs.complete_page + vfs.costs.complete_by_bio) * file_bio.segments);
  vfs.bios.free(file_bio);
}

void mpage_end_io_write(Bio& bio, bool ok) {
  end_pages(*static_cast<Vfs*>(bio.bi_private), static_cast<FileBio&>(bio), ok);
}

void bio_chain_endio(Bio& bio, bool ok) {
  auto& chain = *static_cast<BioChain*>(bio.bi_private);
  auto& vfs = *static_cast<Vfs*>(chain.bi_private);
  chain.ok = chain.ok && ok;
  chain.ended.push_back(static_cast<FileBio&>(bio));
  if (--chain.under_way > 0)
    return;
  while (!chain.ended.empty())
    end_pages(vfs, chain.ended.pop_front(), chain.ok);
  vfs.bios.free(chain);
}

}  // namespace

MpageWriter::MpageWriter(Vfs& vfs, const WritebackControl& wbc, const QueueParams& limits)
    : vfs_(vfs),
      max_pages_(static_cast<std::uint32_t>(std::min(limits.max_segments, kBioMaxPages))),
      max_sectors_(limits.max_sectors),
      reason_(wbc.reason) {}

// Something is left only when a run ends in the middle of a scan.
MpageWriter::~MpageWriter() {
  if (bio_)
    vfs_.bios.free(*bio_);
  while (!pieces_.empty())
    vfs_.bios.free(pieces_.pop_front());
  if (chain_)
    vfs_.bios.free(*chain_);
}

void MpageWriter::finish(BioList& out) {
  if (chain_)
    end_piece();
  else if (bio_)
    out.push_back(*bio_);
  while (!pieces_.empty())
    out.push_back(pieces_.pop_front());
  bio_ = nullptr;
  chain_ = nullptr;
  in_request_ = Sectors(0);
}

// bio_split(): the bio goes on, but a request cannot be longer.
void MpageWriter::end_piece() {
  if (!chain_) {
    chain_ = &vfs_.bios.allocate_chain();
    chain_->bi_private = &vfs_;
  }
  bio_->bi_private = chain_;
  bio_->bi_end_io = &bio_chain_endio;
  ++chain_->under_way;
  in_request_ += bio_->length;
  if (bio_->segments < max_pages_ || in_request_ == max_sectors_)
    in_request_ = Sectors(0);  // the request is full
  pieces_.push_back(*bio_);
  bio_ = nullptr;
}

// False: confused.
bool MpageWriter::run_of_buffers(Page& page, Run& run) {
  bool hole = false;
  for (const BufferHead& bh : ring_of(vfs_, page)) {
    if (!bh.test(BH_Mapped)) {
      if (bh.test(BH_Dirty))
        return false;
      hole = true;
      continue;
    }
    if (hole || !bh.test_all(BH_Dirty | BH_Uptodate))
      return false;
    if (run.blocks == 0)
      run.first_block = bh.b_blocknr();
    else if (bh.b_blocknr() != run.first_block + run.blocks)
      return false;
    ++run.blocks;
    run.boundary = bh.test(BH_Boundary);
  }
  return run.blocks > 0;
}

bool MpageWriter::run_of_blocks(Inode& inode, Page& page, Run& run) {
  WB_ASSERT(page.test(PG_uptodate));
  const int per_page = static_cast<int>(kPageSize >> inode.i_blkbits);
  const std::int64_t first = (std::int64_t{page.index} << kPageShift) >> inode.i_blkbits;
  const std::int64_t last_block = (inode.i_size - 1) >> inode.i_blkbits;
  for (int k = 0; k < per_page; ++k) {
    BufferHead bh{};
    std::int64_t metadata_block = -1;
    if (inode.i_sb->get_block(inode, first + k, bh, true, metadata_block) != GetBlock::kMapped)
      return false;
    if (bh.test(BH_New))
      unmap_underlying_metadata(vfs_, inode, bh);
    if (k == 0)
      run.first_block = bh.b_blocknr();
    else if (bh.b_blocknr() != run.first_block + k)
      return false;
    ++run.blocks;
    run.boundary = bh.test(BH_Boundary);
    if (first + k == last_block)
      break;
  }
  return true;
}

FileBio& MpageWriter::bio_at(const AddressSpace& mapping, std::int64_t block,
                             std::int64_t blocksize) {
  FileBio& bio = vfs_.bios.allocate_for_pages();
  bio.sector = mapping.disk_start + Sectors(block * (blocksize / kSectorSize));
  bio.segments = 0;
  bio.op = BioOp::kWrite;
  bio.sync = false;  // plain WRITE even for WB_SYNC_ALL: an fsync waits for an async request slot
  bio.reason = reason_;
  bio.bi_private = &vfs_;
  bio.bi_end_io = &mpage_end_io_write;
  return bio;
}

bool MpageWriter::fits(Sectors more) const {
  return bio_->segments < max_pages_ && in_request_ + bio_->length + more <= max_sectors_;
}

MpageWriter::Result MpageWriter::write_page(Inode& inode, Page& page, BioList& out) {
  const std::int64_t blocksize = inode.block_size();
  const auto blocks_per_page = static_cast<int>(kPageSize >> inode.i_blkbits);
  const auto end_index = static_cast<std::uint64_t>(inode.i_size >> kPageShift);
  const bool straddles = (inode.i_size & (kPageSize - 1)) != 0;
  Run run;
  const bool in_order =
      page.test(PG_private) ? run_of_buffers(page, run) : run_of_blocks(inode, page, run);
  if (!in_order || page.index > end_index || (page.index == end_index && !straddles)) {
    finish(out);
    return Result::kConfused;
  }
  const Sectors length(run.blocks * (blocksize / kSectorSize));
  const bool follows = bio_ && last_block_in_bio_ == run.first_block - 1;
  if (follows && !fits(length) && vfs_.rules.multipage_bvecs) {
    end_piece();
  } else if (bio_ && !(follows && fits(length))) {
    finish(out);
    return Result::kSubmitFirst;
  }
  if (!bio_)
    bio_ = &bio_at(*page.mapping, run.first_block, blocksize);
  bio_->pages[bio_->segments++] = vfs_.cache.id_of(page);
  bio_->length += length;
  if (page.test(PG_private)) {
    for (BufferHead& bh : ring_of(vfs_, page).first(static_cast<std::size_t>(run.blocks)))
      bh.clear(BH_Dirty);
  }
  vfs_.cache.set_page_writeback(page);
  vfs_.cache.unlock_page(page);
  if (vfs_.trace)
    vfs_.trace->page(PageEvent::What::kMpage, page);
  last_block_in_bio_ = run.first_block + run.blocks - 1;
  const bool boundary = run.boundary && !vfs_.rules.multipage_bvecs;
  if (boundary || run.blocks != blocks_per_page)
    finish(out);
  return Result::kWritten;
}

}  // namespace wbsim
