#include <rapidcheck/catch.h>

#include <algorithm>
#include <deque>
#include <utility>
#include <vector>

#include "sim/simulator.hpp"
#include "sim/wait_queue.hpp"

namespace wbsim {
namespace {

struct Waiter {
  Duration arrives{0};
  Duration timeout{0};  // none if negative
  int ends = 0;
  bool woken = false;
  TimePoint arrived{};
  TimePoint ended{};
};

Task<> wait_once(Simulator& sim, WaitQueue& queue, Waiter& waiter, std::vector<Waiter*>& arrivals,
                 std::vector<Waiter*>& woken) {
  co_await sim.delay(waiter.arrives);
  waiter.arrived = sim.now();
  arrivals.push_back(&waiter);
  WaitQueue::Wake wake = WaitQueue::Wake::kWoken;
  if (waiter.timeout < Duration::zero())
    wake = co_await queue.wait("a wake-up");
  else
    wake = co_await queue.wait_for(waiter.timeout, "a wake-up");
  waiter.woken = wake == WaitQueue::Wake::kWoken;
  waiter.ended = sim.now();
  ++waiter.ends;
  if (waiter.woken)
    woken.push_back(&waiter);
}

Task<> wake_now_and_then(Simulator& sim, WaitQueue& queue, std::vector<int> pauses) {
  for (const int pause : pauses) {
    co_await sim.delay(Duration(pause));
    queue.wake_one();
  }
  co_await sim.delay(Duration(1000));
  queue.wake_all();
}

TEST_CASE("every wait ends exactly once, by a wake-up or on its time-out", "[sim]") {
  rc::prop("whatever the order of ties", [](bool shuffle, std::uint64_t seed) {
    SimOptions options;
    options.seed = seed;
    options.shuffle_ties = shuffle;
    Simulator sim(options);
    WaitQueue queue;
    std::deque<Waiter> waiters(*rc::gen::inRange<std::size_t>(1, 20));
    std::vector<Waiter*> arrivals;
    std::vector<Waiter*> woken;
    for (Waiter& waiter : waiters) {
      waiter.arrives = Duration(*rc::gen::inRange(0, 30));
      waiter.timeout = Duration(*rc::gen::inRange(-5, 30));
      sim.spawn("waiter", wait_once(sim, queue, waiter, arrivals, woken));
    }
    const auto pauses = *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 10));
    sim.spawn("waker", wake_now_and_then(sim, queue, pauses));

    RC_ASSERT(sim.run_until(TimePoint::max()) == RunEnd::kDrained);
    RC_ASSERT(queue.empty());
    for (const Waiter& waiter : waiters) {
      RC_ASSERT(waiter.ends == 1);
      if (!waiter.woken)
        RC_ASSERT(waiter.ended == waiter.arrived + waiter.timeout);
      else if (waiter.timeout >= Duration::zero())
        RC_ASSERT(waiter.ended <= waiter.arrived + waiter.timeout);
    }
    if (shuffle)
      return;
    // One by one in the order of arrival; those left at the end all at once, the latest first.
    std::erase_if(arrivals, [](const Waiter* waiter) { return !waiter->woken; });
    const auto all_at_once = std::find_if(arrivals.begin(), arrivals.end(), [&](const Waiter* w) {
      return w->ended == woken.back()->ended;
    });
    if (woken.size() > 1 && woken.back()->ended == sim.now())
      std::reverse(all_at_once, arrivals.end());
    RC_ASSERT(arrivals == woken);
  });
}

struct Ran {
  TimePoint time;
  Band band;
  std::size_t id;
  bool operator==(const Ran&) const = default;
};

struct Plan {
  Simulator* sim;
  std::vector<std::pair<int, Band>> events;
  std::vector<Ran> ran;
};

std::vector<Ran> run_plan(const std::vector<std::pair<int, Band>>& events, SimOptions options) {
  Simulator sim(options);
  Plan plan{&sim, events, {}};
  for (std::size_t id = 0; id < events.size(); ++id) {
    sim.at(TimePoint(Duration(events[id].first)),
           {[](void* context, std::uint64_t i) {
              auto& p = *static_cast<Plan*>(context);
              p.ran.push_back({p.sim->now(), p.events[i].second, i});
            },
            &plan, id},
           events[id].second);
  }
  sim.run_until(TimePoint::max());
  return plan.ran;
}

TEST_CASE("shuffled ties", "[sim]") {
  rc::prop("keep the order of times and bands, run all events, and repeat by seed", [] {
    const auto events = *rc::gen::container<std::vector<std::pair<int, Band>>>(rc::gen::pair(
        rc::gen::inRange(0, 5), rc::gen::element(Band::kNormal, Band::kDispatch, Band::kSample)));
    SimOptions options;
    options.seed = *rc::gen::arbitrary<std::uint64_t>();
    options.shuffle_ties = true;

    const std::vector<Ran> ran = run_plan(events, options);
    RC_ASSERT(ran.size() == events.size());
    RC_ASSERT(std::is_sorted(ran.begin(), ran.end(), [](const Ran& a, const Ran& b) {
      return std::pair(a.time, a.band) < std::pair(b.time, b.band);
    }));
    RC_ASSERT(ran == run_plan(events, options));
    std::vector<bool> seen(events.size());
    for (const Ran& event : ran) {
      RC_ASSERT(!seen[event.id]);
      seen[event.id] = true;
    }
  });
}

}  // namespace
}  // namespace wbsim
