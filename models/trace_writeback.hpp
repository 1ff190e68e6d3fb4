// The kernel's tracepoints of write-back and throttling, from 3.1 on, with its field names. Rates
// are in KiB/s and times in ms as the kernel prints them; `time` counts from the start of the jobs.
//
// MODELS: include/trace/events/writeback.h of 3.10 and 6.1.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "sim/units.hpp"

namespace wbsim {

enum class WriteReason : std::uint8_t;

// Each time balance_dirty_pages() has decided about a pause. `pause` is negative when the task
// still has credit, 0 when its pause would be too short.
struct BalanceDirtyPagesEvent {
  Duration time{};
  std::string_view thread;
  int bdi = 0;  // the device's number
  Pages limit{}, setpoint{}, dirty{}, bdi_setpoint{}, bdi_dirty{};
  std::int64_t dirty_ratelimit = 0, task_ratelimit = 0;  // KiB/s
  Pages dirtied{}, dirtied_pause{};
  std::int64_t paused = 0, pause = 0, period = 0, think = 0;  // ms
};

// Each time the base rate of a device is estimated anew: KiB/s.
struct BdiDirtyRatelimitEvent {
  Duration time{};
  std::string_view thread;
  int bdi = 0;
  std::int64_t write_bw = 0, avg_write_bw = 0, dirty_rate = 0, dirty_ratelimit = 0;
  std::int64_t task_ratelimit = 0, balanced_dirty_ratelimit = 0;
};

// Each time the limits are looked at by the throttle or a flusher.
struct GlobalDirtyStateEvent {
  Duration time{};
  std::string_view thread;
  Pages nr_dirty{}, nr_writeback{}, background_thresh{}, dirty_thresh{}, dirty_limit{};
  Pages nr_dirtied{}, nr_written{};
};

// writeback_queue, _exec, _start, _written, _wait: a work item of a flusher, its rounds, and that
// it waits for an inode after one that wrote nothing.
struct WritebackWorkEvent {
  enum class What : std::uint8_t { kQueue, kExec, kStart, kWritten, kWait } what{};
  Duration time{};
  std::string_view thread;
  int bdi = 0;
  std::int64_t nr_pages = 0;
  bool sync_all = false;  // sync_mode=1
  bool for_kupdate = false, range_cyclic = false, for_background = false;
  WriteReason reason{};
};

// An inode on a list of dirty ones.
struct DirtyInodeView {
  std::uint64_t ino = 0;
  int bdi = 0;
  bool block_device = false;
  Jiffies dirtied_when{};
};

// In kernels before 3.1 as well, as far as they have lists.
struct WritebackQueueIoEvent {
  Duration time{};
  std::string_view thread;
  int bdi = 0;  // -1: those of several devices
  Jiffies older{};
  std::int64_t age = 0;  // ms
  int moved = 0;         // inodes
  WriteReason reason{};
  // Only for a sink that wants_inode_lists(): what is served now, first to last, and what stays on
  // b_dirty, longest dirty first.
  std::span<const DirtyInodeView> io, dirty;
};

// writeback_single_inode_start and writeback_single_inode.
struct WritebackSingleInodeEvent {
  bool start = false;
  Duration time{};
  std::string_view thread;
  int bdi = 0;
  std::uint64_t ino = 0;
  unsigned state = 0;  // I_DIRTY and so on, as in models/fs/inode.hpp
  Jiffies dirtied_when{};
  std::uint64_t writeback_index = 0;
  std::int64_t nr_to_write = 0;
  std::int64_t wrote = 0;
};

struct WritebackPagesWrittenEvent {
  Duration time{};
  std::string_view thread;
  std::int64_t pages = 0;
};

}  // namespace wbsim
