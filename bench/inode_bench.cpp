// The same million pages in one file or in a million: write(2), then sync(2) through the lists of
// dirty inodes and the device's flusher thread. The cost of a page should not grow with the number
// of inodes.
//
// The argument is the number of inodes. Processor time is free, so that no event is spent on it.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <memory>

#include "models/device/device.hpp"
#include "models/fs/block_device.hpp"
#include "models/fs/ext2.hpp"
#include "models/fs/file.hpp"
#include "models/writeback/bdi_flusher.hpp"

namespace {

using namespace wbsim;

constexpr Pages kPages{1'000'000};
constexpr Pages kMemory{1'400'000};
constexpr Bytes kCall{65536};

DeviceConfig disk_config() {
  DeviceConfig config;
  config.capacity = to_bytes(kPages) * 2;
  return config;
}

// Nobody throttles.
class World : private DirtyThrottle {
 public:
  explicit World(std::int64_t inodes)
      : processors_(sim_, ticks_, 1, SchedRules{}, Duration::zero()),
        cache_({kMemory, kMemory, Pages(0), Pages(0)}, Proportions(18), Proportions(18)),
        vfs_(sim_, ticks_, processors_, costs_, cache_, FsRules{}, kMemory),
        disk_(make_device(disk_config())),
        queue_(make_request_queue(sim_, ticks_, *disk_, {}, {}, block_, trace_)),
        device_(block_devices_.add(vfs_, with_queue(), Sectors(0), disk_->capacity(), kPageShift)),
        fs_(vfs_, device_, FilesystemConfig{}),
        context_(vfs_, block_.congestion, trace_),
        flusher_(listed(), BdiFlusher::ThreadsAtStart::kAll) {
    vfs_.dirty_listener = &flusher_;
    vfs_.throttle = this;
    FileConfig file;
    file.size = to_bytes(kPages / inodes);
    for (std::int64_t i = 0; i < inodes; ++i)
      fs_.create(file);
    flusher_.start();
    sim_.run_until(TimePoint(std::chrono::seconds(1)));
  }
  ~World() { sim_.destroy_processes(); }

  void write_and_sync() {
    sim_.spawn("bench", write_all());
    sim_.run_until(TimePoint::max());
  }
  Pages written() const { return cache_.counters().nr_written; }

 private:
  BackingDevInfo& with_queue() {
    bdi_.queue = queue_.get();
    return bdi_;
  }
  WritebackContext& listed() {
    context_.add_device(bdi_);
    context_.super_blocks = {&block_devices_, &fs_};
    return context_;
  }
  Task<> write_all() {
    for (Inode* inode : fs_.s_inodes)
      for (std::int64_t at = 0; at < inode->i_size; at += kCall.count())
        co_await generic_file_write(vfs_, *inode, at, std::min(kCall.count(), inode->i_size - at),
                                    task_);
    co_await flusher_.sync(task_);
    sim_.stop();
  }
  bool ratelimit(TaskStruct&, const AddressSpace&, Pages) override { return false; }
  Task<> balance_dirty_pages(TaskStruct&, AddressSpace&) override { co_return; }

  Simulator sim_;
  TickClock ticks_{1000};
  CpuCosts costs_ = CpuCosts::none();
  Processors processors_;
  PageCache cache_;
  Vfs vfs_;
  std::unique_ptr<Device> disk_;
  BlockLayer block_;
  TraceSink trace_;
  std::unique_ptr<RequestQueue> queue_;
  BackingDevInfo bdi_;
  BlockDevSuperBlock block_devices_;
  Inode& device_;
  Ext2 fs_;
  WritebackContext context_;
  BdiFlusher flusher_;
  TaskStruct task_{"bench"};
};

void inodes(benchmark::State& state) {
  Pages written{};
  for (auto _ : state) {
    state.PauseTiming();
    auto world = std::make_unique<World>(state.range(0));
    state.ResumeTiming();
    world->write_and_sync();
    state.PauseTiming();
    written += world->written();
    world.reset();
    state.ResumeTiming();
  }
  if (written != kPages * state.iterations())
    state.SkipWithError("not every page was written once");
  state.SetItemsProcessed(state.iterations() * kPages.count());
}

BENCHMARK(inodes)
    ->Name("wbsim/inodes")
    ->RangeMultiplier(10)
    ->Range(1, 1'000'000)
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);

}  // namespace
