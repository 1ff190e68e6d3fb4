#include <catch2/catch.hpp>
#include <chrono>
#include <memory>
#include <string>

#include "sim/keyed_waits.hpp"
#include "tests/support/sim_journal.hpp"

namespace wbsim {
namespace {

using namespace std::chrono_literals;
using Catch::Matchers::Contains;
using testing::Journal;
using testing::Lines;
using Wake = WaitQueue::Wake;

Task<> wait_then_note(WaitQueue& queue, Journal& journal, std::string name) {
  const Wake result = co_await queue.wait("news");
  journal.note(name + (result == Wake::kWoken ? " woken" : " timed out"));
}

Task<> wait_for_then_note(WaitQueue& queue, Journal& journal, std::string name, Duration timeout) {
  const Wake result = co_await queue.wait_for(timeout, "news");
  journal.note(name + (result == Wake::kWoken ? " woken" : " timed out"));
}

Task<> wake_after(Simulator& sim, WaitQueue& queue, Duration pause) {
  co_await sim.delay(pause);
  queue.wake_one();
}

TEST_CASE("one by one the longest waiter is woken, all at once the latest first", "[sim]") {
  Simulator sim;
  Journal journal(sim);
  WaitQueue queue;
  for (const char* name : {"a", "b", "c", "d"})
    sim.spawn(name, wait_then_note(queue, journal, name), ProcessKind::kDaemon);
  sim.run_until(TimePoint(1ns));
  CHECK(journal.lines().empty());

  queue.wake_one();
  sim.run_until(TimePoint(1ns));
  CHECK(journal.lines() == Lines{"0 a woken"});
  queue.wake_all();
  CHECK(queue.empty());
  sim.run_until(TimePoint(1ns));
  CHECK(journal.lines() == Lines{"0 a woken", "0 d woken", "0 c woken", "0 b woken"});
}

TEST_CASE("who shares a queue is woken for its own key alone, the latest first", "[sim]") {
  Simulator sim;
  Journal journal(sim);
  KeyedWaits<4> waits;
  const auto wait = [](KeyedWaits<4>& shared, std::uint64_t key, Journal& log,
                       std::string name) -> Task<> {
    co_await shared.wait(key, "news");
    log.note(name + " woken");
  };
  const std::pair<const char*, std::uint64_t> waiters[] = {{"a", 1}, {"b", 5}, {"c", 1}, {"d", 9}};
  for (const auto& [name, key] : waiters)
    sim.spawn(name, wait(waits, key, journal, name), ProcessKind::kDaemon);
  sim.run_until(TimePoint(1ns));
  waits.wake_all(13);
  waits.wake_all(1);
  sim.run_until(TimePoint(1ns));
  CHECK(journal.lines() == Lines{"0 c woken", "0 a woken"});
  waits.wake_all(9);
  waits.wake_all(5);
  sim.run_until(TimePoint(1ns));
  CHECK(journal.lines() == Lines{"0 c woken", "0 a woken", "0 d woken", "0 b woken"});
}

TEST_CASE("a wake-up nobody waits for is forgotten", "[sim]") {
  Simulator sim;
  Journal journal(sim);
  WaitQueue queue;
  queue.wake_one();
  queue.wake_all();
  sim.spawn("late", wait_then_note(queue, journal, "late"), ProcessKind::kDaemon);
  sim.run_until(TimePoint(1s));
  CHECK(journal.lines().empty());
  CHECK_FALSE(queue.empty());
}

TEST_CASE("a time-out ends a wait and leaves the other waiters in their order", "[sim]") {
  Simulator sim;
  Journal journal(sim);
  WaitQueue queue;
  sim.spawn("a", wait_then_note(queue, journal, "a"));
  sim.spawn("b", wait_for_then_note(queue, journal, "b", 5ns));
  sim.spawn("c", wait_then_note(queue, journal, "c"));
  sim.spawn("w1", wake_after(sim, queue, 10ns));
  sim.spawn("w2", wake_after(sim, queue, 20ns));
  CHECK(sim.run_until(TimePoint(1s)) == RunEnd::kDrained);
  CHECK(journal.lines() == Lines{"5 b timed out", "10 a woken", "20 c woken"});
}

TEST_CASE("a wake-up before the time-out cancels it", "[sim]") {
  Simulator sim;
  Journal journal(sim);
  WaitQueue queue;
  sim.spawn("a", wait_for_then_note(queue, journal, "a", 1h));
  sim.spawn("w", wake_after(sim, queue, 10ns));
  CHECK(sim.run_until(TimePoint::max()) == RunEnd::kDrained);
  CHECK(journal.lines() == Lines{"10 a woken"});
  CHECK(sim.now() == TimePoint(10ns));
}

TEST_CASE("a wake-up and a time-out in one instant: the one that was scheduled first wins",
          "[sim]") {
  Simulator sim;
  Journal journal(sim);
  WaitQueue queue;
  SECTION("the time-out; the wake-up then goes to the next waiter") {
    sim.spawn("a", wait_for_then_note(queue, journal, "a", 10ns));
    sim.spawn("b", wait_for_then_note(queue, journal, "b", 1s));
    sim.spawn("w", wake_after(sim, queue, 10ns));
    sim.run_until(TimePoint(9s));
    CHECK(journal.lines() == Lines{"10 a timed out", "10 b woken"});
  }
  SECTION("the wake-up; the time-out is void") {
    sim.spawn("w", wake_after(sim, queue, 10ns));
    sim.spawn("a", wait_for_then_note(queue, journal, "a", 10ns));
    CHECK(sim.run_until(TimePoint(9s)) == RunEnd::kDrained);
    CHECK(journal.lines() == Lines{"10 a woken"});
  }
}

TEST_CASE("a time-out of zero ends in the same instant, after what is already due", "[sim]") {
  Simulator sim;
  Journal journal(sim);
  WaitQueue queue;
  sim.spawn("a", wait_for_then_note(queue, journal, "a", 0ns));
  journal.note_at(TimePoint{}, "due");
  sim.run_until(TimePoint(1s));
  CHECK(journal.lines() == Lines{"0 due", "0 a timed out"});
  CHECK_THROWS_AS(queue.wait_for(-1ns, "news"), InvariantBroken);
}

TEST_CASE("a time-out beyond the end of time is no time-out", "[sim]") {
  Simulator sim;
  Journal journal(sim);
  WaitQueue queue;
  sim.spawn("a", wait_for_then_note(queue, journal, "a", Duration::max()));
  sim.spawn("w", wake_after(sim, queue, 10ns));
  sim.run_until(TimePoint(1s));
  CHECK(journal.lines() == Lines{"10 a woken"});
}

struct WakeOnExit {
  WaitQueue& queue;
  ~WakeOnExit() { queue.wake_all(); }
};

Task<> wake_on_exit(Simulator& sim, WaitQueue& queue) {
  WakeOnExit guard{queue};
  co_await sim.delay(1h);
}

TEST_CASE("frames may be destroyed while they wait", "[sim]") {
  auto queue = std::make_unique<WaitQueue>();
  Simulator sim;
  Journal journal(sim);
  sim.spawn("a", wait_for_then_note(*queue, journal, "a", 1h));
  sim.spawn("guard", wake_on_exit(sim, *queue));
  sim.spawn("b", wait_then_note(*queue, journal, "b"));
  sim.spawn("c", wait_for_then_note(*queue, journal, "c", 1h));
  sim.run_until(TimePoint(1s));

  SECTION("before their queue") {
    sim.destroy_processes();
    CHECK(queue->empty());
  }
  SECTION("after a queue that nobody wakes any more") {
    WaitQueue other;
    queue->wake_all();
    sim.run_until(TimePoint(1s));
    journal.note("now");
    auto short_lived = std::make_unique<WaitQueue>();
    sim.spawn("d", wait_for_then_note(*short_lived, journal, "d", 1h));
    sim.spawn("e", wait_then_note(*short_lived, journal, "e"));
    sim.run_until(TimePoint(2s));
    short_lived.reset();
    sim.destroy_processes();
  }
  CHECK(sim.run_until(TimePoint::max()) == RunEnd::kDrained);
  CHECK(sim.processes().empty());
}

TEST_CASE("a foreground process that waits for ever is a simulated deadlock", "[sim]") {
  Simulator sim;
  Journal journal(sim);
  WaitQueue queue;
  sim.spawn("dd", wait_then_note(queue, journal, "dd"));
  sim.spawn("flush-8:0", wait_then_note(queue, journal, "flush"), ProcessKind::kDaemon);
  journal.note_at(TimePoint(2s), "the last event");
  CHECK_THROWS_AS(sim.run_until(TimePoint(9s)), SimulatedDeadlock);
  CHECK_THROWS_WITH(sim.run_until(TimePoint(9s)), Contains("at 2.000000 s") && Contains("dd") &&
                                                      Contains("[flush-8:0]") &&
                                                      Contains("news (sim_wait_queue_test.cpp:"));
}

TEST_CASE("daemons that wait for ever are no deadlock", "[sim]") {
  Simulator sim;
  Journal journal(sim);
  WaitQueue queue;
  sim.spawn("flush-8:0", wait_then_note(queue, journal, "flush"), ProcessKind::kDaemon);
  sim.spawn("dd", wake_after(sim, queue, 1s));
  sim.spawn("flush-8:16", wait_then_note(queue, journal, "flush 2"), ProcessKind::kDaemon);
  CHECK(sim.run_until(TimePoint(9s)) == RunEnd::kDrained);
  CHECK(journal.lines() == Lines{"1000000000 flush woken"});
}

Task<> use(Simulator& sim, Semaphore& semaphore, Journal& journal, std::string name) {
  co_await semaphore.acquire("a slot");
  journal.note(name + " in");
  co_await sim.delay(10ns);
  semaphore.release();
}

TEST_CASE("a semaphore serves in order of arrival", "[sim]") {
  Simulator sim;
  Journal journal(sim);
  Semaphore semaphore(2);
  for (const char* name : {"a", "b", "c", "d", "e"})
    sim.spawn(name, use(sim, semaphore, journal, name));
  CHECK(sim.run_until(TimePoint(1s)) == RunEnd::kDrained);
  CHECK(journal.lines() == Lines{"0 a in", "0 b in", "10 c in", "10 d in", "20 e in"});
  CHECK(semaphore.available() == 2);
}

TEST_CASE("a released unit goes to the longest waiter, not to who asks next", "[sim]") {
  Simulator sim;
  Journal journal(sim);
  Semaphore semaphore(1);
  REQUIRE(semaphore.try_acquire());
  for (const char* name : {"patient", "second"})
    sim.spawn(name, use(sim, semaphore, journal, name), ProcessKind::kDaemon);
  sim.run_until(TimePoint(0ns));

  semaphore.release();
  CHECK(semaphore.available() == 0);
  CHECK_FALSE(semaphore.try_acquire());
  sim.spawn("greedy", use(sim, semaphore, journal, "greedy"));
  sim.run_until(TimePoint(1s));
  CHECK(journal.lines() == Lines{"0 patient in", "10 second in", "20 greedy in"});
}

TEST_CASE("a deadlock on a semaphore names the line that waits", "[sim]") {
  Simulator sim;
  Journal journal(sim);
  Semaphore semaphore(0);
  sim.spawn("dd", use(sim, semaphore, journal, "dd"));
  CHECK_THROWS_WITH(sim.run_until(TimePoint(1s)), Contains("a slot (sim_wait_queue_test.cpp:"));
}

}  // namespace
}  // namespace wbsim
