// The two daemons of 2.4: bdflush, which is woken and has no clock, and kupdate, which has a clock
// and no threshold; and sync(2).
//
// MODELS:   fs/buffer.c bdflush(), kupdate(), sync_old_buffers(), sys_sync() of 2.4.0
//           and 2.4.17.
// DEVIATES: no page_launder() in bdflush of 2.4.0 (reclaim frees what is clean at once); no
//           signals to kupdate; what reclaim would write itself bdflush writes for it.
#pragma once

#include "models/fs/buffer24_sync.hpp"
#include "models/writeback/flusher.hpp"
#include "models/writeback/sync_inodes.hpp"

namespace wbsim {

class Bdflush : public Flusher {
 public:
  Bdflush(WritebackContext& context, v24::Buffers& buffers, SyncInodes& inodes)
      : context_(context), buffers_(buffers), inodes_(inodes) {}

  void start() override;
  void inode_dirtied(Inode& inode) override { inodes_.add(inode); }
  // What a writer submits itself, one batch.
  Task<> writeback_inodes(WritebackControl& wbc, TaskStruct& task) override;
  bool writeback_in_progress(const BackingDevInfo&) const override { return awake_; }
  void start_background_writeback(BackingDevInfo&) override { buffers_.wakeup_bdflush(); }
  void wakeup_pdflush(Pages scanned) override;
  Task<Errno> sync(TaskStruct& task) override;
  void laptop_flush(BackingDevInfo&) override {}  // 2.4.17 has no laptop mode yet
  int threads() const override { return 2; }
  TaskRole kind() const override { return TaskRole::kFlusher; }

 private:
  Task<> bdflush();
  Task<> kupdate();
  Task<Bytes> sync_old_buffers();

  WritebackContext& context_;
  v24::Buffers& buffers_;
  SyncInodes& inodes_;
  TaskStruct bdflush_task_{"bdflush", TaskRole::kFlusher};
  TaskStruct kupdate_task_{"kupdated", TaskRole::kFlusher};
  WaitQueue stopped_;
  bool awake_ = false;
  Bytes asked_for_{};  // by reclaim, whatever the limits
};

}  // namespace wbsim
