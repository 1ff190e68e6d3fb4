// The pdflush pool and its jobs: dirty inodes hang on superblocks, a handful of threads serve them
// all, and a per-device flag keeps two threads off one device.
//
// MODELS:   mm/pdflush.c, mm/page-writeback.c background_writeout(), wb_kupdate(), and
//           fs/fs-writeback.c writeback_inodes(), sync_sb_inodes(), fs/sync.c do_sync() of 2.6.18,
//           2.6.24 and 2.6.31.
// DEVIATES: sync(2) has no quotas to write and no sync_fs() to call.
#pragma once

#include <deque>
#include <memory>

#include "models/writeback/flusher.hpp"
#include "models/writeback/inode_lists.hpp"
#include "models/writeback/writeback_context.hpp"

namespace wbsim {

struct PdflushRules {
  // 2.6.31 restarts the clock of an empty pool when it creates a thread.
  bool creation_restarts_clock = true;
  // Up to 2.6.24 sync(2) writes all inodes with WB_SYNC_HOLD first.
  bool sync_holds_inodes = false;
};

class PdflushPool : public Flusher {
 public:
  PdflushPool(WritebackContext& context, PdflushRules rules);
  ~PdflushPool() override;

  void start() override;
  void inode_dirtied(Inode& inode) override;
  Task<> writeback_inodes(WritebackControl& wbc, TaskStruct& task) override;
  bool writeback_in_progress(const BackingDevInfo& bdi) const override;
  void start_background_writeback(BackingDevInfo& bdi) override;
  void wakeup_pdflush(Pages scanned) override;
  Task<Errno> sync(TaskStruct& task) override;
  void laptop_flush(BackingDevInfo& bdi) override;
  int threads() const override { return nr_threads_; }
  TaskRole kind() const override { return TaskRole::kPdflush; }

 private:
  struct Job {
    enum class What : std::uint8_t { kBackgroundWriteout, kWbKupdate, kLaptopFlush } what;
    std::int64_t min_pages = 0;
  };
  struct PdflushThread;

  bool pdflush_operation(Job job);  // false: no thread is idle, the job is lost
  void start_thread();
  Task<> start_one_pdflush_thread(TaskStruct& task);
  Task<> run_thread(PdflushThread& thread);
  Task<> do_job(Job job, TaskStruct& task);
  Task<> background_writeout(std::int64_t min_pages, TaskStruct& task);
  Task<> wb_kupdate(TaskStruct& task);
  void arm_timer(TimePoint when);
  void wb_timer_fn();
  Task<> sync_sb_inodes(SuperBlock& sb, WritebackControl& wbc, TaskStruct& task);
  Task<> sync_all_inodes(SyncMode mode, TaskStruct& task);
  Task<Errno> sync_inodes(SyncMode mode, TaskStruct& task);
  Task<Errno> do_sync(TaskStruct& task);     // up to 2.6.24
  Task<Errno> sync_twice(TaskStruct& task);  // 2.6.31
  bool set_aside(DirtyInodeLists& lists, Inode& inode);
  enum class Serve : std::uint8_t { kYes, kNextInode, kNoMore };
  Serve may_serve(DirtyInodeLists& lists, Inode& inode, WritebackControl& wbc, Jiffies start,
                  const TaskStruct& task);
  void put_off(DirtyInodeLists& lists, Inode& inode, const WritebackControl& wbc, bool skipped);
  bool as_2618() const { return context_.rules.single_inode == SingleInodeRule::k2618; }

  WritebackContext& context_;
  PdflushRules rules_;
  std::deque<DirtyInodeLists> lists_;  // s_dirty, s_io, s_more_io by s_number
  std::deque<std::unique_ptr<PdflushThread>> all_;
  std::deque<PdflushThread*> idle_;  // most recently idle first
  int nr_threads_ = 0;
  TimePoint last_empty_{};
  EventQueue::Handle timer_;
};

}  // namespace wbsim
