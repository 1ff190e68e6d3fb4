// What flushers and throttles share: the limits, the devices, the mounted file systems.
#pragma once

#include <string_view>
#include <vector>

#include "models/block/congestion_waits.hpp"
#include "models/fs/file_operations.hpp"
#include "models/fs/vfs.hpp"
#include "models/mm/dirty_limits.hpp"
#include "models/mm/dirty_memory.hpp"
#include "models/mm/wb_domain.hpp"
#include "models/mm/writeback_control.hpp"
#include "models/sched/timer_wheel.hpp"
#include "models/trace.hpp"
#include "models/writeback/rate_control.hpp"

namespace wbsim {

// What becomes of an inode after it was written: __sync_single_inode() and its successors.
enum class SingleInodeRule : std::uint8_t {
  k2618,  // no s_more_io: what is left goes to an end of s_dirty
  k2624,
  k2631,
  k2632,
  k2639,  // flags are taken just before what they stand for; waits for data before the inode
  k310,   // requeue_inode(): by what is left; the caller of fsync(2) moves no dirty inode
};

// When a throttled writer writes back itself.
enum class WriterWritesRule : std::uint8_t {
  kAnyDirty,         // 2.6.18: there are dirty pages
  kAnyReclaimable,   // 2.6.24: the device has dirty pages
  kReclaimableOver,  // 2.6.31: its dirty pages alone exceed its limit
};

// How long a writer over the limit writes back and pauses.
enum class WriterLoopRule : std::uint8_t {
  k2618,  // until all together are below the limit; no device has a share
  k2632,  // until its device is below its share
  k2639,  // and all together are below the limit; looks at the midpoint first
};

// When fsync(2) waits for the data: before the file system's own part runs, or after it.
enum class FsyncWaits : std::uint8_t {
  kAfterInode,       // up to 2.6.31: data and inode are under way together
  kBeforeInode,      // 2.6.32: a flusher may have written the inode by then
  kOnlyBeforeInode,  // 3.1: and nobody waits for data again
};

// When balance_dirty_pages() starts background write-back.
enum class BackgroundStart : std::uint8_t {
  kLast,   // 3.10: once it has paused
  kFirst,  // 6.1: at each look
};

// When a flusher looks at the write bandwidth.
enum class BandwidthUpdate : std::uint8_t {
  kAfterRound,    // 3.10: of wb_writeback()
  kInWritepages,  // 5.16: of an inode, and 200 ms after its last page is written
};

// How sync(2) starts the flushers.
enum class FlusherWakeup : std::uint8_t {
  kWork,      // 3.10: an item each, with the pages dirty now
  kStartAll,  // 4.15: one flag each, the pages counted when it is served
};

struct WritebackRules {
  LimitsRule limits = LimitsRule::k2631;
  SingleInodeRule single_inode = SingleInodeRule::k2631;
  WriterWritesRule writer_writes = WriterWritesRule::kReclaimableOver;
  WriterLoopRule writer_loop = WriterLoopRule::k2632;
  FsyncWaits fsync_waits = FsyncWaits::kAfterInode;
  bool throttles_vm_writeout = true;  // up to 5.15: who frees memory waits for write-back
  bool reports_more_io = true;        // 2.6.31: wbc.more_io makes background jobs wait and go on
  // From 3.1 on.
  RateRule rates = RateRule::k310;
  BackgroundStart background_start = BackgroundStart::kLast;
  BandwidthUpdate bandwidth = BandwidthUpdate::kAfterRound;
  FlusherWakeup wakeup = FlusherWakeup::kWork;
  bool sync_waits_for_data = true;       // 3.12: sync(2) leaves that to wait_sb_inodes()
  bool skipped_is_progress = true;       // 6.1: pages put back unwritten do not count
  bool reclaim_wakes_flushers = false;   // 4.13: when it meets dirty pages that nobody writes yet
  bool laptop_timer_per_device = false;  // 2.6.36
  bool plugs_works = false;              // 4.3: wb_writeback() holds a plug
  TimerRule timers = TimerRule::kExact;
};

class CgroupWriteback;
class LaptopMode;
struct WritebackContext;

// write(2), read(2) and fsync(2) of 2.6.
class PageFiles : public FileOperations {
 public:
  explicit PageFiles(WritebackContext& context) : context_(context) {}
  Task<Errno> write(Inode& file, std::int64_t pos, std::int64_t length, TaskStruct& task) override;
  Task<Errno> read(Inode& file, std::int64_t pos, std::int64_t length, FileRaState& ra,
                   std::int64_t ra_pages, TaskStruct& task) override;
  Task<Errno> fsync(File& file, SyncWhat what, TaskStruct& task) override;

 private:
  WritebackContext& context_;
};

struct WritebackContext {
  WritebackContext(Vfs& v, CongestionWaits& c, TraceSink& t)
      : vfs(v), congestion(c), trace(t), wheel(TimerRule::kExact, v.ticks, Duration(0)) {}

  Vfs& vfs;
  CongestionWaits& congestion;
  TraceSink& trace;
  TimerWheel wheel;
  WritebackRules rules;
  DirtyDomain domain;
  VmParams vm;
  Jiffies dirty_expire_interval{};
  Jiffies dirty_writeback_interval{};  // 0: no periodic write-back
  Jiffies dirtytime_expire_interval{};
  LaptopMode* laptop = nullptr;      // laptop_mode is set
  std::size_t congestion_index = 0;  // of the writes that congestion_wait() waits for
  Pages ratelimit_pages{1024};
  TimePoint origin{};          // traces count from here
  TimePoint periodic_start{};  // when the periodic write-back of the kernel began to tick
  std::vector<BackingDevInfo*> bdis;
  std::vector<BackingDevInfo*> wbs;  // those, and then the ones of cgroups
  CgroupWriteback* cgroups = nullptr;
  int min_ratio_sum = 0;                  // bdi_min_ratio: of all of them
  std::vector<SuperBlock*> super_blocks;  // in the order they were mounted
  std::int64_t other_inodes = 0;          // in use, of file systems that are not simulated
  PageFiles page_files{*this};
  FileOperations* files = &page_files;
  const DirtyMemory* dirty_memory = nullptr;  // null: what the page cache counts

  void add_device(BackingDevInfo& bdi);

  Simulator& sim() const { return vfs.sim; }
  Jiffies now() const { return vfs.jiffies(); }
  Jiffies hz(std::int64_t divisor = 1) const { return Jiffies(vfs.ticks.hz() / divisor); }
  // Until a timer armed now for that many ticks fires.
  Duration timeout(Jiffies j) const { return vfs.ticks.expiry(vfs.sim.now(), j) - vfs.sim.now(); }

  VmCounters counters() const {
    return dirty_memory ? dirty_memory->counters() : vfs.cache.counters();
  }
  // get_dirty_limits(): the global part. balance_dirty_pages() asks for a task and what it wrote
  // to, a flusher thread for neither.
  DirtyLimits dirty_limits(const TaskStruct* task = nullptr,
                           const AddressSpace* mapping = nullptr) const;
  // Its device part: share, clip, and the share of the task.
  Pages bdi_dirty_limit(BackingDevInfo& bdi, Pages dirty, TaskStruct* task) const;
  // bdi_dirty_limit() of 3.1 and later, wb_calc_thresh(): the share alone.
  Pages bdi_thresh(BackingDevInfo& bdi, Pages thresh) const;
  Pages reclaimable() const { return vfs.cache.stats().nr_file_dirty(); }
  // Up to 2.6.32; later kernels ask for more than the limit.
  bool at_background() const { return reclaimable() >= dirty_limits().background; }
  bool over_background() const { return reclaimable() > dirty_limits().background; }
  // file_dirty + unstable + inodes: enough for everything that is dirty now.
  std::int64_t everything() const;
  void sync_supers();  // write_super() of each file system whose s_dirt is set
  std::int64_t inodes() const;

  Task<> congestion_wait(Thread& thread, Jiffies at_most);
  void trace_work(TimePoint since, std::string_view thread, WriteReason reason,
                  std::int64_t written) const;
};

}  // namespace wbsim
