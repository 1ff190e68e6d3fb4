// Buffered write(2) and read(2) on a file or block device.
//
// MODELS:   mm/filemap.c generic_file_buffered_write(), do_generic_file_read(), mm/readahead.c
//           ondemand_readahead(), 2.6.24 - 2.6.32, which all from 2.6 on share.
// DEVIATES: user memory is always there (no short copies); no O_SYNC.
#pragma once

#include "models/fs/open_file.hpp"
#include "models/fs/submit.hpp"

namespace wbsim {

Task<> mutex_lock(Vfs& vfs, Inode& inode, TaskStruct& task);
void mutex_unlock(Inode& inode);

// The inode is dirtied once per tick or step of its times at most. True when it was.
bool file_update_time(Vfs& vfs, Inode& inode);
// touch_atime(): as its file system is mounted.
void file_accessed(Vfs& vfs, Inode& inode);

// Writes [pos, pos + length), growing the file if needed. Throttled like any writer.
Task<Errno> generic_file_write(Vfs& vfs, Inode& opened, std::int64_t pos, std::int64_t length,
                               TaskStruct& task);

// Reads [pos, pos + length) through the cache; less at the end of the file.
Task<Errno> generic_file_read(Vfs& vfs, Inode& opened, std::int64_t pos, std::int64_t length,
                              FileRaState& ra, std::int64_t ra_pages, TaskStruct& task);

}  // namespace wbsim
