// What a run tells the outside while it runs: plain structs and the sink that takes them. Times are
// relative to the start of the jobs.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "models/trace_block.hpp"
#include "models/trace_page.hpp"
#include "models/trace_writeback.hpp"
#include "sim/units.hpp"

namespace wbsim {

// Why write-back happened; the kernel's words where it has one.
enum class WriteReason : std::uint8_t {
  kBackground,
  kPeriodic,      // kupdate
  kSync,          // sync(2), fsync(2)
  kBalanceDirty,  // a throttled writer writes back itself
  kReclaim,
  kForeignFlush,  // a throttled cgroup asks the one whose inodes hold its dirty pages
  kLaptopTimer,
  kMetadata,  // a single buffer written for its owner
  kRead,
};
std::string_view to_string(WriteReason reason);

// One write(2), or a read(2) of a reading job.
struct CallRecord {
  int writer = 0;  // index into RunSummary::writers
  Duration start{};
  Duration latency{};
  Bytes bytes{};            // transferred
  std::int64_t offset = 0;  // in the file
  bool failed = false;
};

struct FsyncRecord {
  int writer = 0;
  Duration start{};          // of the write before it, or of the fsync itself without one
  Duration write_latency{};  // of that write
  Duration fsync_start{};
  Duration latency{};  // of the fsync
};

struct RequestRecord {
  Duration queued{}, started{}, completed{};
  Duration service{};
  int device = 0;
  bool write = false;
  bool sync = false;
  bool idle_start = false;  // found the device idle
  Sectors sector{}, sectors{}, head_before{};
  int bios = 0;
  int allocated = 0;  // requests allocated in the queue at the start, this one included
  Sectors meta_sectors{};
  WriteReason reason{};
  std::string_view thread;  // that allocated it
  std::int64_t ino = -1;    // whose pages that thread was writing; -1: none
  Duration age{};           // since that inode was dirtied
};

// A job of a flusher thread, or the write-back a throttled writer did.
struct WorkRecord {
  Duration start{}, end{};
  std::string_view thread;
  WriteReason reason{};
  Pages written{};
};

struct DeviceSample {
  // As /proc/diskstats; times are summed over the completed requests.
  std::int64_t rd_ios, rd_merges, rd_sectors;
  Duration rd_time;
  std::int64_t wr_ios, wr_merges, wr_sectors;
  Duration wr_time;
  int in_flight;     // requests allocated
  Duration io_time;  // requests were allocated
  Duration busy;     // the device was serving
  Pages bdi_writeback, bdi_reclaimable, bdi_dirty_thresh, bdi_dirtied, bdi_written;
  std::int64_t write_bandwidth, dirty_ratelimit;  // pages/s; 0 before 3.1
  int b_dirty, b_io, b_more_io, b_dirty_time;
  Bytes risk_memory, risk_in_flight, risk_cache;  // lost by a power cut; 0 unless it is counted
};

struct CgroupSample {
  Pages file, file_dirty, file_writeback;  // as memory.stat has them
  Pages dirty_threshold, background_threshold;
};

struct Sample {
  Duration time{};
  Pages nr_dirty, nr_writeback, nr_dirtied, nr_written;
  Pages nr_free_pages, nr_file_pages;
  Pages dirty_threshold, background_threshold;
  int pdflush = 0;  // threads alive
  int flush = 0;
  int procs_blocked = 0;  // jobs that sleep in a call, waiting for write-back or a device
  std::vector<DeviceSample> devices;
  std::vector<CgroupSample> cgroups;
};

// Who made a task sleep or write in balance_dirty_pages(), or sleep as it frees memory.
enum class ThrottledBy : std::uint8_t {
  kNobody,
  kGlobalLimit,  // more is dirty or under write-back than the whole machine may have
  kBdiShare,     // than the device may have
  kTaskShare,    // than this task may have of that
  kVmWriteout,   // more is under write-back than the machine may have, and memory is short
  kMemcgLimit,   // than its memory cgroup may have
  kDirtyRate,    // a task is slowed down to its share of the bandwidth before any limit is reached
};
std::string_view to_string(ThrottledBy by);

// A time in which the process of a writer did not go on.
struct WaitRecord {
  int writer = 0;
  Duration start{}, end{};
  std::string_view what;  // a literal: "processor", or on what it slept
  bool timed = false;     // it had set the end itself
  ThrottledBy throttled{};
};

class TraceSink {
 public:
  virtual ~TraceSink() = default;
  virtual void on_sample(const Sample&) {}
  virtual void on_write(const CallRecord&) {}
  virtual void on_read(const CallRecord&) {}
  virtual void on_fsync(const FsyncRecord&) {}
  virtual bool wants_requests() const { return false; }
  virtual void on_request(const RequestRecord&) {}
  virtual void on_work(const WorkRecord&) {}
  // The tracepoints of kernels with IO-less throttling.
  virtual void on_balance_dirty_pages(const BalanceDirtyPagesEvent&) {}
  virtual void on_bdi_dirty_ratelimit(const BdiDirtyRatelimitEvent&) {}
  virtual void on_global_dirty_state(const GlobalDirtyStateEvent&) {}
  virtual void on_writeback_work(const WritebackWorkEvent&) {}
  virtual void on_writeback_queue_io(const WritebackQueueIoEvent&) {}
  virtual void on_writeback_single_inode(const WritebackSingleInodeEvent&) {}
  virtual void on_writeback_pages_written(const WritebackPagesWrittenEvent&) {}
  // Only with MachineOptions::record_waits. Inside a call a writer always goes on or waits, so that
  // the waits of a call add up to its latency.
  virtual void on_wait(const WaitRecord&) {}
  // What costs something for each bio is sent only if somebody asks for it before the run begins.
  virtual bool wants_block_events() const { return false; }
  virtual void on_block(const BlockEvent&) {}
  // Nor what costs something for each page.
  virtual bool wants_page_events() const { return false; }
  virtual bool wants_inode_lists() const { return false; }
  virtual void on_page(const PageEvent&) {}
  virtual void on_buffer_dirty(const BufferDirtyEvent&) {}
  virtual void on_buffer_cache(const BufferCacheEvent&) {}
  virtual void on_inode(const InodeEvent&) {}
  virtual void on_wbc_writepage(const WbcWritepageEvent&) {}
};

}  // namespace wbsim
