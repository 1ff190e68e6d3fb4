// What a scenario file says, complete: every default is filled in. Plain data without behaviour;
// the reader in app/ produces it, Machine consumes it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/units.hpp"

namespace wbsim {

// One row of the generation table and what the scenario overrides in it.
struct KernelChoice {
  std::string preset = "2.6.32";        // a name of models/kernel.hpp
  std::optional<std::string> flusher;   // "pdflush", "bdi", "bdi_wq": instead of the preset's
  std::optional<std::string> throttle;  // "congestion_wait", "pause", "ioless": likewise
  int hz = 250;
  bool smp = true;  // CONFIG_SMP
};

// /proc/sys/vm/bdflush of 2.4; unset means the kernel's default.
struct BdflushSysctl {
  std::optional<int> nfract;       // percent
  std::optional<int> ndirty;       // buffers
  std::optional<int> nrefill;      // buffers; not used
  std::optional<int> interval;     // jiffies
  std::optional<int> age_buffer;   // jiffies
  std::optional<int> nfract_sync;  // percent
};

// sysctl vm.*; unset means the preset's default. Bytes and ratio of a pair exclude each other.
struct VmSysctl {
  std::optional<int> dirty_ratio;
  std::optional<int> dirty_background_ratio;
  std::optional<std::int64_t> dirty_bytes;
  std::optional<std::int64_t> dirty_background_bytes;
  int dirty_expire_centisecs = 3000;
  int dirty_writeback_centisecs = 500;          // 0: no periodic write-back
  std::optional<std::int64_t> min_free_kbytes;  // unset: as the kernel sets it from its memory
  std::optional<int> watermark_scale_factor;    // of 10000; unset: 10
  int laptop_mode = 0;                          // seconds; 0: off
  int highmem_is_dirtyable = 0;                 // 1: yes
  std::optional<int> dirtytime_expire_seconds;  // unset: 12 h
  BdflushSysctl bdflush;
};

// Processor time the kernel spends, charged in batches. All costs are per event named.
struct CpuCosts {
  Duration write_syscall{200};       // write(2), fsync(2) entry and exit
  Duration update_time{0};           // besides, the first in a tick: the file's times change
  Duration write_page{700};          // find or create a page, prepare, commit, accounting
  Duration tree_level{0};            // each level of the page tree above the leaves
  Duration tree_node{0};             // each new node of the page tree
  Duration new_page{0};              // besides, of a page that was not in memory
  Duration dirty_page{0};            // besides, of a page that was clean: tags, counters, inode
  Duration page_fault{700};          // touching a page of a mapping: fault, page_mkwrite
  Duration write_buffer{0};          // each buffer of the page: prepare and commit walk them all
  Duration dirty_buffer{0};          // besides, of each buffer that is written
  Duration refill{3000};             // each time the page or slab allocator runs out of what it has
                                     // at hand: a batch of pages, 37 buffer heads, 7 tree nodes
  Duration lru_batch{0};             // each batch of new pages that goes to the LRU lists together
  Duration allocate_block{0};        // the file system: each new block of a file
  Duration indirect_block{0};        // each indirect block on the way to a block that is mapped
  Duration extent_level{0};          // each level of the tree of a file's pieces, for a new block
  Duration copy_per_kib{150};        // copying user data, for 1024 bytes
  Duration read_page{300};           // finding a cached page in read(2)
  Duration writeback_page{700};      // page scan, block_write_full_page or mpage, completion
  Duration writeback_by_bio{0};      // besides, of a page that shares a bio with others
  Duration writeback_by_buffers{0};  // besides, of a page that goes buffer by buffer
  Duration writeback_buffer{0};      // each buffer submitted one by one
  Duration request{3000};            // allocating, queueing, dispatching, completing a request
  Duration context_switch{1000};     // taking a processor over from another thread
  Duration timer_tick{0};            // interrupt: the timer's, of a processor that works
  Duration complete_request{3500};   // interrupt: ending a request
  Duration complete_page{250};       // interrupt: ending the write-back of a page
  Duration complete_by_bio{0};       // besides, of a page that shared a bio with others
  Duration complete_by_buffers{0};   // besides, of a page that went buffer by buffer
  Duration complete_buffer{0};       // each buffer submitted one by one
  Duration reclaim_page{900};        // freeing a clean page when memory is full
  Duration slow_allocation{0};       // besides, of a new page to be written that no zone may hold
  Duration balance_dirty{0};  // each look of balance_dirty_pages() at the limits, from 3.1 on
  Duration wake_flusher{0};   // besides, where it starts background write-back
  Duration user_call{0};      // of the program itself, between two calls

  // Of a machine whose processors take no time.
  static constexpr CpuCosts none() {
    constexpr Duration no{0};
    static_assert(sizeof(CpuCosts) == 34 * sizeof(Duration), "a cost is missing below");
    return {no, no, no, no, no, no, no, no, no, no, no, no, no, no, no, no, no,
            no, no, no, no, no, no, no, no, no, no, no, no, no, no, no, no, no};
  }
};

// What the scheduler measures run times with: sched_clock() of x86.
enum class SchedClock : std::uint8_t {
  kTsc,
  kJiffies,  // whoever runs at a tick has run for a whole one, everybody else for nothing
};

struct CpuConfig {
  int cpus = 1;
  SchedClock sched_clock = SchedClock::kTsc;
  CpuCosts costs;
};

struct MemoryConfig {
  Bytes total{std::int64_t{1} << 30};
  Bytes highmem{0};  // of it
  // Free pages and cached file pages when the workloads start; unset: 94 % and 1 % of total.
  std::optional<Pages> free_at_start;
  std::optional<Pages> file_pages_at_start;
  // Inodes in use that belong to no file of the scenario: a periodic pass may write that many more
  // pages than were dirty when it began.
  std::int64_t inodes_at_start = 0;
  // Pages dirtied since boot, of which balance_dirty_pages_ratelimited() up to 2.6.39 has counted
  // the last ones (modulo ratelimit_pages), on each processor.
  Pages dirtied_at_start{0};
  // Pages on the inactive list that nobody can free; up to 2.6.27.
  Pages unfreeable_at_start{0};
  // Free pages on the processors' lists, beside free_at_start; unset: one batch. 6.1.
  std::optional<Pages> pcp_at_start;
  Pages slab_at_start{0};  // of dentries and inodes, which the first reclaim frees
  // The tracked dirty limit of 3.1 and later, as boot or the last sysctl left it.
  std::optional<Pages> dirty_limit_at_start;
};

struct QueueConfig {
  std::optional<std::string> scheduler;  // unset, here and below: what the preset's kernel chooses
  std::optional<int> nr_requests;
  std::optional<int> max_sectors_kb;
  std::optional<int> async_depth;  // of mq-deadline
  int nomerges = 0;
  std::optional<bool> rotational;          // unset: by the model
  std::optional<std::string> write_cache;  // "write back", "write through"; unset: the device's
  std::optional<std::int64_t> wbt_lat_usec;
  int nr_hw_queues = 1;
  int max_segments = 128;
  int read_ahead_kb = 128;
};

// model "fixed": service = overhead + (0 if 0 <= start - head <= near_sectors else
//   seek_base + seek_full * |start - head| / capacity) + bytes / bandwidth, one server.
struct FixedDiskConfig {
  std::int64_t bandwidth_bytes_per_s = 100'000'000;
  std::optional<std::int64_t> read_bytes_per_s{};  // unset: bandwidth
  Duration overhead{50'000};
  Duration seek_base{0};
  Duration seek_full{0};
  Sectors near_sectors{128};
  Sectors head_at_start{0};
  Duration completion_latency{0};  // added after the service, in parallel
  int mbps = 0;                    // null_blk's; 0: no such limit
};

struct HddZone {
  std::int64_t cylinders = 0;
  std::int64_t sectors_per_track = 0;
  std::int64_t track_skew = 0, cylinder_skew = 0;  // sectors
};

struct SeekPoint {
  std::int64_t cylinders = 0;
  std::int64_t time_us = 0;
};

// model "hdd": seek by a table, or a + b*sqrt(d) up to `seek_split` cylinders and c + e*d beyond;
// zones given, outermost first, or derived from capacity and sustained rates.
struct HddConfig {
  int rpm = 7200;
  int heads = 4;
  std::vector<HddZone> zones;
  std::int64_t outer_bytes_per_s = 150'000'000;
  std::int64_t inner_bytes_per_s = 75'000'000;
  Duration overhead{100'000};
  double seek_a_ms = 0.8, seek_b_ms = 0.027;
  double seek_c_ms = 0.8, seek_e_ms = 0.0;
  static constexpr std::int64_t kNoSplit = 1'000'000'000;
  std::int64_t seek_split = kNoSplit;
  std::vector<SeekPoint> seek_table;
  Duration head_switch{0};
  Duration write_settle{0};
  Bytes read_ahead{0};                // that the drive reads on after a read
  Bytes write_cache{0};               // volatile; 0: a write ends on the medium
  std::int64_t link_bytes_per_s = 0;  // to and from the caches; 0: no time
  bool sptf = true;                   // with a driver_depth above 1
  Duration age_limit{std::chrono::seconds(1)};
};

enum class FlashPlacement : std::uint8_t {
  kAddress,  // a stripe has its unit
  kAny,      // whichever is free first
};

// models "ssd" and "nvme".
struct FlashConfig {
  int units = 10;
  Bytes stripe{4096};
  FlashPlacement placement = FlashPlacement::kAddress;  // of reads; writes go anywhere
  Duration read_time{80'000};
  Duration program_time{800'000};
  std::int64_t unit_bytes_per_s = 0;  // 0: no further time
  std::int64_t link_bytes_per_s = 550'000'000;
  Duration read_command_time{10'000};  // in the controller, one command after the other
  Duration write_command_time{10'000};
  Duration command_latency{10'000};
  Duration idle_latency{0};
  Bytes write_buffer{std::int64_t{256} << 20};  // 0: a write waits for its program
  Duration buffer_latency{0};
  std::int64_t write_bytes_per_s = 450'000'000;  // sustained
  bool power_loss_protection = false;
  Bytes gc_after{0};
  Bytes gc_interval{std::int64_t{64} << 20};
  Duration gc_stall{0};
};

struct UsbConfig {
  std::int64_t read_bytes_per_s = 30'000'000;
  std::int64_t write_bytes_per_s = 15'000'000;
  Duration overhead{500'000};
  Bytes erase_block{std::int64_t{4} << 20};
  int open_blocks = 2;
  Duration erase_stall{std::chrono::milliseconds(100)};
};

enum class FaultKind : std::uint8_t { kError, kSlow, kHang, kRemove };
enum class FaultOp : std::uint8_t { kAny, kRead, kWrite };

struct FaultConfig {
  FaultKind kind = FaultKind::kError;
  Duration start{0};                 // after the start of the jobs
  std::optional<Duration> duration;  // unset: to the end
  FaultOp op = FaultOp::kAny;
  Bytes offset{0};
  std::optional<Bytes> size;  // unset: to the end
  double probability = 1;     // of an error
  double factor = 10;         // of a slow period
};

struct PartitionConfig {
  std::string name;
  Sectors start{0};
  Sectors length{0};
  std::optional<int> soft_block_size;  // unset: the device's
};

struct DeviceConfig;

// models "raid0" and "jbod".
struct ArrayConfig {
  Bytes chunk{65536};
  std::vector<DeviceConfig> members;
};

struct DeviceConfig {
  std::string name;
  std::optional<std::string> profile;  // only until the file's keys are merged into it
  std::string model = "fixed";         // a name of device_models()
  Bytes capacity{std::int64_t{6} << 30};
  std::optional<int> driver_depth;  // commands it takes at a time; unset: the model's
  FixedDiskConfig fixed;
  HddConfig hdd;
  FlashConfig flash;
  UsbConfig usb;
  ArrayConfig array;
  std::vector<FaultConfig> faults;
  QueueConfig queue;
  int min_ratio = 0;           // bdi
  int max_ratio = 100;         // bdi
  bool strict_limit = false;   // bdi, from 3.12 on
  Bytes written_at_start{0};   // through the page cache since boot: its share of completions
  int soft_block_size = 4096;  // of the raw device and its partitions
  std::vector<PartitionConfig> partitions;
};

struct Extent {
  std::int64_t file_block = 0;
  std::int64_t disk_block = 0;
  std::int64_t blocks = 0;
};

// An indirect block: it must be in memory before the file blocks it maps can be mapped.
struct IndirectBlock {
  std::int64_t disk_block = 0;
  std::int64_t first_file_block = 0;  // the file blocks it is read for
  std::int64_t file_blocks = 0;
};

struct FileConfig {
  std::string name;
  Bytes size{0};                        // preallocated; 0: grows as it is written
  std::vector<Extent> extents;          // given exactly; empty: the allocator's
  std::vector<IndirectBlock> indirect;  // only with given extents
  std::optional<std::int64_t> inode_table_block;
};

enum class MetadataMode : std::uint8_t {
  kNone,       // no inode-table or indirect blocks at all
  kPinned,     // inode-table blocks written; indirect blocks always in memory
  kEvictable,  // indirect blocks cached at the start but reclaimed like any page
  kWritten,    // and allocating a block dirties its bitmap and indirect block
};

// When read(2) dates the inode, as mount(8) names it.
enum class AtimeMode : std::uint8_t {
  kNoatime,
  kRelatime,  // when it was written since it was read last, or that was a day ago
  kStrictatime,
};

// What has ext2's format mounted: its own driver, or that of ext4, as most distributions do.
enum class FsDriver : std::uint8_t { kExt2, kExt4 };

struct FilesystemConfig {
  std::string name;
  FsDriver driver = FsDriver::kExt2;
  bool journal = false;  // of jbd2: inodes are committed every 5 s, and wait for it
  std::string device;    // a device or a partition
  int block_size = 4096;
  MetadataMode metadata = MetadataMode::kNone;
  bool barrier = false;  // fsync(2) empties the drive's cache, as journalling file systems do
  AtimeMode atime = AtimeMode::kNoatime;
  bool lazytime = false;
  // Allocator of files without given extents: runs of this many blocks, 0: contiguous.
  std::int64_t extent_blocks = 0;
  std::int64_t gap_blocks = 0;  // left free between two runs
  std::vector<FileConfig> files;
};

enum class JobKind : std::uint8_t { kWrite, kRandWrite, kRead, kRandRead, kSync, kFsync };
// ioprio_set(2), as ionice(1) has it.
enum class PriorityClass : std::uint8_t { kRealtime, kBestEffort, kIdle };

// As sched_setscheduler(2) and chrt(1) name them.
enum class SchedPolicy : std::uint8_t { kOther, kFifo };

enum class IoEngine : std::uint8_t { kPsync, kMmap };
enum class RandomGenerator : std::uint8_t {
  kUniform,         // a stream of the run's seed
  kXorshift64Star,  // the blocks of the recorded jobs: see models/workload/positions.hpp
  kPermutation,     // each block once, then again in another order
};

// A workload in fio's words.
struct JobConfig {
  std::string name;
  JobKind rw = JobKind::kWrite;
  std::string filename;  // "fs0/f0": a file of a file system; "/dev/d0": a raw device or partition
  IoEngine ioengine = IoEngine::kPsync;
  bool direct = false;  // O_DIRECT
  Bytes bs{65536};
  Bytes offset{0};
  Bytes offset_increment{0};        // times the number of the clone
  std::optional<Bytes> size;        // the region; unset: to the end of the file
  std::optional<Bytes> io_size;     // total to transfer; unset: once over the region
  bool time_based = false;          // go on until runtime, wrapping
  int nrfiles = 1;                  // files NAME.0, NAME.1, ... that share size equally
  std::optional<Bytes> blockalign;  // random offsets are multiples of this; unset: bs
  RandomGenerator random_generator = RandomGenerator::kUniform;
  std::int64_t randseed = 0;          // of kXorshift64Star
  Bytes zonesize{0}, zoneskip{0};     // after zonesize bytes skip zoneskip (fio zonemode=strided)
  std::int64_t rate_bytes_per_s = 0;  // 0: unlimited
  Duration thinktime{0};
  std::int64_t thinktime_blocks = 1;
  Duration startdelay{0};
  std::optional<Duration> runtime;  // no new call is begun later than startdelay + runtime
  std::optional<Duration> period;   // each round starts at a multiple of this
  bool catch_up = false;            // rounds that are late follow at once, none is left out
  bool first_wait = false;          // for the time of the first call too, though it has come
  std::optional<std::string>
      wait_for;      // begins when this job has ended; startdelay counts from then
  Bytes lockmem{0};  // memory the process holds, from when it may begin
  int numjobs = 1;
  std::int64_t fsync = 0;  // after every N writes
  std::int64_t fdatasync = 0;
  bool end_fsync = false;
  std::int64_t call_limit = 0;  // 0: none; most calls this job makes
  PriorityClass prioclass = PriorityClass::kBestEffort;
  int prio = 4;  // 0, the highest, to 7
  SchedPolicy sched_policy = SchedPolicy::kOther;
  std::optional<std::string> cgroup;  // unset: in the root
};

enum class ReplayCall : std::uint8_t {
  kOpen,
  kClose,
  kRead,
  kWrite,
  kFsync,
  kFdatasync,
  kSync,
  kSyncFileRange,
  kTruncate,  // to `length`
};

// A recorded call.
struct ReplayOp {
  Duration start{};     // since the start of the recording
  Duration duration{};  // zero: not known
  std::int64_t offset = 0, length = 0;
  std::uint32_t file = 0;  // index into ReplayConfig::files
  ReplayCall kind = ReplayCall::kOpen;
  std::uint8_t range_flags = 0;  // of kSyncFileRange
  bool direct = false;           // O_DIRECT
};

enum class ReplayPace : std::uint8_t {
  kThink,       // the recorded time lies between the end of a call and the start of the next
  kTimestamps,  // a call starts when it did, or when the one before it has ended
  kClosedLoop,  // a call starts when the one before it has ended
};

// A process that makes recorded calls.
struct ReplayConfig {
  std::string name;
  std::string file;                   // where the calls stand, beside the scenario
  std::optional<std::string> thread;  // whose; unset: there is one
  ReplayPace pace = ReplayPace::kThink;
  std::vector<ReplayOp> ops;       // read from `file`
  std::vector<std::string> files;  // "fs0/f0" or "/dev/d0"
};

enum class RunUntil : std::uint8_t {
  kClean,     // the jobs have ended and nothing is dirty or under write-back
  kJobsDone,  // the jobs have ended
  kDuration,  // `duration`
};

struct RunConfig {
  std::uint64_t seed = 1;
  RunUntil until = RunUntil::kClean;
  Duration duration = std::chrono::seconds(600);  // at most this after the jobs start
  Duration settle{0};                             // kClean: how long it must have stayed clean
  Duration sample_interval = std::chrono::milliseconds(100);
  Duration uptime_at_start = std::chrono::seconds(2);  // boot to the start of the jobs
  Duration samples_before_start{0};
  Duration sample_cost{0};         // processor time each sample takes, as a recorder's does
  Duration thread_census{0};       // and the first and each fifth after it more, to count threads
  bool recorder_competes = false;  // at nice -20, for a processor; otherwise it takes the time
  Duration first_sample_delay{0};  // so much later the recorder got the processor first
  // The recorder's disk keeps what is written to device nodes in a table of so many pages. Once
  // it is full, each further page is looked for from end to end when its request ends.
  Pages kept_pages{0};
  Duration kept_pages_search{0};
  // When after boot the timer ticked first: the phase of the coarse levels of the timer wheel.
  Duration first_tick{0};
  // When after boot the kernel's periodic write-back began to tick: the phase of kupdate.
  Duration periodic_start{0};
  // The per-device flusher threads exist already, made at periodic_start.
  bool flusher_threads_at_start = false;
  std::optional<Duration> power_cut;  // the run ends there
  bool data_at_risk = false;          // sampled; a power cut counts it too
};

// A memory cgroup of the second version, below the root.
struct CgroupConfig {
  std::string name;
  std::optional<Bytes> max, high;  // memory.max, memory.high; unset: no limit
};

struct Scenario {
  std::string name;
  KernelChoice kernel;
  CpuConfig cpu;
  MemoryConfig memory;
  VmSysctl vm;
  std::vector<DeviceConfig> devices;
  std::vector<FilesystemConfig> filesystems;
  std::vector<CgroupConfig> cgroups;
  std::vector<JobConfig> jobs;
  std::vector<ReplayConfig> replays;
  RunConfig run;
};

// The files that jobs write to, each once, in the order of the jobs.
std::vector<std::string> written_files(const Scenario& scenario);

}  // namespace wbsim
