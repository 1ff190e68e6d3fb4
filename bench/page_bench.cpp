// The life of a page in the simulator, next to the floor of page_floor_bench.cpp: write(2), the
// page scan, the three passes of block_write_full_page() (four buffers of 1 KiB) or mpage (one of
// 4 KiB), submission, merging, dispatch and completion. Processor time is free, so that no event is
// spent on it; the disk and its queue are real.
//
// The cache is emptied between rounds; @first_touch starts with memory never used before.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <ctime>
#include <fstream>
#include <memory>
#include <vector>

#include "models/block/single_queue.hpp"
#include "models/device/device.hpp"
#include "models/fs/block_device.hpp"
#include "models/fs/ext2.hpp"
#include "models/fs/file.hpp"
#include "models/fs/page_scan.hpp"
#include "models/fs/truncate.hpp"
#include "models/writeback/flusher.hpp"

namespace {

using namespace wbsim;

constexpr Pages kPages{1'000'000};
constexpr Pages kMemory{1'200'000};
constexpr Bytes kFileSize = to_bytes(kPages);
constexpr Bytes kCall{65536};
constexpr std::int64_t kChunk = 1024;  // pages a flusher writes in one go

DeviceConfig disk_config() {
  DeviceConfig config;
  config.capacity = kFileSize * 2;
  return config;
}

// A file of kPages on one disk; nobody throttles, and nobody writes back unasked.
class World : private DirtyListener, private DirtyThrottle {
 public:
  explicit World(int buffers_per_page)
      : processors_(sim_, ticks_, 1, SchedRules{}, Duration::zero()),
        cache_({kMemory, kMemory, Pages(0), Pages(0)}, Proportions(18), Proportions(18)),
        vfs_(sim_, ticks_, processors_, costs_, cache_, FsRules{}, kMemory),
        disk_(make_device(disk_config())),
        queue_(sim_, ticks_, *disk_, {}, {}, block_, trace_),
        device_(block_devices_.add(vfs_, with_queue(), Sectors(0), disk_->capacity(),
                                   buffers_per_page == 4 ? 10 : kPageShift)),
        fs_(buffers_per_page == 4 ? nullptr
                                  : std::make_unique<Ext2>(vfs_, device_, FilesystemConfig{})),
        file_(fs_ ? fs_->create(file_config()) : device_) {
    vfs_.dirty_listener = this;
    vfs_.throttle = this;
  }
  ~World() { sim_.destroy_processes(); }

  void dirty_all() { run(write_file()); }
  void write_back_all() { run(write_back(kPages.count())); }
  // Scan and submission of the next pages, up to where their first request ends.
  void submit_chunk() {
    sim_.spawn("flush", submit_and_stop());
    sim_.run_until(TimePoint::max());
  }
  void complete() { sim_.run_until(TimePoint::max()); }
  void forget_everything() {
    const std::int64_t size = file_.i_size;
    run(drop_pages());
    file_.i_size = size;
  }
  Pages written() const { return cache_.counters().nr_written; }

 private:
  static FileConfig file_config() {
    FileConfig config;
    config.size = kFileSize;
    return config;
  }
  BackingDevInfo& with_queue() {
    bdi_.queue = &queue_;
    return bdi_;
  }
  void run(Task<> body) {
    sim_.spawn("bench", std::move(body));
    sim_.run_until(TimePoint::max());
  }
  Task<> write_file() {
    for (std::int64_t at = 0; at < kFileSize.count(); at += kCall.count())
      co_await generic_file_write(vfs_, file_, at, kCall.count(), task_);
  }
  Task<> write_back(std::int64_t pages) {
    for (; pages > 0; pages -= kChunk) {
      WritebackControl wbc;
      wbc.range_cyclic = true;
      wbc.nr_to_write = kChunk;
      co_await do_writepages(vfs_, file_, wbc, task_);
    }
  }
  Task<> submit_and_stop() {
    co_await write_back(kChunk);
    sim_.stop();
  }
  Task<> drop_pages() { co_await truncate(vfs_, file_, 0, task_); }

  void inode_dirtied(Inode&) override {}
  bool ratelimit(TaskStruct&, const AddressSpace&, Pages) override { return false; }
  Pages until_due(const TaskStruct&, const AddressSpace&) const override { return kPages; }
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
  SingleQueue queue_;
  BackingDevInfo bdi_;
  BlockDevSuperBlock block_devices_;
  Inode& device_;
  std::unique_ptr<Ext2> fs_;
  Inode& file_;
  TaskStruct task_{"bench"};
};

void finish(benchmark::State& state, Pages written) {
  if (written != kPages * state.iterations())
    state.SkipWithError("not every page was written once a round");
  state.SetItemsProcessed(state.iterations() * kPages.count());
}

World& warm(World& world) {
  world.dirty_all();
  world.write_back_all();
  world.forget_everything();
  return world;
}

void page(benchmark::State& state) {
  World world(static_cast<int>(state.range(0)));
  const Pages before = warm(world).written();
  for (auto _ : state) {
    world.dirty_all();
    world.write_back_all();
    state.PauseTiming();
    world.forget_everything();
    state.ResumeTiming();
  }
  finish(state, world.written() - before);
}

std::int64_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::int64_t size = 0;
  std::int64_t resident = 0;
  statm >> size >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

void page_first_touch(benchmark::State& state) {
  Pages written{};
  std::int64_t bytes = 0;
  for (auto _ : state) {
    state.PauseTiming();
    const std::int64_t before = resident_bytes();
    auto world = std::make_unique<World>(static_cast<int>(state.range(0)));
    state.ResumeTiming();
    world->dirty_all();
    world->write_back_all();
    state.PauseTiming();
    bytes = resident_bytes() - before;
    written += world->written();
    world.reset();
    state.ResumeTiming();
  }
  finish(state, written);
  state.counters["bytes_per_page"] =
      static_cast<double>(bytes) / static_cast<double>(kPages.count());
}

void page_dirty(benchmark::State& state) {
  World world(static_cast<int>(state.range(0)));
  const Pages before = warm(world).written();
  for (auto _ : state) {
    world.dirty_all();
    state.PauseTiming();
    world.write_back_all();
    world.forget_everything();
    state.ResumeTiming();
  }
  finish(state, world.written() - before);
}

enum class Half : std::uint8_t { kSubmit, kComplete };

// As Google Benchmark counts it: others on the machine do not matter.
double processor_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

void page_write(benchmark::State& state, Half measured) {
  World world(static_cast<int>(state.range(0)));
  const Pages before = warm(world).written();
  for (auto _ : state) {
    world.dirty_all();
    double submit = 0;
    double complete = 0;
    for (std::int64_t left = kPages.count(); left > 0; left -= kChunk) {
      const double start = processor_seconds();
      world.submit_chunk();
      const double submitted = processor_seconds();
      world.complete();
      submit += submitted - start;
      complete += processor_seconds() - submitted;
    }
    state.SetIterationTime(measured == Half::kSubmit ? submit : complete);
    world.forget_everything();
  }
  finish(state, world.written() - before);
}

BENCHMARK(page)->Name("wbsim/page")->Arg(4)->Arg(1)->Unit(benchmark::kMillisecond);
BENCHMARK(page_first_touch)
    ->Name("wbsim/page@first_touch")
    ->Arg(4)
    ->Arg(1)
    ->Unit(benchmark::kMillisecond);
BENCHMARK(page_dirty)->Name("wbsim/page_dirty")->Arg(4)->Arg(1)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(page_write, submit, Half::kSubmit)
    ->Name("wbsim/page_submit")
    ->Arg(4)
    ->Arg(1)
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(page_write, complete, Half::kComplete)
    ->Name("wbsim/page_complete")
    ->Arg(4)
    ->Arg(1)
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
