// The block layer alone: what a merged bio costs, and the life of a request from submission to
// completion.
#include <benchmark/benchmark.h>

#include <vector>

#include "models/block/single_queue.hpp"
#include "models/device/device.hpp"
#include "sim/simulator.hpp"

namespace {

using namespace wbsim;

struct Disk {
  explicit Disk(const char* scheduler)
      : device(make_device(config())),
        queue(sim, TickClock(250), *device, params(scheduler), {}, congestion, trace) {}

  static DeviceConfig config() {
    DeviceConfig config;
    config.capacity = Bytes(std::int64_t{1} << 40);
    return config;
  }
  static QueueParams params(const char* scheduler) {
    QueueParams params;
    params.scheduler = scheduler;
    return params;
  }
  void drain() {
    queue.unplug();
    sim.run_until(sim.now() + std::chrono::hours(1));
  }

  Simulator sim;
  std::unique_ptr<Device> device;
  CongestionWaits congestion;
  TraceSink trace;
  SingleQueue queue;
  IoContext task;
};

std::vector<Bio> make_bios(std::size_t n, std::int64_t stride) {
  std::vector<Bio> bios(n);
  for (std::size_t i = 0; i < n; ++i) {
    bios[i].sector = Sectors(static_cast<std::int64_t>(i) * stride);
    bios[i].length = Sectors(8);
    bios[i].bi_end_io = [](Bio& bio, bool) { ++bio.cookie; };
  }
  return bios;
}

void finish(benchmark::State& state, const std::vector<Bio>& bios) {
  const std::int64_t rounds = state.iterations();
  for (const Bio& bio : bios) {
    if (static_cast<std::int64_t>(bio.cookie) != rounds)
      state.SkipWithError("a bio did not complete once a round");
  }
  state.SetItemsProcessed(rounds * static_cast<std::int64_t>(bios.size()));
}

// 4 KiB bios in a row, 64 requests' worth; the time is that of a bio, with its share of a request.
void merged_bio(benchmark::State& state, const char* scheduler) {
  Disk disk(scheduler);
  std::vector<Bio> bios = make_bios(64 * 128, 8);
  for (auto _ : state) {
    for (Bio& bio : bios)
      disk.queue.try_submit(bio, disk.task);
    disk.drain();
  }
  finish(state, bios);
}
BENCHMARK_CAPTURE(merged_bio, noop, "noop")->Name("wbsim/merged_bio@noop");
BENCHMARK_CAPTURE(merged_bio, deadline, "deadline")->Name("wbsim/merged_bio@deadline");

// 4 KiB bios with gaps: each is a request of its own.
void request_life(benchmark::State& state, const char* scheduler) {
  Disk disk(scheduler);
  std::vector<Bio> bios = make_bios(100, 1000);
  for (auto _ : state) {
    for (Bio& bio : bios)
      disk.queue.try_submit(bio, disk.task);
    disk.drain();
  }
  finish(state, bios);
}
BENCHMARK_CAPTURE(request_life, noop, "noop")->Name("wbsim/request@noop");
BENCHMARK_CAPTURE(request_life, deadline, "deadline")->Name("wbsim/request@deadline");

// One request at a time on an idle queue: plugged, unplugged by its waiter, served.
void request_alone(benchmark::State& state) {
  Disk disk("deadline");
  std::vector<Bio> bios = make_bios(1, 0);
  for (auto _ : state) {
    disk.queue.try_submit(bios[0], disk.task);
    disk.drain();
  }
  finish(state, bios);
}
BENCHMARK(request_alone)->Name("wbsim/request@alone");

}  // namespace
