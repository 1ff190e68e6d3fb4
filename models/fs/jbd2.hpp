// The journal of ext4, as far as it makes others wait.
//
// MODELS:   fs/jbd2 of 2.6.28 - 6.1: kjournald2(), jbd2_journal_commit_transaction(). A
//           transaction is committed by the first who changes a block 5 s after it began, or by a
//           timer. Its blocks go to the journal behind all that the disk has to do; until they are
//           there, whoever wants to change one of them waits (BH_Shadow): write(2) for the inode's
//           time and size, the flusher for new blocks, and the end of write-back of new blocks,
//           whose extents must be converted first (dioread_nolock, 5.6). Then the commit block;
//           then what no later transaction has is dirty in the device's pages.
// DEVIATES: every block of a file counts as new. The journal is never full, and nothing is read
//           from it. No data is ordered, as with delayed allocation; nor is any handle's time
//           counted.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "models/fs/vfs.hpp"
#include "models/sched/timer_wheel.hpp"
#include "sim/wait_queue.hpp"

namespace wbsim {

// What write-back changes of the file system's metadata.
class DelayedAllocation {
 public:
  virtual ~DelayedAllocation() = default;
  // ext4_map_blocks(): the flusher comes to these pages, which may have had no blocks until now.
  virtual void map_blocks(Inode& inode, PageIndex first, PageIndex count) = 0;
  // ext4_convert_unwritten_extents(): they are on the disk.
  virtual void convert_extents(Inode& inode) = 0;
};

class Jbd2 {
 public:
  // The journal is from block `first` of the device on.
  Jbd2(Vfs& vfs, Inode& device, DelayedAllocation& allocation, std::int64_t first,
       std::int64_t blocks, bool barrier);

  // jbd2_journal_dirty_metadata(), and jbd2_journal_stop().
  void dirty_metadata(std::int64_t block);
  bool has(std::int64_t block) const {
    return std::binary_search(running_.begin(), running_.end(), block) ||
           std::binary_search(committing_.begin(), committing_.end(), block);
  }
  // Blocks are on their way to the journal.
  bool shadow() const { return shadow_; }
  Task<> wait_on_shadow(TaskStruct& task);
  DelayedAllocation& allocation() { return allocation_; }
  // The pages of the bio end with the shadow; false: at once.
  using EndPages = void (*)(Vfs&, FileBio&, bool ok);
  bool end_later(FileBio& bio, bool ok, EndPages end_pages);
  // jbd2_complete_transaction(): what was changed so far is committed.
  Task<> complete_transaction(TaskStruct& task);

  Task<> kjournald2(const TimerWheel& wheel);

 private:
  struct Deferred {
    FileBio* bio;
    bool ok;
    EndPages end_pages;
  };
  void start_handle();
  Task<> commit_transaction();
  Task<> write(std::int64_t blocks, bool commit_record);
  void end_shadow();
  void checkpoint();  // __jbd2_journal_refile_buffer()

  Vfs& vfs_;
  Inode& device_;
  DelayedAllocation& allocation_;
  std::int64_t first_, blocks_, next_;
  bool barrier_;
  TaskStruct task_;
  std::vector<std::int64_t> running_, committing_;  // blocks, ascending
  Jiffies expires_{};
  bool begun_ = false;  // the running transaction
  bool commit_requested_ = false;
  bool shadow_ = false;
  std::int64_t committed_ = 0;  // transactions
  std::vector<Deferred> deferred_;
  WaitQueue wake_, shadow_over_, done_;
};

}  // namespace wbsim
