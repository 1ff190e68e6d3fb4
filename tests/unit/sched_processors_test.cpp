// Processors: who runs when, for how long, and what interrupts and switches cost.
#include <algorithm>
#include <catch2/catch.hpp>
#include <deque>

#include "models/sched/kworkers.hpp"
#include "tests/support/print_units.hpp"

namespace wbsim {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

struct Setup {
  int cpus = 1;
  int hz = 1000;
  SchedRules rules;
  Duration context_switch{0};
  SchedClock clock = SchedClock::kTsc;
  Duration timer_tick{0};
};

class Fixture {
 public:
  explicit Fixture(const Setup& setup = {})
      : processors_(sim, TickClock(setup.hz), setup.cpus, setup.rules, setup.context_switch,
                    setup.clock, setup.timer_tick) {}
  ~Fixture() { sim.destroy_processes(); }

  struct Runner {
    explicit Runner(std::string name) : thread(std::move(name)) {}
    Thread thread;
    TimePoint began{}, ended{};
  };
  // From `when` on `work` of processor time, in chunks.
  Runner& run(const char* name, Duration when, Duration work, Duration chunk = microseconds(100),
              SchedPolicy policy = SchedPolicy::kOther) {
    Runner& runner = runners_.emplace_back(name);
    runner.thread.set_policy(policy);
    sim.spawn(name, body(runner, when, work, chunk));
    return runner;
  }
  Runner& run_fifo(const char* name, Duration when, Duration work) {
    return run(name, when, work, microseconds(100), SchedPolicy::kFifo);
  }
  // The same, after paying for the wake-up.
  Runner& run_woken(const char* name, Duration when, Duration work) {
    Runner& runner = runners_.emplace_back(name);
    sim.spawn(name, woken_body(runner, when, work));
    return runner;
  }
  // The same of a process that begins then.
  Runner& run_new(const char* name, Duration when, Duration work) {
    Runner& runner = runners_.emplace_back(name);
    processors_.forked(runner.thread);
    sim.spawn(name, new_body(runner, when, work));
    return runner;
  }
  // `first` from 0 on, then asleep until `when`.
  Runner& run_twice(const char* name, Duration first, Duration when, Duration work) {
    Runner& runner = runners_.emplace_back(name);
    sim.spawn(name, twice_body(runner, first, when, work));
    return runner;
  }
  void run_until(Duration time) { sim.run_until(TimePoint(time)); }
  void steal_at(Duration when, Duration cost) {
    steals_.push_back({this, cost});
    sim.at(TimePoint(when), {[](void* p, std::uint64_t) {
                               const auto& steal = *static_cast<const Steal*>(p);
                               steal.fixture->processors_.steal(steal.cost);
                             },
                             &steals_.back(), 0});
  }
  Duration busy() const { return processors_.busy(); }
  const std::vector<TimePoint>& ticks_stopped() {
    processors_.on_tick_stopped({[](void* self, std::uint64_t) {
                                   auto& f = *static_cast<Fixture*>(self);
                                   f.ticks_stopped_.push_back(f.sim.now());
                                 },
                                 this});
    return ticks_stopped_;
  }

  Simulator sim;

 private:
  struct Steal {
    Fixture* fixture;
    Duration cost;
  };
  Task<> body(Runner& runner, Duration when, Duration work, Duration chunk) {
    if (sim.now() < TimePoint(when))
      co_await sim.delay_until(TimePoint(when));
    for (Duration left = work; left > Duration::zero(); left -= chunk) {
      runner.thread.charge(chunk);
      co_await processors_.settle(runner.thread);
      if (runner.began == TimePoint())
        runner.began = sim.now() - chunk;
    }
    runner.ended = sim.now();
  }
  Task<> woken_body(Runner& runner, Duration when, Duration work) {
    co_await sim.delay_until(TimePoint(when));
    co_await processors_.woken(runner.thread);
    co_await body(runner, when, work, work);
  }
  Task<> new_body(Runner& runner, Duration when, Duration work) {
    co_await sim.delay_until(TimePoint(when));
    co_await processors_.wake_up_new_task(runner.thread);
    co_await body(runner, when, work, microseconds(100));
  }
  Task<> twice_body(Runner& runner, Duration first, Duration when, Duration work) {
    co_await body(runner, Duration(0), first, milliseconds(1));
    co_await body(runner, when, work, milliseconds(1));
  }
  Processors processors_;
  std::vector<TimePoint> ticks_stopped_;
  std::deque<Runner> runners_;
  std::deque<Steal> steals_;
};

TimePoint at(Duration d) {
  return TimePoint(d);
}

TEST_CASE("a thread alone gets the time it owes, and nothing owed takes none", "[sched]") {
  Fixture f;
  auto& a = f.run("a", milliseconds(1), milliseconds(7));
  auto& idle = f.run("idle", milliseconds(1), Duration(0));
  f.run_until(milliseconds(100));
  CHECK(a.ended == at(milliseconds(8)));
  CHECK(idle.ended == at(milliseconds(1)));
  CHECK(f.busy() == milliseconds(7));
}

TEST_CASE("each tick takes time from whoever works, none from an idle processor", "[sched]") {
  Setup setup;
  setup.timer_tick = microseconds(3);
  Fixture f(setup);
  auto& a = f.run("a", microseconds(500), microseconds(2500));  // ticks at 1, 2 and 3 ms
  f.run_until(milliseconds(100));
  CHECK(a.ended == at(microseconds(3009)));
  CHECK(f.busy() == microseconds(2509));
}

TEST_CASE("an idle processor stops its tick when it was idle for a tick the last time", "[sched]") {
  Fixture f;
  const std::vector<TimePoint>& stopped = f.ticks_stopped();
  const auto worked_from = [&](int ms_tenths) {
    f.run("w", microseconds(100) * ms_tenths, microseconds(100));
  };
  worked_from(2);   // idle for 0.3 ms after it
  worked_from(6);   // for 1.2 ms
  worked_from(19);  // for 0.5 ms
  worked_from(25);
  f.run_until(milliseconds(10));
  CHECK(stopped == std::vector<TimePoint>{at(milliseconds(2))});
}

TEST_CASE("two threads share a processor by halves", "[sched]") {
  Fixture f;
  auto& a = f.run("a", Duration(0), milliseconds(100));
  auto& b = f.run("b", Duration(0), milliseconds(100));
  f.run_until(milliseconds(1000));
  CHECK(std::max(a.ended, b.ended) == at(milliseconds(200)));
  CHECK(std::min(a.ended, b.ended) >= at(milliseconds(200 - 12)));
  CHECK(f.busy() == milliseconds(200));
}

TEST_CASE("what a thread computes at once does not count against the others' share", "[sched]") {
  Fixture f;
  auto& coarse = f.run("coarse", Duration(0), milliseconds(100), milliseconds(25));
  auto& fine = f.run("fine", Duration(0), milliseconds(100), microseconds(50));
  f.run_until(milliseconds(1000));
  CHECK(std::max(coarse.ended, fine.ended) == at(milliseconds(200)));
  CHECK(std::min(coarse.ended, fine.ended) >= at(milliseconds(150)));
}

TEST_CASE("of those woken in one instant the one that ran least leaves idle first", "[sched]") {
  Setup setup;
  setup.rules.sleeper_credit = milliseconds(20);  // each keeps its own vruntime
  Fixture f(setup);
  auto& busy = f.run_twice("busy", milliseconds(8), milliseconds(50), milliseconds(1));
  auto& lazy = f.run("lazy", milliseconds(50), milliseconds(1));
  f.run_until(milliseconds(100));
  CHECK(lazy.ended == at(milliseconds(51)));
  CHECK(busy.ended == at(milliseconds(52)));
}

// In the recordings of 6.1 a sampler that is due 40 us after the flusher began does not wait for
// it.
TEST_CASE("a thread at nice -20 waits for nobody that began before it", "[sched]") {
  Setup setup;
  setup.rules.wakeup_granularity = milliseconds(1);  // 12 us for it
  setup.rules.min_granularity = microseconds(750);
  Fixture f(setup);
  f.run("hog", Duration(0), milliseconds(100));
  auto& flusher = f.run("flusher", milliseconds(50), milliseconds(3));
  auto& sampler = f.run("sampler", microseconds(50'040), microseconds(200));
  SECTION("as others do") {
    f.run_until(milliseconds(1000));
    CHECK(flusher.ended == at(milliseconds(53)));
    CHECK(sampler.ended == at(microseconds(53'200)));
  }
  SECTION("but for who began in the last 11 us, until a tick") {
    sampler.thread.set_load(Thread::kNiceMinus20Load);
    SECTION("40 us") {
      f.run_until(milliseconds(1000));
      CHECK(sampler.ended == at(microseconds(50'240)));
      CHECK(flusher.ended == at(microseconds(53'200)));
    }
    SECTION("10 us") {
      auto& disturber = f.run("disturber", microseconds(60'030), milliseconds(3));
      auto& late = f.run("late", microseconds(60'040), microseconds(200));
      late.thread.set_load(Thread::kNiceMinus20Load);
      f.run_until(milliseconds(1000));
      CHECK(late.ended == at(microseconds(61'200)));
      CHECK(disturber.ended == at(microseconds(63'230)));
    }
  }
}

TEST_CASE("threads share a processor by their loads", "[sched]") {
  Setup setup;
  setup.rules.latency = milliseconds(6);
  setup.rules.min_granularity = Duration(1);
  Fixture f(setup);
  auto& heavy = f.run("heavy", Duration(0), milliseconds(90));
  heavy.thread.set_load(9 * Thread::kNice0Load);
  auto& light = f.run("light", Duration(0), milliseconds(90));
  f.run_until(milliseconds(1000));
  CHECK(heavy.ended >= at(milliseconds(98)));
  CHECK(heavy.ended <= at(milliseconds(110)));
  CHECK(light.ended == at(milliseconds(180)));
}

TEST_CASE("threads spread over the processors", "[sched]") {
  Setup setup;
  setup.cpus = 2;
  Fixture f(setup);
  std::deque<Fixture::Runner*> all;
  SECTION("as many as processors run undisturbed") {
    all.push_back(&f.run("a", Duration(0), milliseconds(100)));
    all.push_back(&f.run("b", Duration(0), milliseconds(60)));
    f.run_until(milliseconds(1000));
    CHECK(all[0]->ended == at(milliseconds(100)));
    CHECK(all[1]->ended == at(milliseconds(60)));
    CHECK(all[0]->thread.processor() != all[1]->thread.processor());
  }
  SECTION("three on two take one and a half times as long") {
    for (const char* name : {"a", "b", "c"})
      all.push_back(&f.run(name, Duration(0), milliseconds(100)));
    f.run_until(milliseconds(1000));
    for (const auto* runner : all) {
      CHECK(runner->ended >= at(milliseconds(125)));
      CHECK(runner->ended <= at(milliseconds(165)));
    }
    CHECK(f.busy() == milliseconds(300));
  }
  SECTION("five on two") {
    for (const char* name : {"a", "b", "c", "d", "e"})
      all.push_back(&f.run(name, Duration(0), milliseconds(100)));
    f.run_until(milliseconds(1000));
    for (const auto* runner : all)
      CHECK(runner->ended >= at(milliseconds(220)));
    CHECK(f.busy() == milliseconds(500));
  }
}

TEST_CASE("a sleeper that wakes up takes the processor at once", "[sched]") {
  Fixture f;
  auto& hog = f.run("hog", Duration(0), milliseconds(100));
  auto& sleeper = f.run("sleeper", microseconds(50'030), milliseconds(2));
  f.run_until(milliseconds(1000));
  CHECK(sleeper.began == at(microseconds(50'030)));
  CHECK(sleeper.ended == at(microseconds(52'030)));
  CHECK(hog.ended == at(milliseconds(102)));
}

TEST_CASE("who has had his slice gives way at the tick, in the middle of a call", "[sched]") {
  Setup setup;
  setup.rules = {.latency = milliseconds(2), .min_granularity = milliseconds(1)};
  Fixture f(setup);
  auto& longer = f.run("long", Duration(0), milliseconds(10), milliseconds(10));
  auto& shorter = f.run("short", Duration(0), microseconds(2500), microseconds(2500));
  f.run_until(milliseconds(1000));
  CHECK(shorter.ended == at(microseconds(5500)));
  CHECK(longer.ended == at(microseconds(12'500)));
}

TEST_CASE("whom a wake-up interrupts goes on before another who is hardly behind", "[sched]") {
  Setup setup;
  setup.hz = 100;
  const auto first_ended = [&setup](Duration wakes, Duration work) {
    Fixture f(setup);
    auto& first = f.run("first", Duration(0), work);  // to 10 ms, and from 20 ms on
    f.run("second", Duration(0), milliseconds(100));
    f.run("sleeper", wakes, milliseconds(1));
    f.run_until(milliseconds(1000));
    return first.ended;
  };
  CHECK(first_ended(microseconds(20'500), milliseconds(11)) > at(milliseconds(30)));
  setup.rules.last_buddy = true;
  CHECK(first_ended(microseconds(20'500), milliseconds(11)) == at(milliseconds(22)));
  CHECK(first_ended(milliseconds(26), milliseconds(17)) > at(milliseconds(30)));  // 6 ms
}

TEST_CASE("a call in which another takes the processor lasts until it has it again", "[sched]") {
  Fixture f;
  auto& call = f.run("call", Duration(0), microseconds(50'100));
  f.run("sleeper", microseconds(50'030), milliseconds(2));
  f.run_until(milliseconds(1000));
  CHECK(call.ended == at(microseconds(52'100)));
}

TEST_CASE("by a clock of ticks, whoever runs at a tick pays for all of it", "[sched]") {
  Setup setup;
  setup.hz = 250;
  setup.rules = {.latency = milliseconds(5),
                 .min_granularity = milliseconds(1),
                 .wakeup_granularity = milliseconds(1),
                 .sleeper_credit = milliseconds(5)};
  const auto first_ended = [&setup] {
    Fixture f(setup);
    auto& first = f.run("first", Duration(0), microseconds(8500));  // 4 ms, and 1.05 from 8 ms on
    f.run("second", Duration(0), milliseconds(100));
    f.run("sleeper", microseconds(9050), milliseconds(1));
    f.run_until(milliseconds(1000));
    return first.ended;
  };
  // The second goes on at 10.05 ms. At 12 it has paid 4 ms for it, and the first nothing for
  // its 1.05.
  setup.clock = SchedClock::kJiffies;
  CHECK(first_ended() == at(microseconds(15'450)));
  // Or it has run for less than its slice, and stays until 16.
  setup.clock = SchedClock::kTsc;
  CHECK(first_ended() == at(microseconds(19'450)));
}

TEST_CASE("a new process takes the processor at once, even right after a tick", "[sched]") {
  Setup setup;
  setup.hz = 250;
  setup.rules.sleeper_credit = Duration(0);
  setup.rules.new_have_slept = GENERATE(false, true);  // then it has to be behind, as a sleeper
  Fixture f(setup);
  f.run("old", Duration(0), milliseconds(100));
  auto& fresh = f.run_new("new", microseconds(4050), milliseconds(1));
  f.run_until(milliseconds(1000));
  if (setup.rules.new_have_slept)
    CHECK(fresh.began > at(milliseconds(8)));
  else
    CHECK(fresh.began == at(microseconds(4050)));
}

// Two writers of a recording of 2.6.31, who change at each tick: the second began at 16 ms and went
// on until 24.
TEST_CASE("where children run first, the youngest has slept for half of the credit, others for all",
          "[sched]") {
  Setup setup;
  setup.hz = 250;
  setup.rules.latency = microseconds(500);
  setup.rules.min_granularity = microseconds(100);
  setup.rules.child_runs_first = true;
  const auto second_ended = [&setup](bool youngest, Duration work) {
    Fixture f(setup);
    f.run_new("first", Duration(0), milliseconds(100));
    auto& second = f.run_new("second", milliseconds(16), work);
    if (!youngest)
      f.run_new("third", milliseconds(500), milliseconds(1));
    f.run_until(milliseconds(1000));
    return second.ended;
  };
  CHECK(second_ended(true, microseconds(7900)) == at(microseconds(23'900)));
  CHECK(second_ended(true, microseconds(8100)) == at(microseconds(28'100)));
  CHECK(second_ended(false, microseconds(15'900)) == at(microseconds(31'900)));
  CHECK(second_ended(false, microseconds(16'100)) == at(microseconds(36'100)));
}

// The writers of E5, a recording of 6.1.
TEST_CASE("of those that have slept since they were forked the youngest has no credit at the start",
          "[sched]") {
  Setup setup;
  setup.hz = 250;
  setup.rules = {.latency = microseconds(750),
                 .min_granularity = microseconds(750),
                 .wakeup_granularity = milliseconds(1),
                 .sleeper_credit = milliseconds(3),
                 .new_have_slept = true};
  const auto second_began = [&setup](bool youngest) {
    Fixture f(setup);
    f.run_new("first", milliseconds(2), milliseconds(100));
    auto& second = f.run_new("second", milliseconds(2), milliseconds(100));
    if (!youngest)
      f.run_new("third", milliseconds(500), milliseconds(1));
    f.run_until(milliseconds(1000));
    return second.began;
  };
  CHECK(second_began(true) == at(milliseconds(8)));
  CHECK(second_began(false) == at(milliseconds(4)));
}

TEST_CASE("a new process that finds an idle processor disturbs nobody", "[sched]") {
  Setup setup;
  setup.cpus = 2;
  setup.rules.sleeper_credit = Duration(0);
  Fixture f(setup);
  f.run("old", Duration(0), milliseconds(100));
  f.run_new("new", microseconds(5050), milliseconds(100));
  auto& late = f.run("late", milliseconds(7), milliseconds(2));
  f.run_until(milliseconds(1000));
  CHECK(late.began >= at(milliseconds(13)));  // a slice of 20 ms * 2 / 3
}

TEST_CASE("a new process has no credit from sleep, as a sleeper has", "[sched]") {
  Setup setup;
  SECTION("unless it has slept since it was forked") {
    setup.rules.new_have_slept = true;
    Fixture f(setup);
    f.run("hog", Duration(0), milliseconds(100));
    auto& begun = f.run_new("begun", milliseconds(30), milliseconds(15));
    f.run_new("forked after it", milliseconds(500), milliseconds(1));
    f.run_until(milliseconds(1000));
    CHECK(begun.ended < at(milliseconds(46)));
  }
  Fixture f(setup);
  f.run("hog", Duration(0), milliseconds(100));
  SECTION("a sleeper catches up with what the other had meanwhile, at most 20 ms") {
    auto& sleeper = f.run("sleeper", milliseconds(30), milliseconds(15));
    f.run_until(milliseconds(1000));
    CHECK(sleeper.ended < at(milliseconds(46)));
  }
  SECTION("a new process shares from then on, by slices of 20 ms / 2") {
    auto& begun = f.run_new("begun", milliseconds(30), milliseconds(15));
    f.run_until(milliseconds(1000));
    CHECK(begun.began < at(milliseconds(31)));
    CHECK(begun.ended > at(milliseconds(54)));
    CHECK(begun.ended < at(milliseconds(57)));
  }
}

TEST_CASE("the kworker that became idle last has had the time of all that it did", "[sched]") {
  Kworkers kworkers;
  Thread first("wb of sda"), second("wb of sdb");
  kworkers.take(first);
  kworkers.take(second);
  CHECK(second.vruntime() == Duration(0));
  first.set_vruntime(milliseconds(5));
  second.set_vruntime(milliseconds(2));
  kworkers.put(second);
  kworkers.put(first);
  kworkers.take(second);
  CHECK(second.vruntime() == milliseconds(5));
  kworkers.take(first);
  CHECK(first.vruntime() == milliseconds(2));
}

TEST_CASE("a thread that is hardly behind waits for its turn at a tick", "[sched]") {
  Setup setup;
  setup.rules.sleeper_credit = Duration(0);
  SECTION("ticks of a millisecond: the slice of 20 ms / 2") {
    Fixture f(setup);
    f.run("hog", Duration(0), milliseconds(100));
    auto& late = f.run("late", milliseconds(3), milliseconds(2));
    f.run_until(milliseconds(1000));
    CHECK(late.began == at(milliseconds(10)));
  }
  SECTION("ticks of 10 ms: the first after the slice") {
    setup.hz = 100;
    Fixture f(setup);
    f.run("hog", milliseconds(3), milliseconds(100));
    auto& late = f.run("late", milliseconds(5), milliseconds(2));
    f.run_until(milliseconds(1000));
    CHECK(late.began == at(milliseconds(20)));
  }
  SECTION("with many the slice does not shrink below its minimum") {
    Fixture f(setup);
    f.run("hog", Duration(0), milliseconds(100));
    std::deque<Fixture::Runner*> late;
    for (const char* name : {"1", "2", "3", "4", "5", "6", "7", "8", "9"})
      late.push_back(&f.run(name, milliseconds(1), milliseconds(50)));
    f.run_until(milliseconds(2000));
    CHECK(late[0]->began == at(milliseconds(4)));
    CHECK(late[1]->began == at(milliseconds(8)));
  }
}

// The hog is in the middle of one long call: what it has had of it counts.
TEST_CASE("a sleeper is held against what the running thread has had until then", "[sched]") {
  Setup setup;
  setup.hz = 100;
  setup.rules.wakeup_granularity = milliseconds(1);
  setup.rules.sleeper_credit = milliseconds(2);
  Fixture f(setup);
  f.run("hog", Duration(0), milliseconds(9), milliseconds(9));
  auto& sleeper = f.run("sleeper", milliseconds(5), milliseconds(1));
  f.run_until(milliseconds(1000));
  CHECK(sleeper.began == at(milliseconds(5)));
}

TEST_CASE("equals run in the order in which they came", "[sched]") {
  Fixture f;
  auto& a = f.run("a", milliseconds(1), microseconds(100));
  auto& b = f.run("b", milliseconds(1), microseconds(100));
  auto& c = f.run("c", milliseconds(1), microseconds(100));
  f.run_until(milliseconds(10));
  CHECK(a.ended == at(microseconds(1100)));
  CHECK(b.ended == at(microseconds(1200)));
  CHECK(c.ended == at(microseconds(1300)));
}

TEST_CASE("interrupts lengthen what runs", "[sched]") {
  Fixture f;
  auto& a = f.run("a", Duration(0), milliseconds(10));
  f.steal_at(microseconds(1050), microseconds(30));
  f.steal_at(microseconds(1060), microseconds(40));
  f.run_until(milliseconds(100));
  CHECK(a.ended == at(microseconds(10'070)));
}

TEST_CASE("an interrupt is over before what it came into", "[sched]") {
  Fixture f;
  auto& a = f.run("a", Duration(0), microseconds(100));
  f.steal_at(microseconds(50), microseconds(30));
  f.run_until(milliseconds(100));
  CHECK(a.ended == at(microseconds(130)));
}

TEST_CASE("who is woken on an idle processor runs after the interrupt", "[sched]") {
  Fixture f;
  auto& early = f.run("early", milliseconds(2), milliseconds(1));
  auto& late = f.run("late", milliseconds(8), milliseconds(1));
  f.steal_at(milliseconds(1), milliseconds(3));
  f.steal_at(milliseconds(3), milliseconds(2));
  f.run_until(milliseconds(100));
  CHECK(early.ended == at(milliseconds(7)));
  CHECK(late.ended == at(milliseconds(9)));
}

TEST_CASE("a real-time thread takes the processor at once and keeps it", "[sched]") {
  Setup setup;
  setup.rules.sleeper_credit = Duration(0);
  Fixture f(setup);
  auto& hog = f.run("hog", Duration(0), milliseconds(100));
  auto& late = f.run("late", milliseconds(31), milliseconds(10));
  auto& rt = f.run_fifo("rt", microseconds(30'050), milliseconds(50));
  f.run_until(milliseconds(1000));
  CHECK(rt.began == at(microseconds(30'050)));
  CHECK(rt.ended == at(microseconds(80'050)));
  CHECK(late.began >= rt.ended);
  CHECK(std::max(hog.ended, late.ended) == at(milliseconds(160)));
}

TEST_CASE("real-time threads follow one another, without slices", "[sched]") {
  Fixture f;
  auto& hog = f.run("hog", Duration(0), milliseconds(10));
  auto& first = f.run_fifo("first", milliseconds(1), milliseconds(40));
  auto& second = f.run_fifo("second", milliseconds(2), milliseconds(40));
  f.run_until(milliseconds(1000));
  CHECK(first.ended == at(milliseconds(41)));
  CHECK(second.began == at(milliseconds(41)));
  CHECK(second.ended == at(milliseconds(81)));
  CHECK(hog.ended == at(milliseconds(90)));
}

TEST_CASE("what real-time threads had does not count among the others", "[sched]") {
  Fixture f;
  f.run_fifo("rt", Duration(0), milliseconds(500));
  auto& a = f.run("a", milliseconds(1), milliseconds(50));
  auto& b = f.run("b", milliseconds(400), milliseconds(50));
  f.run_until(milliseconds(1000));
  CHECK(std::max(a.ended, b.ended) == at(milliseconds(600)));
  CHECK(std::min(a.ended, b.ended) >= at(milliseconds(585)));
}

TEST_CASE("two real-time threads take both processors", "[sched]") {
  Setup setup;
  setup.cpus = 2;
  Fixture f(setup);
  f.run("a", Duration(0), milliseconds(100), milliseconds(10));
  f.run("b", Duration(0), milliseconds(100), milliseconds(3));
  auto& first = f.run_fifo("first", milliseconds(4), milliseconds(20));
  auto& second = f.run_fifo("second", milliseconds(4), milliseconds(30));
  f.run_until(milliseconds(1000));
  CHECK(first.ended == at(milliseconds(24)));
  CHECK(second.ended == at(milliseconds(34)));
}

TEST_CASE("being woken costs a switch", "[sched]") {
  Setup setup;
  setup.context_switch = microseconds(10);
  Fixture f(setup);
  auto& a = f.run("a", Duration(0), milliseconds(1));
  auto& woken = f.run_woken("woken", milliseconds(5), milliseconds(1));
  f.run_until(milliseconds(100));
  CHECK(a.ended == at(milliseconds(1)));
  CHECK(woken.ended == at(microseconds(6010)));
  CHECK(f.busy() == microseconds(2010));
}

}  // namespace
}  // namespace wbsim
