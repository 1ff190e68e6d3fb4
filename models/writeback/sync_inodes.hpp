// Writing dirty inodes in 2.4: whatever their age, without their data.
//
// MODELS:   fs/inode.c sync_inodes(), sync_one() of 2.4.0 and 2.4.17.
// DEVIATES: one round over the inodes that are dirty when it begins; no mapped pages.
#pragma once

#include <deque>

#include "models/writeback/inode_lists.hpp"
#include "models/writeback/writeback_context.hpp"

namespace wbsim {

class SyncInodes {
 public:
  explicit SyncInodes(WritebackContext& context) : context_(context) {}

  void add(Inode& inode);  // it turned dirty: to the head of its super block's s_dirty
  // All that are dirty, of each super block the oldest first.
  Task<> sync_inodes(TaskStruct& task);
  // Writes the inode itself if it is dirty; one that somebody else writes is waited for, and
  // written again only with `wait`, after which it is on the disk.
  Task<Errno> sync_one(Inode& inode, bool wait, TaskStruct& task);

 private:
  WritebackContext& context_;
  std::deque<DirtyInodeLists> s_dirty_;  // by super block
};

}  // namespace wbsim
