// How a kernel's read(2), write(2) and fsync(2) go: struct file_operations.
#pragma once

#include "models/fs/file.hpp"
#include "models/fs/open_file.hpp"

namespace wbsim {

enum class SyncWhat : std::uint8_t { kFsync, kFdatasync };

class FileOperations {
 public:
  virtual ~FileOperations() = default;
  virtual Task<Errno> write(Inode& file, std::int64_t pos, std::int64_t length,
                            TaskStruct& task) = 0;
  virtual Task<Errno> read(Inode& file, std::int64_t pos, std::int64_t length, FileRaState& ra,
                           std::int64_t ra_pages, TaskStruct& task) = 0;
  // Everything dirtied before the call is on the disk when it returns kOk.
  virtual Task<Errno> fsync(File& file, SyncWhat what, TaskStruct& task) = 0;
};

}  // namespace wbsim
