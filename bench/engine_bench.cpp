// What an event of the engine costs next to a bare heap loop.
//
// HOLD model: N events are pending; each one that runs schedules its successor a random time later.
// ratios.py divides wbsim/NAME/N by floor/NAME/N; what follows an @ in NAME tells variants apart.
#include <benchmark/benchmark.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "bench/bare_heap.hpp"
#include "sim/simulator.hpp"
#include "sim/wait_queue.hpp"

namespace {

using namespace wbsim;

constexpr std::int64_t kBatch = 100'000;  // events per iteration, so that its own cost vanishes

void count_items(benchmark::State& state) {
  state.SetItemsProcessed(state.iterations() * kBatch);
}

void floor_hold(benchmark::State& state) {
  const auto pending = static_cast<std::uint32_t>(state.range(0));
  bench::BareHeap heap(pending);
  bench::Increments increments;
  for (std::uint32_t id = 0; id < pending; ++id)
    heap.push(id, increments.next());
  for (auto _ : state) {
    for (std::int64_t i = 0; i < kBatch; ++i) {
      const bench::BareHeap::Entry event = heap.pop();
      heap.push(event.id, event.time + increments.next());
    }
  }
  count_items(state);
}

// Stops the run after each batch of events.
struct Hold {
  explicit Hold(Simulator& simulator) : sim(simulator) {}
  void count_event() {
    if (--left == 0)
      sim.stop();
  }
  void measure(benchmark::State& state) {
    for (auto _ : state) {
      left = kBatch;
      sim.run_until(TimePoint::max());
    }
    count_items(state);
  }

  Simulator& sim;
  bench::Increments increments;
  std::int64_t left = 0;
};

void rearm(void* context, std::uint64_t id) {
  auto& hold = *static_cast<Hold*>(context);
  hold.sim.at(hold.sim.now() + Duration(hold.increments.next()), {&rearm, context, id});
  hold.count_event();
}

void hold_with_callbacks(benchmark::State& state) {
  Simulator sim;
  Hold hold(sim);
  for (std::int64_t id = 0; id < state.range(0); ++id)
    sim.at(TimePoint(Duration(hold.increments.next())),
           {&rearm, &hold, static_cast<std::uint64_t>(id)});
  hold.measure(state);
}

Task<> delay_for_ever(Hold& hold) {
  for (;;) {
    co_await hold.sim.delay(Duration(hold.increments.next()));
    hold.count_event();
  }
}

void hold_with_processes(benchmark::State& state) {
  Simulator sim;
  Hold hold(sim);
  for (std::int64_t id = 0; id < state.range(0); ++id)
    sim.spawn("hold", delay_for_ever(hold), ProcessKind::kDaemon);
  hold.measure(state);
}

// A time-out that is armed and then cancelled, with N others pending: the life of most of them.
void floor_schedule_cancel(benchmark::State& state) {
  const auto pending = static_cast<std::uint32_t>(state.range(0));
  bench::BareHeap heap(pending + 1);
  bench::Increments increments;
  for (std::uint32_t id = 0; id < pending; ++id)
    heap.push(id, increments.next());
  for (auto _ : state) {
    for (std::int64_t i = 0; i < kBatch; ++i) {
      heap.push(pending, increments.next());
      heap.cancel(pending);
    }
  }
  count_items(state);
}

void schedule_cancel(benchmark::State& state) {
  Simulator sim;
  bench::Increments increments;
  const EventAction nothing{[](void*, std::uint64_t) {}};
  for (std::int64_t id = 0; id < state.range(0); ++id)
    sim.at(TimePoint(Duration(increments.next())), nothing);
  for (auto _ : state) {
    for (std::int64_t i = 0; i < kBatch; ++i)
      benchmark::DoNotOptimize(sim.cancel(sim.at(TimePoint(Duration(increments.next())), nothing)));
  }
  count_items(state);
}

Task<> wake_the_other(Hold& hold, WaitQueue& mine, WaitQueue& other, Duration timeout) {
  for (;;) {
    hold.count_event();
    other.wake_one();
    if (timeout == Duration::zero())
      co_await mine.wait("my turn");
    else
      co_await mine.wait_for(timeout, "my turn");
  }
}

// Two processes wake each other in turn; with a time-out that never ends, or with none.
void wake_up(benchmark::State& state) {
  Simulator sim;
  Hold hold(sim);
  WaitQueue ping;
  WaitQueue pong;
  const Duration timeout = std::chrono::seconds(state.range(0));
  sim.spawn("ping", wake_the_other(hold, ping, pong, timeout), ProcessKind::kDaemon);
  sim.spawn("pong", wake_the_other(hold, pong, ping, timeout), ProcessKind::kDaemon);
  hold.measure(state);
  sim.destroy_processes();
}

Task<int> child(int value) {
  co_return value + 1;
}

Task<> call_children(Hold& hold) {
  int sum = 0;
  for (;;) {
    for (std::int64_t i = 0; i < kBatch; ++i)
      sum = co_await child(sum);
    benchmark::DoNotOptimize(sum);
    hold.sim.stop();
    co_await hold.sim.delay(Duration(1));
  }
}

void call_task(benchmark::State& state) {
  Simulator sim;
  Hold hold(sim);
  sim.spawn("caller", call_children(hold), ProcessKind::kDaemon);
  hold.measure(state);
}

void pending(benchmark::internal::Benchmark* benchmark) {
  benchmark->Arg(16)->Arg(100)->Arg(1000)->Arg(10'000)->Arg(100'000);
}

BENCHMARK(floor_hold)->Name("floor/hold")->Apply(pending);
BENCHMARK(hold_with_callbacks)->Name("wbsim/hold")->Apply(pending);
BENCHMARK(hold_with_processes)->Name("wbsim/hold@process")->Apply(pending);
BENCHMARK(floor_schedule_cancel)->Name("floor/schedule_cancel")->Apply(pending);
BENCHMARK(schedule_cancel)->Name("wbsim/schedule_cancel")->Apply(pending);
BENCHMARK(hold_with_processes)->Name("wbsim/delay_loop")->Arg(1);
BENCHMARK(wake_up)->Name("wbsim/wake_up")->Arg(0);
BENCHMARK(wake_up)->Name("wbsim/wake_up@timeout")->Arg(3600);
BENCHMARK(call_task)->Name("wbsim/call_task");

}  // namespace
