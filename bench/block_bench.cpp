// The block layer on its devices: what a merged bio costs, and the life of a request from its
// submission to its completion, in each era's queue on the simplest device, and on each device in
// the queues of 2.6.31 and 6.1; on one disk, on 16 and on a thousand: "request" with 16 waiting at
// each, "request_of_16" with 16 in all, spread over as many disks as there are. A queue that has
// one request does more for it than one that has 16 (it plugs, unplugs and begins for this one): of
// the latter the growth with the disks is that from 16 to a thousand.
// The floor is what a thousand disks cost anybody: a heap of their next completions, and as much
// memory to write and read again: a record for each request, and the state of its disk as it comes
// and as it ends, both of the size that a request of deadline touches (of its queue, elevator and
// device 20 cache lines, by valgrind --tool=cachegrind). "heap_alone" leaves the memory out: it has
// three quarters of the floor's growth with 16 at each disk.
#include <benchmark/benchmark.h>

#include <algorithm>
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
  // The requests of these disks.
  void drain(std::size_t first, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i)
      disks_[(first + i) % disks_.size()].queue->unplug();
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
    disks.drain(0, 1);
  }
  finish(state, bios);
}

constexpr std::size_t kWaiting = 16;

// 4 KiB bios with gaps, dealt out to the disks: each is a request of its own.
void request_life(benchmark::State& state, const Kind& kind, int disk_count, bool at_each) {
  Disks disks(kind, disk_count);
  const auto count = static_cast<std::size_t>(disk_count);
  std::vector<Bio> bios = make_bios(at_each ? kWaiting * count : kWaiting, 1000);
  std::size_t first = 0;
  for (auto _ : state) {
    for (std::size_t i = 0; i < bios.size(); ++i)
      disks.submit((first + i) % count, bios[i]);
    disks.drain(first, std::min(bios.size(), count));
    first = (first + bios.size()) % count;
  }
  finish(state, bios);
}

enum class Floor : std::uint8_t { kHeapAlone, kWithMemory };

// A record for each bio, first in first out at each disk.
void floor_request(benchmark::State& state, bool at_each, Floor floor) {
  constexpr std::int64_t kService = 1000;
  struct Record {
    Bio* bio;
    std::array<std::byte, sizeof(Request) - sizeof(Bio*)> rest;
  };
  using DiskState = std::array<std::uint64_t, 20 * 8>;
  const auto disks = static_cast<std::size_t>(state.range(0));
  std::vector<Bio> bios = make_bios(at_each ? kWaiting * disks : kWaiting, 1000);
  std::vector<Record> records(bios.size());
  std::vector<DiskState> states(disks);
  const auto visit = [&](std::size_t disk) {
    if (floor == Floor::kHeapAlone)
      return;
    for (std::size_t word = 0; word < states[disk].size(); word += 8)
      ++states[disk][word];
  };
  bench::BareHeap heap(disks);
  std::vector<std::size_t> next(disks);
  std::size_t first = 0;
  for (auto _ : state) {
    for (std::size_t i = 0; i < bios.size(); ++i) {
      const std::size_t disk = (first + i) % disks;
      records[i].bio = &bios[i];
      if (floor == Floor::kWithMemory)
        records[i].rest.fill(std::byte(i));
      visit(disk);
      if (i < disks)
        heap.push(static_cast<std::uint32_t>(disk), kService);
      if (i < disks)
        next[disk] = i;
    }
    for (std::size_t left = bios.size(); left > 0; --left) {
      const bench::BareHeap::Entry event = heap.pop();
      std::size_t& record = next[event.id];
      visit(event.id);
      benchmark::DoNotOptimize(records[record].rest);
      ++records[record].bio->cookie;
      record += disks;
      if (record < records.size())
        heap.push(event.id, event.time + kService);
    }
    first = (first + bios.size()) % disks;
  }
  finish(state, bios);
}
void register_floor(const std::string& name, bool at_each, Floor floor) {
  benchmark::RegisterBenchmark(name.c_str(), floor_request, at_each, floor)
      ->ArgName("disks")
      ->Arg(1)
      ->Arg(16)
      ->Arg(1000);
}

// One request at a time on an idle queue: plugged, unplugged by its waiter, served.
void request_alone(benchmark::State& state) {
  Disks disks(kinds()[1], 1);
  std::vector<Bio> bios = make_bios(1, 0);
  for (auto _ : state) {
    disks.submit(0, bios[0]);
    disks.drain(0, 1);
  }
  finish(state, bios);
}
BENCHMARK(request_alone)->Name("wbsim/request@alone");

void register_request_life(const std::string& variant, const Kind& kind) {
  for (const bool at_each : {true, false})
    for (const int disks : {1, 16, 1000})
      benchmark::RegisterBenchmark(((at_each ? "wbsim/request@" : "wbsim/request_of_16@") +
                                    variant + "/disks:" + std::to_string(disks))
                                       .c_str(),
                                   request_life, kind, disks, at_each);
}

const bool registered = [] {
  register_floor("floor/request", true, Floor::kWithMemory);
  register_floor("floor/request_of_16", false, Floor::kWithMemory);
  register_floor("floor/heap_alone", true, Floor::kHeapAlone);
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
