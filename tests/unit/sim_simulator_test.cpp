#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <string>

#include "sim/simulator.hpp"
#include "tests/support/sim_journal.hpp"

namespace wbsim {
namespace {

using namespace std::chrono_literals;
using Catch::Matchers::Contains;
using testing::at_ns;
using testing::Journal;
using testing::Lines;

Task<> note_thrice(Simulator& sim, Journal& journal, std::string name, Duration pause) {
  for (int i = 0; i < 3; ++i) {
    journal.note(name);
    co_await sim.delay(pause);
  }
}

Task<> wait_for_ever(Simulator& sim) {
  co_await sim.delay_until(TimePoint::max(), "doomsday");
}

TEST_CASE("a new simulator is at time zero and has nothing to do", "[sim]") {
  Simulator sim;
  CHECK(sim.now() == TimePoint{});
  CHECK(sim.run_until(at_ns(5)) == RunEnd::kDrained);
  CHECK(sim.events_run() == 0);
}

TEST_CASE("time jumps from event to event", "[sim]") {
  Simulator sim;
  Journal journal(sim);
  journal.note_at(at_ns(30), "c");
  journal.note_at(at_ns(10), "a");
  journal.note_at(at_ns(20), "b");

  CHECK(sim.run_until(TimePoint::max()) == RunEnd::kDrained);
  CHECK(journal.lines() == Lines{"10 a", "20 b", "30 c"});
  CHECK(sim.now() == at_ns(30));
  CHECK(sim.events_run() == 3);
}

TEST_CASE("a run stops at its limit and goes on from there", "[sim]") {
  Simulator sim;
  Journal journal(sim);
  journal.note_at(at_ns(10), "at the limit");
  journal.note_at(at_ns(11), "beyond it");

  CHECK(sim.run_until(at_ns(10)) == RunEnd::kTimeLimit);
  CHECK(journal.lines() == Lines{"10 at the limit"});
  CHECK(sim.run_until(at_ns(10)) == RunEnd::kTimeLimit);
  CHECK(sim.now() == at_ns(10));
  CHECK(sim.run_until(at_ns(99)) == RunEnd::kDrained);
  CHECK(journal.lines().back() == "11 beyond it");
}

TEST_CASE("events of one instant and band run in the order in which they were scheduled", "[sim]") {
  Simulator sim;
  Journal journal(sim);
  for (const char* name : {"a", "b", "c", "d", "e", "f", "g"})
    journal.note_at(at_ns(5), name);

  sim.run_until(TimePoint::max());
  CHECK(journal.lines() == Lines{"5 a", "5 b", "5 c", "5 d", "5 e", "5 f", "5 g"});
}

TEST_CASE("timers and processes that are due in one instant keep their common order", "[sim]") {
  Simulator sim;
  Journal journal(sim);
  journal.note_at(at_ns(0), "timer 1");
  sim.spawn("p", note_thrice(sim, journal, "process 1", 10ns));
  journal.note_at(at_ns(0), "timer 2");
  sim.spawn("q", note_thrice(sim, journal, "process 2", 10ns));

  sim.run_until(at_ns(5));
  CHECK(journal.lines() == Lines{"0 timer 1", "0 process 1", "0 timer 2", "0 process 2"});
}

TEST_CASE("a sampler sees the instant complete", "[sim]") {
  Simulator sim;
  Journal journal(sim);
  journal.note_at(at_ns(10), "sample", Band::kSample);
  journal.note_at(at_ns(10), "dispatch", Band::kDispatch);
  sim.spawn("p", note_thrice(sim, journal, "process", 10ns));
  // Becomes due within the instant, after both of the others were scheduled.
  sim.at(at_ns(10), {[](void* context, std::uint64_t) {
                       auto& j = *static_cast<Journal*>(context);
                       j.note("event");
                       j.note_at(at_ns(10), "late event");
                     },
                     &journal});

  sim.run_until(at_ns(10));
  CHECK(journal.lines() ==
        Lines{"0 process", "10 event", "10 process", "10 late event", "10 dispatch", "10 sample"});
}

TEST_CASE("nothing can be scheduled in the past", "[sim]") {
  Simulator sim;
  Journal journal(sim);
  journal.note_at(at_ns(10), "a");
  sim.run_until(TimePoint::max());
  CHECK_THROWS_AS(journal.note_at(at_ns(9), "b"), InvariantBroken);
}

TEST_CASE("a delay beyond the end of time ends there", "[sim]") {
  Simulator sim;
  sim.run_until(at_ns(0));
  CHECK(sim.after(Duration::max()) == TimePoint::max());
  CHECK(sim.after(3ns) == at_ns(3));
}

TEST_CASE("stop ends the run after the current event and loses nothing", "[sim]") {
  Simulator sim;
  Journal journal(sim);
  sim.at(at_ns(1), {[](void* s, std::uint64_t) { static_cast<Simulator*>(s)->stop(); }, &sim});
  journal.note_at(at_ns(1), "a");

  CHECK(sim.run_until(at_ns(5)) == RunEnd::kStopped);
  CHECK(journal.lines().empty());
  CHECK(sim.run_until(at_ns(5)) == RunEnd::kDrained);
  CHECK(journal.lines() == Lines{"1 a"});
}

TEST_CASE("processes know their name, number and end", "[sim]") {
  Simulator sim;
  Journal journal(sim);
  Process& writer = sim.spawn("writer", note_thrice(sim, journal, "w", 1s));
  Process& flusher = sim.spawn("flush-8:0", wait_for_ever(sim), ProcessKind::kDaemon);

  sim.run_until(TimePoint(3s));
  CHECK(writer.finished());
  CHECK_FALSE(flusher.finished());
  CHECK(writer.pid() == 1);
  CHECK(flusher.pid() == 2);
  CHECK(flusher.name() == "flush-8:0");
  CHECK(flusher.waiting_at().what == std::string("doomsday"));
  CHECK(flusher.waiting_since() == TimePoint{});
}

TEST_CASE("the process table shows who waits for what, where and since when", "[sim]") {
  Simulator sim;
  Journal journal(sim);
  sim.spawn("dd", note_thrice(sim, journal, "w", 1500ms));
  sim.spawn("pdflush", wait_for_ever(sim), ProcessKind::kDaemon);
  CHECK_THAT(sim.process_table(), Contains("its first turn"));

  sim.run_until(TimePoint(2s));
  CHECK_THAT(sim.process_table(), Contains("   1 dd                         1.500000 s  timer "
                                           "(sim_simulator_test.cpp:"));
  CHECK_THAT(sim.process_table(), Contains("   2 [pdflush]                  0.000000 s  doomsday "
                                           "(sim_simulator_test.cpp:"));
  sim.run_until(TimePoint(60s));
  CHECK_THAT(sim.process_table(), !Contains(" dd "));
}

Task<> spin(Simulator& sim) {
  for (;;)
    co_await sim.delay(0ns, "nothing");
}

TEST_CASE("an instant that never ends is reported, with the process that spins", "[sim]") {
  SimOptions options;
  options.events_per_instant_max = 1000;
  Simulator sim(options);
  sim.spawn("spinner", spin(sim), ProcessKind::kDaemon);
  CHECK_THROWS_WITH(sim.run_until(TimePoint(1s)),
                    Contains("no longer advances at 0.000000 s") && Contains("[spinner]"));
  CHECK(sim.events_run() == 1001);
}

Task<> spin_and_interrupt(Simulator& sim, bool& interrupted) {
  for (int i = 0;; ++i) {
    co_await sim.delay(0ns, "nothing");
    if (i == 10)
      interrupted = true;
  }
}

TEST_CASE("a run is interrupted even in an instant that never ends", "[sim]") {
  bool interrupted = false;
  SimOptions options;
  options.interrupted = [](const void* flag) { return *static_cast<const bool*>(flag); };
  options.interrupt_context = &interrupted;
  Simulator sim(options);
  sim.spawn("spinner", spin_and_interrupt(sim, interrupted), ProcessKind::kDaemon);
  CHECK(sim.run_until(TimePoint(1s)) == RunEnd::kStopped);
  CHECK(sim.events_run() > 10);
  CHECK(sim.events_run() < 2'000'000);
}

TEST_CASE("many events in many instants are no livelock", "[sim]") {
  SimOptions options;
  options.events_per_instant_max = 10;
  Simulator sim(options);
  Journal journal(sim);
  for (int i = 0; i < 100; ++i)
    journal.note_at(at_ns(i / 10), "x");
  CHECK(sim.run_until(TimePoint(1s)) == RunEnd::kDrained);
}

Lines shuffled_run(std::uint64_t seed) {
  SimOptions options;
  options.seed = seed;
  options.shuffle_ties = true;
  Simulator sim(options);
  Journal journal(sim);
  for (const char* name : {"a", "b", "c", "d", "e"}) {
    journal.note_at(at_ns(1), std::string("sample ") + name, Band::kSample);
    journal.note_at(at_ns(1), name);
    journal.note_at(at_ns(2), std::string("later ") + name);
  }
  sim.run_until(TimePoint::max());
  return journal.lines();
}

TEST_CASE("shuffled ties change the order within an instant and band only", "[sim]") {
  const Lines lines = shuffled_run(1);
  REQUIRE(lines.size() == 15);
  auto is_sample = [](const std::string& line) { return line.find("sample") != line.npos; };
  CHECK(std::none_of(lines.begin(), lines.begin() + 5, is_sample));
  CHECK(std::all_of(lines.begin() + 5, lines.begin() + 10, is_sample));
  for (std::size_t i = 10; i < 15; ++i)
    CHECK_THAT(lines[i], Contains("2 later"));
}

TEST_CASE("the seed decides how ties are shuffled", "[sim]") {
  CHECK(shuffled_run(1) == shuffled_run(1));
  CHECK(shuffled_run(1) != shuffled_run(2));
}

}  // namespace
}  // namespace wbsim
