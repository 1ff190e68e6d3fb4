// sync_file_range(2): writing a part of a file without its metadata.
//
// MODELS:   fs/sync.c do_sync_mapping_range(), sync_file_range(), 2.6.24 - 6.1.
#pragma once

#include "models/fs/open_file.hpp"

namespace wbsim {

enum SyncFileRange : std::uint8_t {
  SYNC_FILE_RANGE_WAIT_BEFORE = 1,
  SYNC_FILE_RANGE_WRITE = 2,
  SYNC_FILE_RANGE_WAIT_AFTER = 4,
};

// `length` 0: to the end of the file.
Task<Errno> sync_file_range(Vfs& vfs, File& file, std::int64_t offset, std::int64_t length,
                            std::uint8_t flags, TaskStruct& task);

}  // namespace wbsim
