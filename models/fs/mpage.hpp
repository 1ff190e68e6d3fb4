// One bio for many pages.
//
// MODELS:   fs/mpage.c __mpage_writepage() and mpage_end_io_write(), 2.6.18 - 6.1. From 5.1 a
//           bio grows as long as its pages lie together in memory and on the disk, and is split for
//           the queue; its pages end with the last piece, 24 MiB of them in a recording of 6.1.
// DEVIATES: No write_boundary_block(). From 5.1 all pages lie together in memory, and a Boundary of
//           ext2 ends no bio: none does in that recording.
#pragma once

#include "models/fs/submit.hpp"
#include "models/mm/writeback_control.hpp"

namespace wbsim {

class MpageWriter {
 public:
  // A bio stays within the limits of the queue.
  MpageWriter(Vfs& vfs, const WritebackControl& wbc, const QueueParams& limits);
  ~MpageWriter();

  enum class Result : std::uint8_t {
    kWritten,      // under write-back and unlocked
    kSubmitFirst,  // still locked, neither dirty nor under write-back: submit `out`, call again
    kConfused,     // goes buffer by buffer: block_write_full_page()
  };
  // The page is locked and clear_page_dirty_for_io() has taken it. Full or ended bios go to `out`.
  Result write_page(Inode& inode, Page& page, BioList& out);
  // After the last page.
  void finish(BioList& out);

 private:
  struct Run {  // the blocks of the page that are written, contiguous on the disk
    std::int64_t first_block = -1;
    int blocks = 0;
    bool boundary = false;
  };
  bool run_of_buffers(Page& page, Run& run);
  bool run_of_blocks(Inode& inode, Page& page, Run& run);
  void end_piece();
  FileBio& bio_at(const AddressSpace& mapping, std::int64_t block, std::int64_t blocksize);
  bool fits(Sectors more) const;  // bio_add_page()

  Vfs& vfs_;
  std::uint32_t max_pages_;
  Sectors max_sectors_;
  WriteReason reason_;
  FileBio* bio_ = nullptr;
  BioList pieces_;             // of the same bio, before bio_
  BioChain* chain_ = nullptr;  // of those
  Sectors in_request_{0};      // the last of them, that one request can hold with bio_
  std::int64_t last_block_in_bio_ = 0;
};

}  // namespace wbsim
