// A delayed work item per device on the workqueue bdi_wq: no thread of its own, no polling; the
// first dirty inode arms a timer, everybody else starts it at once.
//
// MODELS:   fs/fs-writeback.c and mm/backing-dev.c of 3.10: bdi_writeback_workfn(),
//           wb_do_writeback(), wb_writeback(), writeback_sb_inodes(), sync_inodes_sb(); of 6.1 the
//           same under their new names, WB_start_all, bw_dwork, b_dirty_time for lazytime, and a wb
//           for each memory cgroup that writes.
// No thread writes super blocks any more; sync(2) does.
// DEVIATES: every device has a worker at hand; no inode is evicted, so that none
//           is written for its times by iput().
#pragma once

#include <deque>

#include "models/sched/kworkers.hpp"
#include "models/writeback/cgroup_writeback.hpp"
#include "models/writeback/flusher.hpp"
#include "models/writeback/flusher_trace.hpp"
#include "models/writeback/inode_lists.hpp"
#include "models/writeback/wb_work.hpp"
#include "models/writeback/writeback_context.hpp"

namespace wbsim {

class WbFlusher : public Flusher, public ForeignFlusher, private WritebackListener {
 public:
  explicit WbFlusher(WritebackContext& context);
  ~WbFlusher() override;

  void start() override;
  void inode_dirtied(Inode& inode) override;
  Task<> writeback_inodes(WritebackControl& wbc, TaskStruct& task) override;
  bool writeback_in_progress(const BackingDevInfo& bdi) const override;
  void start_background_writeback(BackingDevInfo& bdi) override;
  void wakeup_pdflush(Pages scanned) override;
  Task<Errno> sync(TaskStruct& task) override;
  void laptop_flush(BackingDevInfo& bdi) override;
  void foreign_flush(BackingDevInfo& wb, std::int64_t nr_pages, int* pending) override;
  void inodes_arrived(BackingDevInfo& wb) override { wakeup(of(wb)); }
  int threads() const override { return 0; }  // kworkers are anybody's
  TaskRole kind() const override { return TaskRole::kFlusher; }

 private:
  struct Wb;  // struct bdi_writeback

  Wb& of(const BackingDevInfo& bdi) const;
  Jiffies bandwidth_before_start(BackingDevInfo& bdi);
  // The delayed work (wb_flusher.cpp).
  void wakeup(Wb& wb);
  void wakeup_delayed(Wb& wb);
  Task<> worker(Wb& wb);
  void inode_writeback_ended(BackingDevInfo& bdi) override;
  void dirty_pages_at_lru_tail() override;
  void queue_work(Wb& wb, const WbWork& work);
  void wakeup_flusher_threads(WriteReason reason);
  void wakeup_dirtytime_writeback_later();
  QueueIo what_to_queue(const Wb& wb, const WbWork& work, Jiffies older_than) const;
  void start_writeback(Wb& wb, const WbWork& work);
  Task<> sync_inodes_sb(SuperBlock& sb, TaskStruct& task);
  Task<Errno> sync_block_devices(TaskStruct& task);

  // What it does (wb_writeback.cpp).
  Task<std::int64_t> wb_do_writeback(Wb& wb);
  Task<std::int64_t> wb_check_start_all(Wb& wb);
  Task<std::int64_t> wb_check_old_data_flush(Wb& wb);
  Task<std::int64_t> wb_check_background_flush(Wb& wb);
  Task<std::int64_t> wb_writeback(Wb& wb, WbWork work);
  Task<std::int64_t> writeback_inodes_wb(Wb& wb, WbWork& work, TaskStruct& task);
  Task<std::int64_t> writeback_sb_inodes(Wb& wb, SuperBlock& sb, WbWork& work, TaskStruct& task);
  Task<std::int64_t> write_one(Wb& wb, Inode& inode, WbWork& work, TaskStruct& task);
  bool must_stop(const Wb& wb, const WbWork& work) const;

  void trace_work(const Wb& wb, WritebackWorkEvent::What what, const WbWork& work,
                  const TaskStruct& task) const;

  WritebackContext& context_;
  std::deque<Wb> wbs_;  // by wb_id
  Kworkers kworkers_;
  WaitQueue work_done_;
};

// Private to the two files that implement WbFlusher.
struct WbFlusher::Wb {
  Wb(BackingDevInfo& device, Jiffies now)
      : bdi(device), last_old_flush(now), task(thread_name(device), TaskRole::kFlusher) {}
  static std::string thread_name(const BackingDevInfo& wb) {
    const std::string device = "flush-" + wb.name;
    return wb.memcg ? device + ":" + wb.memcg->name : device;
  }
  bool has_dirty_io() const { return !lists.empty(); }
  bool has_nothing_dirty() const {
    return lists.empty() && lists.list(DirtyInodeLists::kDirtyTime).empty();
  }

  BackingDevInfo& bdi;
  DirtyInodeLists lists;  // b_dirty, b_io, b_more_io
  std::deque<WbWork> work_list;
  Jiffies last_old_flush;
  TaskStruct task;
  bool running = false;    // WB_writeback_running
  bool start_all = false;  // WB_start_all
  WriteReason start_all_reason{};
  // dwork: pending while the timer is armed or it is queued.
  bool queued = false;
  EventQueue::Handle timer;
  WaitQueue wake;
  EventQueue::Handle bw_timer;  // bw_dwork of 5.16
};

}  // namespace wbsim
