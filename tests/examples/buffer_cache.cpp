// The buffer cache of 2.4 in a small program: a disk, memory, and the kernel's own calls. Prints
// what is on the lists after each of them, under 2.4.0 and under 2.4.17.
#include <iostream>
#include <memory>
#include <string>

#include "models/block/block_layer.hpp"
#include "models/fs/block_device.hpp"
#include "models/fs/buffer24_sync.hpp"
#include "models/kernel.hpp"

namespace wbsim::v24 {
namespace {

// What the calls need of a machine: 16 MiB of memory and a disk of 50 MB/s.
struct SmallMachine {
  explicit SmallMachine(const KernelRow& row)
      : cpu(sim, ticks, 1, row.sched, Duration(0)),
        pages(memory(), Proportions(10), Proportions(10)),
        vfs(sim, ticks, cpu, CpuCosts::none(), pages, row.fs, memory().total),
        buffers(vfs, tq_disk, {*row.buffer_cache, 4096, 4096},
                default_bdf_prm(*row.buffer_cache, ticks.hz())) {
    DeviceConfig config;
    config.name = "hda";
    config.capacity = Bytes(1 << 30);
    config.fixed.bandwidth_bytes_per_s = 50'000'000;
    disk = make_device(config);
    QueueParams params = queue_params(config);
    params.tq_disk = &tq_disk;
    queue = make_request_queue(sim, ticks, *disk, params, row.queue, layer, nobody);
    bdi.queue = queue.get();
    hda = &buffers.device(
        block_devices.add(vfs, bdi, Sectors(0), Sectors(config.capacity.count() / 512), 10));
  }
  ~SmallMachine() { sim.destroy_processes(); }

  static MemoryParams memory() {
    MemoryParams params;
    params.total = params.free_at_start = Pages(4096);
    params.min_free = Pages(32);
    return params;
  }
  void say(const std::string& call) {
    std::cout << "  " << call << ": ";
    for (const auto& [list, name] :
         {std::pair{BUF_CLEAN, "clean"}, {BUF_LOCKED, "locked"}, {BUF_DIRTY, "dirty"}}) {
      std::cout << name << " [";
      for (const BufferHead& bh : buffers.cache.lru_list(list))
        std::cout << ' ' << bh.b_blocknr;
      std::cout << (list == BUF_DIRTY ? " ]\n" : " ] ");
    }
  }

  TraceSink nobody;
  Simulator sim{{.seed = 1}};
  TickClock ticks{100};
  Processors cpu;
  PageCache pages;
  Vfs vfs;
  BlockLayer layer;
  TaskQueueDisk tq_disk;
  BackingDevInfo bdi;
  std::unique_ptr<Device> disk;
  std::unique_ptr<RequestQueue> queue;
  BlockDevSuperBlock block_devices;
  Buffers buffers;
  BlockDevice* hda = nullptr;
};

Task<> story(SmallMachine& m) {
  TaskStruct task("example");
  Buffers& b = m.buffers;
  InodeBuffers file;
  static constexpr std::int64_t kBlocks[] = {8, 4, 5};
  for (const std::int64_t block : kBlocks) {
    BufferHead* const bh = co_await getblk(b, *m.hda, block, 1024, task);
    bh->set(BH_Uptodate);
    co_await mark_buffer_dirty(b, *bh, task);
    if (block != 8)
      b.cache.buffer_insert_inode_queue(*bh, file);
    b.cache.brelse(*bh);
  }
  m.say("getblk() and mark_buffer_dirty() of 8, 4, 5");
  const Errno written = co_await fsync_inode_buffers(b, file, task);
  m.say(std::string("fsync_inode_buffers() of 4, 5 ") +
        (written == Errno::kOk ? "is done" : "failed"));
  BufferHead* const last = co_await bread(b, *m.hda, 8, 1024, task);
  b.cache.bforget(*last);
  m.say("bforget() of 8");
  const Errno synced = co_await sync_buffers(b, nullptr, Wait::kYes, task);
  m.say(std::string("sync_buffers() ") + (synced == Errno::kOk ? "is done" : "failed"));
}

void tell(const char* kernel) {
  SmallMachine machine(*find_kernel(kernel));
  std::cout << kernel << "\n";
  machine.sim.spawn("example", story(machine));
  machine.sim.run_until(TimePoint(std::chrono::seconds(1)));
  machine.buffers.cache.check();
}

}  // namespace
}  // namespace wbsim::v24

int main() {
  wbsim::v24::tell("2.4.0");
  wbsim::v24::tell("2.4.17");
}
