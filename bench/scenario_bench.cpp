// Whole runs: what a page written costs when everything around it counts too, the writers, the
// flushers, the samples. The same data on machines of different size should cost the same.
//
// The argument is what grows: GiB of memory, disks, or files.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <string>

#include "models/machine.hpp"

namespace {

using namespace wbsim;

constexpr std::int64_t kMiB = std::int64_t{1} << 20;
constexpr std::int64_t kGiB = std::int64_t{1} << 30;
// In every run that shows how the cost grows: spread over what there is.
constexpr std::int64_t kData = 2 * kGiB;

void add_disk(Scenario& s, std::int64_t bandwidth) {
  DeviceConfig& device = s.devices.emplace_back();
  device.name = "d" + std::to_string(s.devices.size() - 1);
  device.fixed.bandwidth_bytes_per_s = bandwidth;
  FilesystemConfig& fs = s.filesystems.emplace_back();
  fs.name = "fs" + device.name;
  fs.device = device.name;
  fs.metadata = MetadataMode::kPinned;
  fs.extent_blocks = 1024;
  fs.gap_blocks = 1;
}

void add_writer(Scenario& s, FilesystemConfig& fs, std::int64_t size) {
  FileConfig& file = fs.files.emplace_back();
  file.name = "f" + std::to_string(fs.files.size() - 1);
  file.size = Bytes(size);
  JobConfig& job = s.jobs.emplace_back();
  job.name = file.name;
  job.filename = fs.name + "/" + file.name;
  job.bs = Bytes(std::min<std::int64_t>(size, 65536));
}

Scenario machine(std::string kernel, std::int64_t memory) {
  Scenario s;
  s.kernel.preset = std::move(kernel);
  s.memory.total = Bytes(memory);
  return s;
}

void run(benchmark::State& state, const Scenario& scenario) {
  std::int64_t pages = 0;
  double simulated = 0;
  std::uint64_t events = 0;
  for (auto _ : state) {
    TraceSink ignore;
    Machine machine(scenario, ignore);
    const RunSummary summary = machine.run();
    pages += summary.memory.nr_written.count();
    simulated = to_seconds(summary.simulated);
    events = summary.events;
  }
  state.SetItemsProcessed(pages);
  state.counters["simulated_s"] = simulated;
  state.counters["events"] = static_cast<double>(events);
}

// Four disks of 50 MB/s and a writer on each for a minute, as in scenarios/four-disks.json.
void four_disks(benchmark::State& state, const char* kernel) {
  Scenario s = machine(kernel, kGiB);
  for (int i = 0; i < 4; ++i) {
    add_disk(s, 50'000'000);
    add_writer(s, s.filesystems.back(), 2 * kGiB);
    s.jobs.back().time_based = true;
    s.jobs.back().runtime = std::chrono::seconds(60);
  }
  s.run.until = RunUntil::kJobsDone;
  run(state, s);
}

void one_writer(benchmark::State& state, const char* kernel) {
  Scenario s = machine(kernel, kGiB);
  add_disk(s, 100'000'000);
  add_writer(s, s.filesystems.back(), kData);
  run(state, s);
}

void memory(benchmark::State& state) {
  Scenario s = machine("bdi", state.range(0) * kGiB);
  add_disk(s, 100'000'000);
  add_writer(s, s.filesystems.back(), kData);
  run(state, s);
}

void disks(benchmark::State& state, const char* kernel) {
  Scenario s = machine(kernel, 16 * kGiB);
  for (std::int64_t i = 0; i < state.range(0); ++i) {
    add_disk(s, 100'000'000);
    add_writer(s, s.filesystems.back(), kData / state.range(0) / kMiB * kMiB);
  }
  run(state, s);
}

void files(benchmark::State& state, const char* kernel) {
  Scenario s = machine(kernel, 16 * kGiB);
  add_disk(s, 100'000'000);
  for (std::int64_t i = 0; i < state.range(0); ++i)
    add_writer(s, s.filesystems.back(), kData / state.range(0) / kPageSize * kPageSize);
  run(state, s);
}

void once(benchmark::internal::Benchmark* benchmark) {
  benchmark->Iterations(1)->Unit(benchmark::kMillisecond);
}

BENCHMARK_CAPTURE(four_disks, pdflush, "pdflush")->Name("wbsim/four_disks@pdflush")->Apply(once);
BENCHMARK_CAPTURE(four_disks, bdi, "bdi")->Name("wbsim/four_disks@bdi")->Apply(once);
BENCHMARK_CAPTURE(one_writer, pdflush, "pdflush")->Name("wbsim/one_writer@pdflush")->Apply(once);
BENCHMARK_CAPTURE(one_writer, bdi, "bdi")->Name("wbsim/one_writer@bdi")->Apply(once);
BENCHMARK(memory)->Name("wbsim/memory_gib")->RangeMultiplier(4)->Range(1, 1024)->Apply(once);
BENCHMARK_CAPTURE(disks, pdflush, "pdflush")
    ->Name("wbsim/disks@pdflush")
    ->RangeMultiplier(10)
    ->Range(1, 1000)
    ->Apply(once);
BENCHMARK_CAPTURE(disks, bdi, "bdi")
    ->Name("wbsim/disks@bdi")
    ->RangeMultiplier(10)
    ->Range(1, 1000)
    ->Apply(once);
BENCHMARK_CAPTURE(files, pdflush, "pdflush")
    ->Name("wbsim/files@pdflush")
    ->RangeMultiplier(10)
    ->Range(1, 100'000)
    ->Apply(once);
BENCHMARK_CAPTURE(files, bdi, "bdi")
    ->Name("wbsim/files@bdi")
    ->RangeMultiplier(10)
    ->Range(1, 100'000)
    ->Apply(once);

}  // namespace
