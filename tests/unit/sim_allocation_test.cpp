// Replaces operator new of the whole program to count what the engine allocates. Not under ASan,
// which brings its own, and where each coroutine frame comes from the heap on purpose.
#include <catch2/catch.hpp>
#include <chrono>
#include <cstdlib>
#include <new>

#include "sim/simulator.hpp"
#include "sim/wait_queue.hpp"

#if WBSIM_RECYCLE_FRAMES

namespace {
thread_local std::uint64_t allocations = 0;
}  // namespace

void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size))
    return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace wbsim {
namespace {

using namespace std::chrono_literals;

Task<int> take_turns(Simulator& sim, Semaphore& semaphore) {
  co_await semaphore.acquire();
  co_await sim.delay(3us);
  semaphore.release();
  co_return 1;
}

Task<> work(Simulator& sim, Semaphore& semaphore, WaitQueue& queue) {
  for (;;) {
    co_await take_turns(sim, semaphore);
    queue.wake_one();
    co_await queue.wait_for(7us, "a turn");
  }
}

TEST_CASE("the steady state of the engine allocates nothing", "[sim]") {
  Simulator sim;
  Semaphore semaphore(3);
  WaitQueue queue;
  for (int i = 0; i < 50; ++i)
    sim.spawn("worker", work(sim, semaphore, queue), ProcessKind::kDaemon);
  sim.run_until(TimePoint(1ms));

  const std::uint64_t before = allocations;
  const std::uint64_t events_before = sim.events_run();
  sim.run_until(TimePoint(100ms));
  CHECK(allocations == before);
  CHECK(sim.events_run() - events_before > 10'000);
  sim.destroy_processes();
}

}  // namespace
}  // namespace wbsim

#endif
