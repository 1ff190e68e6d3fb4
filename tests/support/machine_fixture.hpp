// The parts of a machine put together as Machine does it, but open: a test reaches the inodes, the
// lists, the counters and the clock, and decides itself what runs.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "models/device/device.hpp"
#include "models/fs/block_device.hpp"
#include "models/fs/buffer.hpp"
#include "models/fs/ext4.hpp"
#include "models/fs/file.hpp"
#include "models/fs/page_scan.hpp"
#include "models/kernel.hpp"
#include "models/workload/job.hpp"
#include "models/writeback/balance_dirty.hpp"
#include "models/writeback/bdi_flusher.hpp"
#include "models/writeback/ioless_throttle.hpp"
#include "models/writeback/kernel24.hpp"
#include "models/writeback/pdflush.hpp"
#include "models/writeback/single_inode.hpp"
#include "models/writeback/vm_writeout.hpp"
#include "models/writeback/wb_flusher.hpp"
#include "models/writeback/writer_throttle.hpp"

namespace wbsim {

// Everything a run reports, in the order of the reports.
struct TraceLog : TraceSink {
  std::vector<Sample> samples;
  std::vector<CallRecord> writes, reads;
  std::vector<FsyncRecord> fsyncs;
  std::vector<RequestRecord> requests;
  std::vector<WorkRecord> works;
  std::vector<BalanceDirtyPagesEvent> pauses;
  std::vector<WritebackSingleInodeEvent> inodes_written;
  std::function<void()> after_call, after_fsync;

  void on_sample(const Sample& sample) override { samples.push_back(sample); }
  void on_write(const CallRecord& call) override {
    writes.push_back(call);
    if (after_call)
      after_call();
  }
  void on_read(const CallRecord& call) override {
    reads.push_back(call);
    if (after_call)
      after_call();
  }
  void on_fsync(const FsyncRecord& call) override {
    fsyncs.push_back(call);
    if (after_fsync)
      after_fsync();
  }
  bool wants_requests() const override { return true; }
  void on_request(const RequestRecord& request) override { requests.push_back(request); }
  void on_work(const WorkRecord& work) override { works.push_back(work); }
  void on_balance_dirty_pages(const BalanceDirtyPagesEvent& e) override { pauses.push_back(e); }
  void on_writeback_single_inode(const WritebackSingleInodeEvent& event) override {
    if (!event.start)
      inodes_written.push_back(event);
  }

  std::vector<WorkRecord> works_because(WriteReason reason) const {
    std::vector<WorkRecord> found;
    for (const WorkRecord& work : works)
      if (work.reason == reason)
        found.push_back(work);
    return found;
  }
};

// A file system of inodes without pages: writing one takes as long as the test says.
class SlowInodes : public SuperBlock {
 public:
  SlowInodes(Vfs& vfs, BackingDevInfo& bdi) : vfs_(vfs), bdi_(bdi) {}

  Inode& add() {
    Inode& inode = inodes_.emplace_back(vfs_.cache.tree_nodes(), *this, inodes_.size(), 12);
    inode.i_data.bdi = &bdi_;
    s_inodes.push_back(&inode);
    return inode;
  }
  GetBlock get_block(Inode&, std::int64_t block, BufferHead& bh, bool, std::int64_t&) override {
    bh.map_to(block);
    return GetBlock::kMapped;
  }
  Task<Errno> write_inode(Inode& inode, TaskStruct& task, bool wait) override;
  bool uses_mpage() const override { return true; }
  bool keeps_times() const override { return true; }

  struct Written {
    TimePoint when;
    std::uint64_t ino;
    std::string by;
  };
  std::vector<Written> written;
  Duration takes{0};

 private:
  Vfs& vfs_;
  BackingDevInfo& bdi_;
  std::deque<Inode> inodes_;
};

// 64 MiB of memory; disks of 100 us + 100 MB/s, each with a file system "fsN" and a file "f" of
// 16 MiB on it; processors that cost nothing; a tick of 1 ms.
inline Scenario plain_scenario(std::string kernel, int disks = 1) {
  Scenario s;
  s.kernel.preset = std::move(kernel);
  s.kernel.hz = 1000;
  s.cpu.costs = CpuCosts::none();
  s.memory.total = Bytes(64 << 20);
  s.run.uptime_at_start = Duration(0);
  for (int i = 0; i < disks; ++i) {
    DeviceConfig& device = s.devices.emplace_back();
    device.name = "d" + std::to_string(i);
    device.capacity = Bytes(1 << 30);
    device.fixed.overhead = std::chrono::microseconds(100);
    device.fixed.bandwidth_bytes_per_s = 100'000'000;
    FilesystemConfig& fs = s.filesystems.emplace_back();
    fs.name = "fs" + std::to_string(i);
    fs.device = device.name;
    fs.files.emplace_back();
    fs.files.back().name = "f";
    fs.files.back().size = Bytes(16 << 20);
  }
  return s;
}

class MachineFixture {
 public:
  explicit MachineFixture(const Scenario& scenario);
  ~MachineFixture() { sim.destroy_processes(); }

  // Before start_flusher(): one more file system on disk `disk`.
  SlowInodes& mount_slow_inodes(std::size_t disk);
  void start_flusher();
  // The clock reaches `time` even if nothing happens.
  void run_until(Duration time) {
    sim.at(TimePoint(time), {[](void*, std::uint64_t) {}, nullptr, 0}, Band::kSample);
    sim.run_until(TimePoint(time));
  }
  void at(Duration when, std::function<void()> what) {
    sim.spawn("at", run_at(sim, TimePoint(when), std::move(what)), ProcessKind::kDaemon);
  }

  Inode& file(std::size_t fs, std::size_t number = 0) {
    return *context.super_blocks.at(fs + 1)->s_inodes.at(number);
  }
  Inode& raw(std::size_t disk) { return *context.super_blocks.front()->s_inodes.at(disk); }
  BackingDevInfo& bdi(std::size_t disk) { return disks.at(disk).bdi; }
  Page& page(Inode& inode, PageIndex index) { return *cache.find_get_page(inode.i_data, index); }
  // As write(2) leaves them, at no cost in time and without being throttled.
  void dirty_pages(Inode& inode, PageIndex first, PageIndex count, TaskStruct* dirtier = nullptr);
  Sectors on_disk(Inode& inode, PageIndex page);          // where its first block is
  bool was_written(Sectors start, Sectors length) const;  // by the requests completed so far
  std::vector<PageIndex> tagged(const Inode& inode, PageTag tag) const;

  struct Disk {
    std::unique_ptr<Device> device;
    std::unique_ptr<RequestQueue> queue;
    BackingDevInfo bdi;
  };

  Scenario config;
  const KernelRow& row;
  TraceLog log;
  Simulator sim;
  TickClock ticks;
  Processors processors;
  PageCache cache;
  Vfs vfs;
  BlockLayer block_layer;
  TaskQueueDisk tq_disk;
  WritebackContext context;
  std::optional<VmWriteoutThrottle> vm_writeout;
  std::deque<Disk> disks;
  BlockDevSuperBlock block_devices;
  std::vector<std::unique_ptr<Ext2>> filesystems;
  std::deque<SlowInodes> slow_inodes;
  std::unique_ptr<Kernel24> kernel24;  // lists inodes
  std::unique_ptr<Flusher> flusher;
  std::unique_ptr<DirtyThrottle> throttle;

 private:
  void add_disk(const DeviceConfig& device);
  static Task<> run_at(Simulator& sim, TimePoint when, std::function<void()> what);
};

}  // namespace wbsim
