// Where a file system's metadata blocks are kept: in the pages of its device (2.6), or in the
// buffer cache (2.4).
#pragma once

#include <cstdint>

#include "models/mm/errno.hpp"
#include "models/mm/task_struct.hpp"
#include "sim/task.hpp"

namespace wbsim {

struct Inode;

class MetadataBlocks {
 public:
  virtual ~MetadataBlocks() = default;
  // Whether the block is in memory, which counts as an access.
  virtual bool in_memory(Inode& device, std::int64_t block) = 0;
  enum class Keep : std::uint8_t {
    kInactive,
    kActive,
    kHeld,  // with a reference, as a mounted file system has to its super block
  };
  // As if it had been read before the start of the run.
  virtual void preload(Inode& device, std::int64_t block, Keep keep) = 0;
  // Dirties a block that is in memory. With an owner it goes on that inode's list, for fsync.
  virtual void dirty(Inode& device, std::int64_t block, Inode* owner) = 0;
  // Reads the block if it must, and dirties it; with `wait` it is on the disk afterwards.
  virtual Task<Errno> update(Inode& device, std::int64_t block, TaskStruct& task, bool wait) = 0;
};

}  // namespace wbsim
