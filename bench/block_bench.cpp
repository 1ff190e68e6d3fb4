// The block layer on its devices: what a merged bio costs, and the life of a request from its
// submission to its completion, in each era's queue on the simplest device, and on each device in
// the queues of 2.6.31 and 6.1; on one disk and on a thousand, with 16 requests waiting at each.
// The floor is what a thousand disks cost anybody: a heap of their next completions, and as much
// memory to write and read again.
#include <benchmark/benchmark.h>

#include <array>
#include <deque>
#include <string>
#include <vector>

#include "bench/bare_heap.hpp"
#include "models/block/request_queue.hpp"
#include "models/device/device.hpp"
#include "sim/simulator.hpp"

namespace {

using namespace wbsim;

struct Kind {
  const char* name;
  QueueRules rules;
  const char* scheduler;
  const char* model = "fixed";
};

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> kinds{
      {"noop", {}, "noop"},
      {"deadline", {}, "deadline"},
      {"cfq", {}, "cfq"},
      {"deadline310", queue_rules_310(), "deadline"},
      {"none", queue_rules_61(), "none"},
      {"mq-deadline", queue_rules_61(), "mq-deadline"},
  };
  return kinds;
}

class Disks {
 public:
  Disks(const Kind& kind, int count) {
    task_.thread = "task";
    for (int i = 0; i < count; ++i) {
      Disk& disk = disks_.emplace_back();
      disk.device = make_device(config(kind.model));
      QueueParams params;
      params.scheduler = kind.scheduler;
      params.device_index = i;
      params.wbt_lat = Duration::zero();
      disk.queue = make_request_queue(sim_, TickClock(250), *disk.device, params, kind.rules,
                                      layer_, trace_);
    }
  }

  // What does not fit waits until there is room, as the task would.
  void submit(std::size_t disk, Bio& bio) {
    RequestQueue& queue = *disks_[disk].queue;
    while (queue.try_submit(bio, task_) == RequestQueue::Submit::kNoRequest) {
      queue.unplug();
      sim_.run_until(sim_.now() + std::chrono::milliseconds(1));
    }
  }
  void drain() {
    for (Disk& disk : disks_)
      disk.queue->unplug();
    sim_.run_until(sim_.now() + std::chrono::hours(1));
  }

 private:
  struct Disk {
    std::unique_ptr<Device> device;
    std::unique_ptr<RequestQueue> queue;
  };
  static DeviceConfig config(const char* model) {
    DeviceConfig config;
    config.capacity = Bytes(std::int64_t{1} << 40);
    if (model == std::string("raid0"))
      config.array.members.resize(4, config);
    config.model = model;
    if (config.model != "usb")
      config.driver_depth = 32;
    return config;
  }

  Simulator sim_;
  BlockLayer layer_;
  TraceSink trace_;
  IoContext task_;
  std::deque<Disk> disks_;
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

// 4 KiB bios in a row, 16 requests' worth; the time is that of a bio, with its share of a request.
void merged_bio(benchmark::State& state, const Kind& kind) {
  Disks disks(kind, 1);
  std::vector<Bio> bios = make_bios(16 * 128, 8);
  for (auto _ : state) {
    for (Bio& bio : bios)
      disks.submit(0, bio);
    disks.drain();
  }
  finish(state, bios);
}

// 4 KiB bios with gaps, spread over the disks: each is a request of its own.
void request_life(benchmark::State& state, const Kind& kind, int disk_count) {
  Disks disks(kind, disk_count);
  const auto count = static_cast<std::size_t>(disk_count);
  std::vector<Bio> bios = make_bios(16 * count, 1000);
  for (auto _ : state) {
    for (std::size_t i = 0; i < bios.size(); ++i)
      disks.submit(i % count, bios[i]);
    disks.drain();
  }
  finish(state, bios);
}

// A record of a request's size for each bio, first in first out at each disk.
void floor_request(benchmark::State& state) {
  constexpr std::int64_t kService = 1000;
  struct Record {
    Bio* bio;
    std::array<std::byte, sizeof(Request) - sizeof(Bio*)> rest;
  };
  const auto disks = static_cast<std::size_t>(state.range(0));
  std::vector<Bio> bios = make_bios(16 * disks, 1000);
  std::vector<Record> records(bios.size());
  bench::BareHeap heap(disks);
  std::vector<std::size_t> next(disks);
  for (auto _ : state) {
    for (std::size_t i = 0; i < bios.size(); ++i) {
      records[i].bio = &bios[i];
      records[i].rest.fill(std::byte(i));
      if (i < disks)
        heap.push(static_cast<std::uint32_t>(i), kService);
      next[i % disks] = i % disks;
    }
    for (std::size_t left = bios.size(); left > 0; --left) {
      const bench::BareHeap::Entry event = heap.pop();
      std::size_t& record = next[event.id];
      benchmark::DoNotOptimize(records[record].rest);
      ++records[record].bio->cookie;
      record += disks;
      if (record < records.size())
        heap.push(event.id, event.time + kService);
    }
  }
  finish(state, bios);
}
BENCHMARK(floor_request)->Name("floor/request")->ArgName("disks")->Arg(1)->Arg(1000);

// One request at a time on an idle queue: plugged, unplugged by its waiter, served.
void request_alone(benchmark::State& state) {
  Disks disks(kinds()[1], 1);
  std::vector<Bio> bios = make_bios(1, 0);
  for (auto _ : state) {
    disks.submit(0, bios[0]);
    disks.drain();
  }
  finish(state, bios);
}
BENCHMARK(request_alone)->Name("wbsim/request@alone");

void register_request_life(const std::string& variant, const Kind& kind) {
  for (const int disks : {1, 1000})
    benchmark::RegisterBenchmark(
        ("wbsim/request@" + variant + "/disks:" + std::to_string(disks)).c_str(), request_life,
        kind, disks);
}

const bool registered = [] {
  for (const Kind& kind : kinds()) {
    const std::string name = kind.name;
    if (!kind.rules.plug.per_task || name == "mq-deadline")  // the others merge on a task's plug
      benchmark::RegisterBenchmark(("wbsim/merged_bio@" + name).c_str(), merged_bio, kind);
    register_request_life(name, kind);
  }
  for (const char* model : {"hdd", "ssd", "nvme", "usb", "raid0"}) {
    register_request_life(std::string("deadline-") + model, {"", {}, "deadline", model});
    register_request_life(std::string("mq-deadline-") + model,
                          {"", queue_rules_61(), "mq-deadline", model});
  }
  return true;
}();

}  // namespace
