// One flusher thread per device, made on demand by a forker: dirty inodes hang on the device.
//
// MODELS:   mm/backing-dev.c bdi_forker_task(), bdi_start_fn(), bdi_sync_supers(),
//           fs/fs-writeback.c bdi_writeback_task(), wb_do_writeback(), wb_writeback(),
//           writeback_inodes_wb() of 2.6.32; the same of 2.6.39, where the first dirty inode arms a
//           timer, background write-back is no item of work, and the forker ends idle threads.
// DEVIATES: an RCU grace period of the bdi list takes two ticks for who queues work, and no time
//           for the forker itself; thread creation never fails; the pseudo device that bdi-default
//           stands for has no dirty inodes of its own.
#pragma once

#include <deque>
#include <memory>

#include "models/writeback/flusher.hpp"
#include "models/writeback/inode_lists.hpp"
#include "models/writeback/wb_work.hpp"
#include "models/writeback/writeback_context.hpp"

namespace wbsim {

enum class BdiRule : std::uint8_t { k2632, k2639 };

class BdiFlusher : public Flusher {
 public:
  enum class ThreadsAtStart : bool { kNone, kAll };
  BdiFlusher(WritebackContext& context, ThreadsAtStart threads_at_start,
             BdiRule rule = BdiRule::k2632);
  ~BdiFlusher() override;

  void start() override;
  void inode_dirtied(Inode& inode) override;
  Task<> writeback_inodes(WritebackControl& wbc, TaskStruct& task) override;
  bool writeback_in_progress(const BackingDevInfo& bdi) const override;
  void start_background_writeback(BackingDevInfo& bdi) override;
  void wakeup_pdflush(Pages scanned) override;
  Task<Errno> sync(TaskStruct& task) override;
  void laptop_flush(BackingDevInfo& bdi) override;
  int threads() const override { return nr_threads_; }
  TaskRole kind() const override { return TaskRole::kFlusher; }

 private:
  struct BdiWriteback;  // struct bdi_writeback

  BdiWriteback& of(const BackingDevInfo& bdi) const;
  bool is_2639() const { return rule_ == BdiRule::k2639; }
  void queue_work(BdiWriteback& wb, const WbWork& work);
  void wake(BdiWriteback& wb);
  void wake_forker();
  void wakeup_delayed(BdiWriteback& wb);
  void start_thread(BdiWriteback& wb);
  Jiffies patience() const;
  Task<> forker();
  Task<> bdi_sync_supers();
  Task<> forker_sleeps();
  void fork_or_kill(BdiWriteback& wb);
  Task<> run_thread(BdiWriteback& wb);
  Task<> run_thread_2639(BdiWriteback& wb);
  Task<std::int64_t> wb_do_writeback(BdiWriteback& wb);
  Task<std::int64_t> wb_check_old_data_flush(BdiWriteback& wb);
  Task<std::int64_t> wb_check_background_flush(BdiWriteback& wb);
  bool must_stop(const BdiWriteback& wb, const WbWork& work) const;
  Task<std::int64_t> wb_writeback(BdiWriteback& wb, WbWork work);
  // `start`: what is dirtied later is left alone.
  Task<> writeback_inodes_wb(BdiWriteback& wb, SuperBlock* sb, WritebackControl& wbc, Jiffies start,
                             TaskStruct& task);
  Task<> laptop_work();
  enum class Wait : bool { kNo, kYes };
  Task<> sync_everything(SyncMode mode, Wait wait, TaskStruct& task);

  WritebackContext& context_;
  std::deque<BdiWriteback> wbs_;  // by bdi id
  WaitQueue forker_wake_;
  bool forker_woken_ = false;  // the wake-up came while the forker ran
  WaitQueue work_done_;
  TaskStruct events_{"events/0"};  // keventd
  int laptop_works_ = 0;           // scheduled, the running one included
  ThreadsAtStart threads_at_start_;
  BdiRule rule_;
  int nr_threads_ = 0;
};

}  // namespace wbsim
