// Request queues, file systems and workloads.
#include "app/scenario_schema.hpp"
#include "models/block/elevator.hpp"

namespace wbsim {
namespace {

using namespace std::chrono_literals;

void describe_queue(KeyVisitor& v, QueueConfig& q) {
  const std::string reader = "request queue";
  const std::vector<std::string_view>& names = scheduler_names();
  v.leaf(choice_key("scheduler", {names.begin(), names.end()},
                    "I/O scheduler, one that the preset's kernel has; from 5.0 on deadline is "
                    "mq-deadline")
             .by_default("cfq; 2.4: linus; from 5.0 on mq-deadline, or none with several hardware "
                         "queues")
             .read_by(reader),
         slot(q.scheduler));
  v.leaf(integer_key("nr_requests", 1, 1'000'000,
                     "Requests of each direction, at least 4; congested near 7/8 of it. From 5.0 "
                     "on of the scheduler; without one no more than the hardware queue has")
             .by_default("128; 2.4.17: 64, or 32 with at most 32 MiB of memory; from 5.0 on twice "
                         "the depth of the hardware queue, without a "
                         "scheduler its depth")
             .read_by(reader),
         slot(q.nr_requests));
  v.leaf(integer_key("nr_hw_queues", 1, 4096,
                     "Hardware queues, which share what the device holds. From 3.13 on")
             .read_by("blk-mq"),
         slot(q.nr_hw_queues));
  const bool deadline = q.scheduler ? q.scheduler->ends_with("deadline") : q.nr_hw_queues == 1;
  v.leaf(integer_key("async_depth", 1, 1'000'000,
                     "Of nr_requests, what anything but reads may have. From 5.0 on")
             .only("with scheduler mq-deadline", deadline)
             .by_default("all")
             .read_by("mq-deadline"),
         slot(q.async_depth));
  v.leaf(integer_key("max_sectors_kb", 4, 1'048'576, "Largest request, in KiB; 2.4: at most 127")
             .by_default("512; 2.4: 127.5; from 5.0 on 1280")
             .read_by(reader),
         slot(q.max_sectors_kb));
  v.leaf(integer_key("nomerges", 0, 2,
                     "0: merge; 1: only into the last merged request and on a task's plug; 2: "
                     "not at all. From 2.6.25 on, 2 from 2.6.36 on")
             .read_by(reader),
         slot(q.nomerges));
  v.leaf(flag_key("rotational",
                  "The target of blk-wbt is 75 ms instead of 2 ms. Without it, and with a "
                  "driver_depth above 1, the queue is not plugged and cfq does not idle. From "
                  "2.6.29 on")
             .by_default("true for the models fixed and hdd")
             .read_by("blk-wbt, cfq; the queue's plug up to 2.6.38"),
         slot(q.rotational));
  v.leaf(choice_key("write_cache", {"write back", "write through"},
                    "Whether the kernel takes the drive for one with a volatile cache, and sends "
                    "it flushes")
             .by_default("the device's")
             .read_by(reader + ", fsync; not 2.4"),
         slot(q.write_cache));
  v.leaf(integer_key("wbt_lat_usec", 0, 60'000'000,
                     "Read latency that blk-wbt keeps buffered writes away from, in us; 0: off. "
                     "From 4.10 on")
             .by_default("75000 if rotational, else 2000; 0 with bfq")
             .read_by("blk-wbt"),
         slot(q.wbt_lat_usec));
  v.leaf(
      integer_key("max_segments", 1, 65'535, "Most pieces of memory in a request").read_by(reader),
      slot(q.max_segments));
  v.leaf(
      integer_key("read_ahead_kb", 0, 1'048'576, "Read-ahead window, in KiB").read_by("read path"),
      slot(q.read_ahead_kb));
}

void describe_partition(KeyVisitor& v, PartitionConfig& p) {
  v.leaf(name_key("name", "Name, as in /dev").needed(), slot(p.name));
  v.leaf(size_key("start", 0, kMostBytes, "Distance from the start of the device")
             .multiple_of(kSectorSize)
             .needed(),
         slot_as_size(p.start, kSectorSize));
  v.leaf(size_key("size", kSectorSize, kMostBytes, "Size").multiple_of(kSectorSize).needed(),
         slot_as_size(p.length, kSectorSize));
  v.leaf(size_key("soft_block_size", 512, kPageSize, "Block size of its node: a power of two")
             .by_default("the device's")
             .read_by("raw device"),
         slot(p.soft_block_size));
}

RowsSlot extent_rows(std::vector<Extent>& extents) {
  return {{"file_block", "disk_block", "blocks"},
          [&extents] {
            std::vector<std::vector<std::int64_t>> rows;
            for (const Extent& e : extents)
              rows.push_back({e.file_block, e.disk_block, e.blocks});
            return rows;
          },
          [&extents](const std::vector<std::int64_t>& row) {
            extents.push_back({row[0], row[1], row[2]});
          }};
}

RowsSlot indirect_rows(std::vector<IndirectBlock>& blocks) {
  return {{"disk_block", "first_file_block", "file_blocks"},
          [&blocks] {
            std::vector<std::vector<std::int64_t>> rows;
            for (const IndirectBlock& b : blocks)
              rows.push_back({b.disk_block, b.first_file_block, b.file_blocks});
            return rows;
          },
          [&blocks](const std::vector<std::int64_t>& row) {
            blocks.push_back({row[0], row[1], row[2]});
          }};
}

void describe_file(KeyVisitor& v, FileConfig& f) {
  v.leaf(name_key("name", "Name").needed(), slot(f.name));
  v.leaf(size_key("size", 0, kMostBytes, "Preallocated size; 0B: it grows as it is written")
             .read_by("file system"),
         slot(f.size));
  v.leaf(integer_key("inode_table_block", 0, kMostBytes, "Disk block of its inode")
             .by_default("the allocator's")
             .read_by("file system"),
         slot(f.inode_table_block));
  v.rows(group_key("extents", "Where its blocks are, exactly; without it the allocator decides"),
         extent_rows(f.extents));
  v.rows(group_key("indirect_blocks", "Blocks that map a part of the file; only with extents"),
         indirect_rows(f.indirect));
}

std::vector<std::string> atime_words() {
  return {"noatime", "relatime", "strictatime"};
}

void describe_times(KeyVisitor& v, FilesystemConfig& fs) {
  const bool keeps_inodes = fs.metadata != MetadataMode::kNone || fs.driver == FsDriver::kExt4;
  const std::string when = "with metadata other than none";
  v.leaf(choice_key("atime", atime_words(),
                    "Whether read(2) dates the inode: never; when it was written since it was "
                    "read last, or (from 2.6.30 on) that was a day ago; always")
             .only(when, keeps_inodes)
             .read_by("read"),
         enum_slot(fs.atime, atime_words()));
  v.leaf(flag_key("lazytime",
                  "Times alone make an inode dirty only for sync(2), fsync(2), another reason to "
                  "write it, or after vm.dirtytime_expire_seconds; from 4.0 on, so only with 6.1")
             .only(when, keeps_inodes)
             .read_by("flusher threads"),
         slot(fs.lazytime));
}

void describe_job_limits(KeyVisitor& v, JobConfig& j, bool transfers) {
  const std::string reader = "workload";
  const std::string when = "with rw other than sync and fsync";
  v.leaf(size_key("size", 1, kMostBytes, "Region of the file")
             .only(when, transfers)
             .by_default("to the end of the file")
             .read_by(reader),
         slot(j.size));
  v.leaf(size_key("io_size", 1, kMostBytes, "Bytes to transfer; more than the region: it wraps")
             .only(when, transfers)
             .by_default("once over the region")
             .read_by(reader),
         slot(j.io_size));
  v.leaf(flag_key("time_based", "Goes on until runtime, wrapping")
             .only(when, transfers)
             .read_by(reader),
         slot(j.time_based));
  v.leaf(duration_key("runtime", 1ns, 365 * kDay, "No call begins later than this after startdelay")
             .by_default("unset")
             .read_by(reader),
         slot(j.runtime));
  v.leaf(integer_key("number_ios", 0, kMostBytes, "Most calls the job makes; 0: no limit")
             .read_by(reader),
         slot(j.call_limit));
}

void describe_job_pace(KeyVisitor& v, JobConfig& j, bool transfers) {
  const std::string reader = "workload";
  const std::string when = "with rw other than sync and fsync";
  v.leaf(rate_key("rate", 0, kFastest, "Highest rate; 0B/s: no limit")
             .only(when, transfers)
             .read_by(reader),
         slot(j.rate_bytes_per_s));
  v.leaf(duration_key("thinktime", 0s, kDay, "Pause after thinktime_blocks calls").read_by(reader),
         slot(j.thinktime));
  v.leaf(integer_key("thinktime_blocks", 1, kMostBytes, "See thinktime").read_by(reader),
         slot(j.thinktime_blocks));
  v.leaf(duration_key("startdelay", 0s, 365 * kDay, "The job starts so long after the run")
             .read_by(reader),
         slot(j.startdelay));
  v.leaf(duration_key("period", 1ns, kDay,
                      "Each round (call and fsync) starts at a multiple of this after startdelay")
             .by_default("unset")
             .read_by(reader),
         slot(j.period));
  v.leaf(flag_key("catch_up", "Rounds that are late follow at once; else they are left out")
             .only("with period", j.period.has_value())
             .read_by(reader),
         slot(j.catch_up));
  v.leaf(flag_key("first_wait",
                  "The process waits for the time of its first call too, though it has come: it "
                  "sleeps for the 50 us of a timer's slack, and begins when it has a processor "
                  "again")
             .only("with rate or period", j.period.has_value() || j.rate_bytes_per_s > 0)
             .read_by(reader),
         slot(j.first_wait));
}

void describe_job_start(KeyVisitor& v, JobConfig& j) {
  const std::string reader = "workload";
  v.leaf(choice_key("prioclass", priority_class_words(),
                    "I/O priority class of what the process itself submits, as ionice -c sets it")
             .read_by("cfq, mq-deadline"),
         enum_slot(j.prioclass, priority_class_words()));
  v.leaf(integer_key("prio", 0, 7, "Priority in its class; 0 is the highest").read_by("cfq"),
         slot(j.prio));
  v.leaf(choice_key("sched_policy", sched_policy_words(),
                    "fifo: a real-time process. It runs before all others, until it sleeps, and "
                    "has dirty limits a quarter higher (6.1: and 1/32 of the tracked limit)")
             .read_by("processor model, dirty limits of 2.6 and later"),
         enum_slot(j.sched_policy, sched_policy_words()));
  v.leaf(name_key("cgroup", "Memory cgroup the process is in (4.2 and later)")
             .by_default("the root's")
             .read_by("page cache, ioless throttle, flusher threads"),
         slot(j.cgroup));
  v.leaf(name_key("wait_for",
                  "Begins when this workload, one above it, has ended with all its clones; "
                  "startdelay counts from then")
             .by_default("unset")
             .read_by(reader),
         slot(j.wait_for));
  v.leaf(size_key("lockmem", 0, kMostBytes,
                  "Memory the process holds from when it may begin, startdelay included, to its "
                  "end")
             .read_by("page cache, dirty limits"),
         slot(j.lockmem));
}

void describe_job_access(KeyVisitor& v, JobConfig& j, bool transfers, bool random) {
  const std::string reader = "workload";
  const std::string when = "with rw other than sync and fsync";
  v.leaf(choice_key("ioengine", io_engine_words(), "System calls, or a shared mapping")
             .only(when, transfers)
             .read_by(reader),
         enum_slot(j.ioengine, io_engine_words()));
  v.leaf(flag_key("direct", "O_DIRECT: past the page cache; in whole sectors")
             .only("with ioengine psync", transfers && j.ioengine == IoEngine::kPsync)
             .read_by(reader),
         slot(j.direct));
  v.leaf(integer_key("nrfiles", 1, 1'000'000,
                     "New files filename.0, filename.1, ... that share size equally, written one "
                     "after the other")
             .only("with rw write", j.rw == JobKind::kWrite)
             .read_by(reader),
         slot(j.nrfiles));
  const std::string when_random = "with rw randread or randwrite";
  v.leaf(size_key("blockalign", 1, kGiB, "Offsets are the region's start and a multiple of this")
             .only(when_random, random)
             .by_default("bs")
             .read_by(reader),
         slot(j.blockalign));
  v.leaf(choice_key("random_generator", random_generator_words(),
                    "A stream of the run's seed; xorshift64*, that of the recorded jobs; or each "
                    "block once, as fio without norandommap")
             .only(when_random, random)
             .read_by(reader),
         enum_slot(j.random_generator, random_generator_words()));
  const bool seeded = random && j.random_generator == RandomGenerator::kXorshift64Star;
  v.leaf(integer_key("randseed", 0, kMostBytes, "Its seed")
             .only("with random_generator xorshift64star", seeded)
             .read_by(reader),
         slot(j.randseed));
}

}  // namespace

std::vector<std::string> job_kind_words() {
  return {"write", "randwrite", "read", "randread", "sync", "fsync"};
}

std::vector<std::string> io_engine_words() {
  return {"psync", "mmap"};
}

std::vector<std::string> priority_class_words() {
  return {"realtime", "best-effort", "idle"};
}

std::vector<std::string> sched_policy_words() {
  return {"other", "fifo"};
}

std::vector<std::string> random_generator_words() {
  return {"uniform", "xorshift64star", "permutation"};
}

std::vector<std::string> driver_words() {
  return {"ext2", "ext4"};
}

std::vector<std::string> metadata_words() {
  return {"none", "pinned", "evictable", "written"};
}

void describe_device(KeyVisitor& v, DeviceConfig& d) {
  v.leaf(name_key("name", "Name, as in /dev and in every result").needed(), slot(d.name));
  describe_device_hardware(v, d);
  describe_queue(v, d.queue);
  v.leaf(integer_key("min_ratio", 0, 100, "Share of the dirty limit kept for this device, percent")
             .read_by("dirty limits"),
         slot(d.min_ratio));
  v.leaf(integer_key("max_ratio", 0, 100, "Largest share of the dirty limit, percent")
             .read_by("dirty limits"),
         slot(d.max_ratio));
  v.leaf(size_key("written_at_start", 0, std::int64_t{1} << 50,
                  "What was written to it through the page cache before the workloads start, as "
                  "BdiWritten: a device nobody wrote to has no share of the dirty limits of 2.6.24 "
                  "and later")
             .multiple_of(kPageSize)
             .read_by("dirty limits"),
         slot(d.written_at_start));
  v.leaf(flag_key("strict_limit",
                  "The device's own limits throttle its writers, whatever the global ones allow "
                  "(strict_limit of the bdi); from 3.12 on, so not with 3.10")
             .read_by("ioless throttle"),
         slot(d.strict_limit));
  v.leaf(size_key("soft_block_size", 512, kPageSize,
                  "Block size of /dev/NAME and its partitions: a power of two")
             .read_by("raw device"),
         slot(d.soft_block_size));
  v.list(group_key("partitions", "Parts of the device"),
         list_slot(d.partitions, describe_partition));
}

void describe_cgroup(KeyVisitor& v, CgroupConfig& c) {
  constexpr std::int64_t kLeast = 256 * kPageSize;
  const std::string reader = "page cache, ioless throttle";
  v.leaf(name_key("name", "Name, as below /sys/fs/cgroup and in every result").needed(),
         slot(c.name));
  v.leaf(size_key("memory.max", kLeast, 64 * kTiB,
                  "Memory it may use: file pages its processes brought into memory, and what they "
                  "lock. At the limit they free clean pages of it; there is no killing and no "
                  "waiting")
             .by_default("unset")
             .read_by(reader),
         slot(c.max));
  v.leaf(size_key("memory.high", kLeast, 64 * kTiB,
                  "As memory.max: who exceeds it frees clean pages; that the kernel then also "
                  "slows a task down is left out")
             .by_default("unset")
             .read_by(reader),
         slot(c.high));
}

void describe_filesystem(KeyVisitor& v, FilesystemConfig& fs) {
  // There is one type; it is named so that a file says what it was written for.
  std::string type = "ext2";
  v.leaf(name_key("name", "Name; a file is addressed as NAME/FILE").needed(), slot(fs.name));
  v.leaf(choice_key("type", {"ext2"}, "Layout of files and metadata"), slot(type));
  v.leaf(choice_key("driver", driver_words(),
                    "What has it mounted: ext4 is how distributions mount ext2 since 2.6.28. Its "
                    "allocator says where blocks go, and every new block dirties its group's "
                    "bitmap and descriptor, its indirect block and its inode's block at once")
             .read_by("file system"),
         enum_slot(fs.driver, driver_words()));
  const bool own_driver = fs.driver == FsDriver::kExt2;
  const std::string with_own = "with driver ext2";
  v.leaf(
      flag_key("journal",
               "It is ext4: extents, and changed inodes and bitmaps go to the journal every 5 s. "
               "Until they are there, behind all that the disk has to do, write(2) waits, and "
               "so do the flusher and the end of write-back")
          .only("with driver ext4", !own_driver)
          .read_by("file system"),
      slot(fs.journal));
  v.leaf(name_key("device", "Device or partition it lies on").needed(), slot(fs.device));
  v.leaf(
      size_key("block_size", 512, kPageSize, "Block size: a power of two").read_by("buffer heads"),
      slot(fs.block_size));
  v.leaf(choice_key("metadata", metadata_words(),
                    "Inode-table and indirect blocks: none at all; held in memory; may be "
                    "reclaimed and read again; also dirtied, with the group's bitmap and "
                    "descriptor and the super block, when a block is allocated")
             .only(with_own, own_driver)
             .read_by("file system"),
         enum_slot(fs.metadata, metadata_words()));
  const bool own_runs = own_driver || fs.journal;
  const std::string with_runs = "with driver ext2 or a journal";
  v.leaf(size_key("extent_size", 0, kMostBytes, "Longest contiguous run of a file; 0B: no limit")
             .multiple_of(fs.block_size)
             .only(with_runs, own_runs)
             .read_by("allocator"),
         slot_as_size(fs.extent_blocks, fs.block_size));
  v.leaf(size_key("gap_size", 0, kMostBytes, "Space between two runs")
             .multiple_of(fs.block_size)
             .only(with_runs, own_runs)
             .read_by("allocator"),
         slot_as_size(fs.gap_blocks, fs.block_size));
  v.leaf(flag_key("barrier",
                  "fsync(2) ends with a flush of the drive's cache, as that of ext3 and ext4 does; "
                  "ext2's own does so from 3.16 on. Up to 2.6.36 the flush drains the queue")
             .read_by("fsync"),
         slot(fs.barrier));
  describe_times(v, fs);
  v.list(group_key("files", "Files"), list_slot(fs.files, describe_file));
}

void describe_job(KeyVisitor& v, JobConfig& j) {
  const std::string reader = "workload";
  const std::string when = "with rw other than sync and fsync";
  const std::string when_writing = "with rw write or randwrite";
  v.leaf(name_key("name", "Name in every result").needed(), slot(j.name));
  v.leaf(choice_key("rw", job_kind_words(),
                    "Sequential or random, write or read; sync calls sync(2), fsync fsync(2)")
             .read_by(reader),
         enum_slot(j.rw, job_kind_words()));
  const bool has_file = j.rw != JobKind::kSync;
  const bool transfers = has_file && j.rw != JobKind::kFsync;
  const bool random = j.rw == JobKind::kRandRead || j.rw == JobKind::kRandWrite;
  const bool writes = j.rw == JobKind::kWrite || j.rw == JobKind::kRandWrite;
  v.leaf(path_key("filename", "FILESYSTEM/FILE, or /dev/DEVICE, or /dev/PARTITION")
             .needed()
             .only("with rw other than sync", has_file)
             .read_by(reader),
         slot(j.filename));
  describe_job_access(v, j, transfers, random);
  v.leaf(size_key("bs", 1, kGiB, "Bytes of one call").only(when, transfers).read_by(reader),
         slot(j.bs));
  v.leaf(size_key("offset", 0, kMostBytes, "Start of the region")
             .only(when, transfers)
             .read_by(reader),
         slot(j.offset));
  v.leaf(size_key("offset_increment", 0, kMostBytes, "Added to offset for each further clone")
             .only(when, transfers)
             .read_by(reader),
         slot(j.offset_increment));
  describe_job_limits(v, j, transfers);
  v.leaf(size_key("zonesize", 0, kTiB, "After so many bytes skip zoneskip; 0B: never")
             .only(when, transfers)
             .read_by(reader),
         slot(j.zonesize));
  v.leaf(size_key("zoneskip", 0, kTiB, "See zonesize").only(when, transfers).read_by(reader),
         slot(j.zoneskip));
  describe_job_pace(v, j, transfers);
  describe_job_start(v, j);
  v.leaf(integer_key("numjobs", 1, 10'000, "Clones of this job").read_by(reader), slot(j.numjobs));
  v.leaf(integer_key("fsync", 0, kMostBytes, "fsync(2) after so many writes; 0: never")
             .only(when_writing, writes)
             .read_by(reader),
         slot(j.fsync));
  v.leaf(integer_key("fdatasync", 0, kMostBytes, "fdatasync(2) after so many writes; 0: never")
             .only(when_writing, writes)
             .read_by(reader),
         slot(j.fdatasync));
  v.leaf(flag_key("end_fsync", "fsync(2) when the job ends")
             .only(when_writing, writes)
             .read_by(reader),
         slot(j.end_fsync));
}

}  // namespace wbsim
