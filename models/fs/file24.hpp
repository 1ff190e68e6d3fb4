// write(2), read(2) and fsync(2) of 2.4: pages of the page cache whose buffers are on the LRU lists
// of the buffer cache.
//
// MODELS:   mm/filemap.c generic_file_write(), do_generic_file_read(), fs/buffer.c
//           block_prepare_write(), generic_commit_write(), block_write_full_page(),
//           block_read_full_page(), sys_fsync(), fs/block_dev.c block_write() of 2.4.0 and 2.4.17.
// DEVIATES: read-ahead is that of 2.6.31; block_read() of 2.4.0 reads its blocks one by one, and
//           does not see what the page cache has; a failed write truncates whole pages only.
#pragma once

#include "models/fs/buffer24_sync.hpp"
#include "models/fs/file.hpp"

namespace wbsim::v24 {

// Writes [pos, pos + length). Balances after each page that got a newly dirty buffer, with the page
// still locked.
Task<Errno> generic_file_write(Buffers& b, Inode& opened, std::int64_t pos, std::int64_t length,
                               TaskStruct& task);
Task<Errno> generic_file_read(Buffers& b, Inode& opened, std::int64_t pos, std::int64_t length,
                              FileRaState& ra, std::int64_t ra_pages, TaskStruct& task);

// A locked page, written whole: its buffers are mapped, then all locked and cleaned, then all
// submitted, also those that were clean. The page stays locked until the last of them has ended.
// The page that straddles the end of the file is only prepared and committed, and unlocked; a page
// outside is an error.
Task<Errno> block_write_full_page(Buffers& b, Inode& inode, Page& page, TaskStruct& task);

// Pages [first, end of file) leave the cache unwritten.
Task<> truncate_inode_pages(Buffers& b, Inode& inode, PageIndex first, TaskStruct& task);

}  // namespace wbsim::v24
