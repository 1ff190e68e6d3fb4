// When timers fire, by version.
#include <catch2/catch.hpp>
#include <string>

#include "models/sched/wheel_sleepers.hpp"

namespace wbsim {
namespace {

using std::chrono::milliseconds;

constexpr TickClock kTicks{250};

TimePoint at(std::int64_t ms) {
  return TimePoint(milliseconds(ms));
}

TEST_CASE("old timers fire on their tick", "[sched]") {
  const TimerWheel wheel(TimerRule::kExact, kTicks, Duration(0));
  CHECK(wheel.expiry(at(1), Jiffies(3)) == at(12));
  CHECK(wheel.expiry(at(1), Jiffies(1250)) == at(5000));
  CHECK(wheel.sleep_expiry(at(7), Jiffies(1)) == at(8));
}

TEST_CASE("a timer that expires now fires at the next tick", "[sched]") {
  for (const TimerRule rule : {TimerRule::kExact, TimerRule::kSlack, TimerRule::kWheel})
    CHECK(TimerWheel(rule, kTicks, Duration(0)).expiry(at(5), Jiffies(0)) == at(8));
}

// jiffies begin at 2^32 - 75000 at 250 Hz.
TEST_CASE("timers with slack move to a rounder number at most 1/256 later", "[sched]") {
  const TimerWheel wheel(TimerRule::kSlack, kTicks, Duration(0));
  CHECK(wheel.expiry(at(0), Jiffies(255)) == at(1020));
  for (std::int64_t start = 0; start < 4000; start += 4) {
    const TimePoint fires = wheel.expiry(at(start), Jiffies(1250));
    const std::int64_t ticks = fires.time_since_epoch() / kTicks.tick();
    CHECK(fires >= at(start + 5000));
    CHECK(fires <= at(start + 5016));
    CHECK(((std::int64_t{1} << 32) - 75000 + ticks) % 4 == 0);
  }
  CHECK(wheel.sleep_expiry(at(0), Jiffies(1250)) == at(5000));
}

// A sleep of 3 ticks that begins within a tick ends with the fourth tick from then.
TEST_CASE("from 4.8 on no timer is early, near ones are a tick late", "[sched]") {
  const TimerWheel wheel(TimerRule::kWheel, kTicks, Duration(0));
  CHECK(wheel.sleep_expiry(at(3045), Jiffies(3)) == at(3060));
  CHECK(wheel.expiry(at(3044), Jiffies(62)) == at(3044 + 63 * 4));
}

// Observed on 6.1: periods of 5.12 s for 5 s and 1.024 s for 1 s.
TEST_CASE("from 4.8 on far timers fire on multiples of 8 and 64 ticks", "[sched]") {
  const TimerWheel wheel(TimerRule::kWheel, kTicks, milliseconds(84));
  TimePoint now = at(8000);
  now = wheel.expiry(now, Jiffies(1250));
  CHECK(now == at(13108));
  CHECK(wheel.expiry(now, Jiffies(1250)) == at(13108 + 5120));
  now = wheel.expiry(now, Jiffies(250));
  CHECK(wheel.expiry(now, Jiffies(250)) - now == milliseconds(1024));
}

// jiffies are 46 of a second's 250 at the first tick; a second is at most a quarter shorter so.
TEST_CASE("a timer of a second, on a round one of jiffies", "[sched]") {
  const TimerWheel exact(TimerRule::kExact, kTicks, milliseconds(84));
  CHECK(exact.next_second(at(8000)) == at(8900));
  CHECK(exact.next_second(at(8899)) == at(9900));
  CHECK(exact.next_second(at(8900)) == at(9900));
  CHECK(exact.next_second(at(8900 + 244)) == at(9900));
  CHECK(exact.next_second(at(8900 + 248)) == at(10'900));
  const TimerWheel wheel(TimerRule::kWheel, kTicks, milliseconds(84));
  CHECK(wheel.next_second(at(8000)) == at(8916));  // recorded on 6.1
}

struct Bed {
  explicit Bed(TimerRule rule) : wheel(rule, kTicks, Duration(0)), sleepers(sim, wheel) {}
  Task<> sleep(char name, Duration begins, Jiffies timeout) {
    co_await sim.delay_until(TimePoint(begins));
    co_await sleepers.schedule_timeout(timeout, "pause");
    woken += name;
  }
  Simulator sim;
  TimerWheel wheel;
  WheelSleepers sleepers;
  std::string woken;
};

// Three who begin to sleep one after the other; the second wakes a tick earlier.
std::string woken_order(TimerRule rule) {
  Bed bed(rule);
  bed.sim.spawn("a", bed.sleep('a', milliseconds(1), Jiffies(6)));
  bed.sim.spawn("b", bed.sleep('b', milliseconds(2), Jiffies(5)));
  bed.sim.spawn("c", bed.sleep('c', milliseconds(5), Jiffies(5)));
  bed.sim.run_until(at(1000));
  return bed.woken;
}

TEST_CASE("from 4.8 on one tick wakes whoever began to sleep last first", "[sched]") {
  CHECK(woken_order(TimerRule::kWheel) == "bca");
  CHECK(woken_order(TimerRule::kExact) == "bac");
}

}  // namespace
}  // namespace wbsim
