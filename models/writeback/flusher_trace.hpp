// What flushers tell of their lists and of the inodes they write.
#pragma once

#include <optional>
#include <string_view>

#include "models/writeback/inode_lists.hpp"
#include "models/writeback/writeback_context.hpp"

namespace wbsim {

struct QueueIo {
  std::optional<Jiffies> older_than;
  DirtyInodeLists::SuperblockSort sort{};
  int bdi = -1;
  WriteReason reason{};
  std::string_view thread;
  DirtyInodeLists::MoreIo more_io = DirtyInodeLists::MoreIo::kFirst;
  std::optional<Jiffies> times_older_than{};  // those of b_dirty_time
};
// DirtyInodeLists::queue_io() and queue_dirty_time(), and writeback_queue_io.
void queue_io(const WritebackContext& context, DirtyInodeLists& lists, const QueueIo& how);

// writeback_single_inode_start and writeback_single_inode: `nr_to_write` before, `wrote` so far.
void trace_single_inode(const WritebackContext& context, const Inode& inode, bool start,
                        std::int64_t nr_to_write, std::int64_t wrote, const TaskStruct& task);
// Where the inode is now, if anybody wants to know.
void trace_filed(const WritebackContext& context, const Inode& inode);

}  // namespace wbsim
