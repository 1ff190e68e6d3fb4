// Who cleans dirty memory, in which thread, woken by what.
#pragma once

#include <string_view>

#include "models/fs/inode.hpp"
#include "models/mm/task_struct.hpp"
#include "models/mm/writeback_control.hpp"
#include "sim/task.hpp"

namespace wbsim {

constexpr std::int64_t kMaxWritebackPages = 1024;  // MAX_WRITEBACK_PAGES, of a chunk up to 3.1
constexpr Pages kRatelimitWhenExceeded{8};         // 32 KiB, while the limit is exceeded

class Flusher : public DirtyListener {
 public:
  virtual void start() = 0;  // spawns its threads
  // writeback_inodes(): what a throttled writer does itself.
  virtual Task<> writeback_inodes(WritebackControl& wbc, TaskStruct& task) = 0;
  // The writer leaves with the background limit exceeded.
  virtual bool writeback_in_progress(const BackingDevInfo& bdi) const = 0;
  virtual void start_background_writeback(BackingDevInfo& bdi) = 0;
  // Reclaim looked at so many pages for nothing. wakeup_flusher_threads() from 2.6.32 on.
  virtual void wakeup_pdflush(Pages scanned) = 0;
  virtual Task<Errno> sync(TaskStruct& task) = 0;  // sync(2)
  // The laptop mode's timer of this device, or of all, expired.
  virtual void laptop_flush(BackingDevInfo& bdi) = 0;
  virtual int threads() const = 0;
  virtual TaskRole kind() const = 0;  // of its threads
};

}  // namespace wbsim
