// read(2) and write(2) with O_DIRECT: past the page cache, one after the other.
//
// MODELS:   fs/direct-io.c and block/fops.c __blkdev_direct_IO(), mm/filemap.c
//           generic_file_direct_write(): what the cache holds of the range is written out
//           first, and dropped before a write.
// DEVIATES: no fall-back to buffered writes; a page that is dirtied again meanwhile stays.
#pragma once

#include "models/fs/file.hpp"

namespace wbsim {

// Transfers [pos, pos + length), whole sectors. Returns when all of it is on the medium.
Task<Errno> direct_io(Vfs& vfs, Inode& opened, std::int64_t pos, std::int64_t length, BioOp op,
                      TaskStruct& task);

}  // namespace wbsim
