#include <catch2/catch.hpp>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "sim/simulator.hpp"
#include "sim/task.hpp"
#include "tests/support/sim_journal.hpp"

namespace wbsim {
namespace {

using namespace std::chrono_literals;
using Catch::Matchers::Contains;
using testing::Journal;
using testing::Lines;

Task<int> immediately(int value) {
  co_return value;
}

Task<int> after_a_while(Simulator& sim, int value) {
  co_await sim.delay(1us);
  co_return value;
}

Task<> add_up(Simulator& sim, int calls, std::int64_t& sum) {
  for (int i = 0; i < calls; ++i) {
    sum += co_await immediately(1);
    if (i % 1000 == 0)
      sum += co_await after_a_while(sim, 1);
  }
}

TEST_CASE("a task starts only when it is spawned or awaited", "[sim]") {
  Simulator sim;
  std::int64_t sum = 0;
  { const Task<> never_started = add_up(sim, 10, sum); }
  CHECK(sum == 0);
  sim.spawn("p", add_up(sim, 10, sum));
  CHECK(sum == 0);
  sim.run_until(TimePoint(1s));
  CHECK(sum == 11);
}

TEST_CASE("a million calls in a row do not grow the stack", "[sim]") {
  Simulator sim;
  std::int64_t sum = 0;
  sim.spawn("caller", add_up(sim, 1'000'000, sum));
  CHECK(sim.run_until(TimePoint(1s)) == RunEnd::kDrained);
  CHECK(sum == 1'001'000);
}

Task<int> always_suspends(Simulator& sim) {
  co_await sim.delay(0ns);
  co_return 1;
}

Task<> call_suspending(Simulator& sim, int calls, std::int64_t& sum) {
  for (int i = 0; i < calls; ++i)
    sum += co_await always_suspends(sim);
}

TEST_CASE("a hundred thousand calls that suspend do not grow the stack", "[sim]") {
  Simulator sim;
  std::int64_t sum = 0;
  sim.spawn("caller", call_suspending(sim, 100'000, sum));
  sim.run_until(TimePoint(1s));
  CHECK(sum == 100'000);
}

Task<int> depth(Simulator& sim, int levels) {
  if (levels == 0) {
    co_await sim.delay(5ns);
    co_return 0;
  }
  const int below = co_await depth(sim, levels - 1);
  co_return below + 1;
}

Task<> measure_depth(Simulator& sim, int levels, int& result) {
  result = co_await depth(sim, levels);
}

TEST_CASE("a value comes back through all the tasks that wait for it", "[sim]") {
  Simulator sim;
  int result = -1;
  sim.spawn("p", measure_depth(sim, 200, result));
  sim.run_until(TimePoint(1s));
  CHECK(result == 200);
  CHECK(sim.now() == TimePoint(5ns));
}

Task<std::unique_ptr<std::string>> make_text(Simulator& sim) {
  co_await sim.delay(1ns);
  co_return std::make_unique<std::string>("a text too long for the small string optimisation");
}

Task<> fetch_text(Simulator& sim, std::string& result) {
  const std::unique_ptr<std::string> text = co_await make_text(sim);
  result = *text;
}

TEST_CASE("a task may return what can only be moved", "[sim]") {
  Simulator sim;
  std::string result;
  sim.spawn("p", fetch_text(sim, result));
  sim.run_until(TimePoint(1s));
  CHECK_THAT(result, Contains("small string"));
}

struct Guard {
  Journal& journal;
  std::string name;
  ~Guard() { journal.note("left " + name); }
};

Task<int> fail(Simulator& sim, Journal& journal, bool at_once) {
  Guard guard{journal, "fail"};
  if (!at_once)
    co_await sim.delay(1ns);
  throw std::runtime_error("medium error");
  co_return 0;
}

Task<> call_failing(Simulator& sim, Journal& journal, bool at_once) {
  Guard guard{journal, "caller"};
  co_await fail(sim, journal, at_once);
  journal.note("not reached");
}

TEST_CASE("an exception leaves the tasks one by one and then run_until", "[sim]") {
  const bool at_once = GENERATE(true, false);
  Simulator sim;
  Journal journal(sim);
  Process& process = sim.spawn("p", call_failing(sim, journal, at_once));

  CHECK_THROWS_WITH(sim.run_until(TimePoint(1s)), "medium error");
  CHECK(process.finished());
  const std::string when = at_once ? "0" : "1";
  CHECK(journal.lines() == Lines{when + " left fail", when + " left caller"});
  CHECK(sim.run_until(TimePoint(1s)) == RunEnd::kDrained);
}

Task<> recover(Simulator& sim, Journal& journal) {
  try {
    co_await fail(sim, journal, false);
  } catch (const std::runtime_error& error) {
    journal.note(error.what());
  }
  co_await sim.delay(1ns);
  journal.note("went on");
}

TEST_CASE("a caller may catch what its child throws and wait again", "[sim]") {
  Simulator sim;
  Journal journal(sim);
  sim.spawn("p", recover(sim, journal));
  CHECK(sim.run_until(TimePoint(1s)) == RunEnd::kDrained);
  CHECK(journal.lines() == Lines{"1 left fail", "1 medium error", "2 went on"});
}

Task<> wait_long(Simulator& sim, std::int64_t& sum) {
  co_await sim.delay(5s);
  ++sum;
}

Task<> break_invariant(Simulator& sim) {
  co_await sim.delay(1500ms);
  WB_ASSERT(sim.now() == TimePoint{});
}

TEST_CASE("a broken invariant is reported with time, process and process table", "[sim]") {
  Simulator sim;
  std::int64_t sum = 0;
  sim.spawn("culprit", break_invariant(sim));
  sim.spawn("bystander", wait_long(sim, sum));
  CHECK_THROWS_WITH(sim.run_until(TimePoint(9s)),
                    Contains("sim_task_test.cpp:") && Contains("sim.now() == TimePoint{}") &&
                        Contains("at 1.500000 s, in process culprit") && Contains("bystander"));
}

Task<> delay_into_the_past(Simulator& sim) {
  co_await sim.delay_until(TimePoint(-1ns));
}

Task<> call_delay_into_the_past(Simulator& sim) {
  co_await delay_into_the_past(sim);
}

TEST_CASE("a wait that cannot begin throws into the task that asked for it", "[sim]") {
  Simulator sim;
  sim.spawn("p", call_delay_into_the_past(sim));
  CHECK_THROWS_WITH(sim.run_until(TimePoint(1s)), Contains("when >= now_"));
}

Task<> hold_guard(Simulator& sim, Journal& journal, std::string name) {
  Guard guard{journal, name};
  const int levels = co_await depth(sim, 3);
  journal.note(std::to_string(levels));
}

TEST_CASE("frames that still wait are destroyed newest first", "[sim]") {
  Simulator sim;
  Journal journal(sim);
  for (const char* name : {"first", "second", "third"})
    sim.spawn(name, hold_guard(sim, journal, name));
  sim.run_until(TimePoint(1ns));

  sim.destroy_processes();
  CHECK(journal.lines() == Lines{"1 left third", "1 left second", "1 left first"});
  CHECK(sim.run_until(TimePoint(1s)) == RunEnd::kDrained);
}

TEST_CASE("runs in parallel threads do not disturb each other", "[sim]") {
  std::vector<std::int64_t> sums(4, 0);
  std::vector<std::thread> threads;
  for (std::int64_t& sum : sums) {
    threads.emplace_back([&sum] {
      Simulator sim;
      for (int i = 0; i < 10; ++i)
        sim.spawn("p", add_up(sim, 2000, sum));
      sim.run_until(TimePoint(1s));
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  CHECK(sums == std::vector<std::int64_t>(4, 10 * 2002));
}

}  // namespace
}  // namespace wbsim
