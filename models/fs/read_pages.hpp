// Reading pages of a file into the cache: one at a time, or a read-ahead window.
//
// MODELS:   mm/filemap.c, mm/readahead.c ondemand_readahead(), fs/mpage.c mpage_readpages(),
//           fs/buffer.c block_read_full_page(), 2.6.24 - 2.6.32, which all kernels share.
#pragma once

#include "models/fs/file.hpp"

namespace wbsim {

// Where the blocks of a page lie. Holes and what is behind the end of the file are not `blocks`.
struct PageOnDisk {
  GetBlock state = GetBlock::kMapped;  // or why the page cannot be mapped
  std::int64_t first_block = -1;
  int blocks = 0;
  bool one_piece = true;  // adjacent, and from the start of the page on
  std::int64_t metadata_block = -1;
};

// With as few bios as the places of the pages allow.
class ReadPages {
 public:
  ReadPages(Vfs& vfs, Inode& inode, TaskStruct& task)
      : vfs_(vfs), inode_(inode), task_(task), queue_(*inode.i_data.bdi->queue) {}

  // Pages [first, first + count) as far as they are in the file and not in the cache.
  Task<> read(std::int64_t first, std::int64_t count);
  // A page that is in the cache, locked by us and only partly uptodate.
  Task<> read_rest(Page& page);

 private:
  // What must be waited for before read_by_buffers() can set up its page.
  struct Obstacle {
    BufferHead* locked = nullptr;
    std::int64_t metadata_block = -1;
  };

  void add(Page& page, const PageOnDisk& where);
  Obstacle obstacle_of(Page& page);
  GetBlock get_block(const Page& page, BufferHead& bh, std::int64_t& metadata_block);
  void read_by_buffers(Page& page);
  void flush();
  Task<> submit();
  bool fits(Sectors more) const;  // bio_add_page()

  Vfs& vfs_;
  Inode& inode_;
  TaskStruct& task_;
  RequestQueue& queue_;
  FileBio* bio_ = nullptr;
  std::int64_t next_block_ = -1;
  BioList bios_;
};

struct ReadaheadWindow {
  std::int64_t start, size;  // pages
};

// For a page that is missing, or that was marked as the start of the asynchronous part: what to
// read. `max` in pages.
ReadaheadWindow ondemand_readahead(FileRaState& ra, std::int64_t index, std::int64_t request,
                                   std::int64_t max);

// The page at `index` starts the asynchronous part of the window: PG_readahead.
inline bool starts_readahead(const FileRaState& ra, std::int64_t index) {
  return ra.async_size > 0 && index == ra.start + ra.size - ra.async_size;
}

// A page that was not uptodate: waits for the read that is under way, and reads what that did not
// bring. Afterwards the page may be gone from the cache.
Task<Errno> wait_until_uptodate(Vfs& vfs, ReadPages& reader, Page& page, TaskStruct& task);

}  // namespace wbsim
