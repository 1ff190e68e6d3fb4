// Finding a file's dirty pages and writing them: do_writepages() and what is below it.
//
// MODELS:   mm/page-writeback.c write_cache_pages(), do_writepages(), mm/filemap.c
//           filemap_fdatawrite() and filemap_fdatawait(), 2.6.18 - 6.1.
#pragma once

#include "models/fs/block_write_full_page.hpp"
#include "models/fs/mpage.hpp"

namespace wbsim {

// Owed processor time above this is paid before the next batch of pages.
inline constexpr Duration kCpuChunk = std::chrono::microseconds(20);

// Writes up to wbc.nr_to_write dirty pages of the inode. Sleeps for request slots, and for pages
// and buffers in use where wbc allows that.
Task<Errno> do_writepages(Vfs& vfs, Inode& inode, WritebackControl& wbc, TaskStruct& task);

// Starts the write of every dirty page, waiting for those already under write-back.
Task<Errno> filemap_fdatawrite(Vfs& vfs, Inode& inode, TaskStruct& task);
// Waits for every page of the range under write-back; reports and clears page and mapping errors.
Task<Errno> filemap_fdatawait(Vfs& vfs, Inode& inode, TaskStruct& task, PageIndex first = 0,
                              PageIndex last = ~PageIndex{0});
// The same without reporting: the mapping's errors stay for others. True: a page had an error.
Task<bool> filemap_fdatawait_keep_errors(Vfs& vfs, Inode& inode, TaskStruct& task,
                                         PageIndex first = 0, PageIndex last = ~PageIndex{0});
// That of sync(2), which keeps the errors for those who ask with fsync(2): 4.3.
Task<Errno> filemap_fdatawait_of_sync(Vfs& vfs, Inode& inode, TaskStruct& task);

}  // namespace wbsim
