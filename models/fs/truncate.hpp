// Making a file shorter.
//
// MODELS:   mm/truncate.c truncate_inode_pages(), fs/buffer.c block_truncate_page(), 2.6.
// DEVIATES: the blocks stay allocated.
#pragma once

#include "models/fs/submit.hpp"

namespace wbsim {

// Sets i_size, drops the pages behind it (waiting for those under write-back) and zeroes the rest
// of the block that straddles the new end.
Task<Errno> truncate(Vfs& vfs, Inode& inode, std::int64_t size, TaskStruct& task);

}  // namespace wbsim
