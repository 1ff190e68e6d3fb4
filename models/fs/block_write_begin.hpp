// The two halves of write(2) on a page: map and read what is needed, then mark what was copied.
//
// MODELS:   fs/buffer.c __block_prepare_write(), __block_commit_write(), block_write_end() and
//           unmap_underlying_metadata() of 2.6.18 - 6.1.
#pragma once

#include <array>

#include "models/fs/submit.hpp"

namespace wbsim {

// What block_prepare() found out in one go, without sleeping. In every state `reads` have to be
// submitted, and the task waits for `waiting`, in reverse order, before it gives up.
struct Prepared {
  enum class State : std::uint8_t {
    kReady,          // copy and commit
    kNeedsMetadata,  // read block `metadata_block` of the device, then call again
    kReading,        // after the wait: an error if one is not Uptodate
    kFailed,         // nothing to commit: `error`
  };
  State state = State::kReady;
  Errno error = Errno::kOk;
  std::int64_t metadata_block = -1;
  BioList reads;
  std::array<BufferId, 2> waiting{};  // the first and the last block at most
  int waiting_count = 0;
  Duration get_block_cost{0};
};

// What get_block() takes to find `block`.
inline Duration cost_of_lookup(const Vfs& vfs, const Inode& inode, std::int64_t block) {
  const Duration level = vfs.costs.indirect_block;
  return level == Duration::zero() ? level : level * inode.i_sb->indirect_levels(block);
}

// Bytes [from, to) of the locked page are about to be written. Whole blocks never need a read; a
// part of an existing block does, a part of a new block is zeroed instead.
Prepared block_prepare(Vfs& vfs, Inode& inode, Page& page, std::int64_t from, std::int64_t to);

// The same for a page without buffers that is written as a whole, and, when it is kReady, the
// block_commit_write() that follows.
Prepared block_write_new_page(Vfs& vfs, Inode& inode, Page& page, TaskStruct* dirtier);
// The same in one go if its blocks are mapped already; false, and nothing done, when they are not.
bool try_write_mapped_page(Vfs& vfs, Inode& inode, Page& page, TaskStruct* dirtier);

// After a failed prepare or read: buffers still New, which this write touched, are zeroed and
// dirtied, so that nothing stale is exposed.
void page_zero_new_buffers(Vfs& vfs, Page& page, TaskStruct* dirtier);

// The bytes are in: touched buffers become uptodate and dirty, the page uptodate if all are.
void block_commit_write(Vfs& vfs, Page& page, std::int64_t from, std::int64_t to,
                        TaskStruct* dirtier);

}  // namespace wbsim
