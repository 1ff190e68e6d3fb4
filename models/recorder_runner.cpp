#include "models/recorder_threads.hpp"

#include "models/workload/workload.hpp"

namespace wbsim {

namespace {
constexpr Duration kBetweenLooks = std::chrono::milliseconds(100);
}

void RecorderThreads::start(TimePoint begin) {
  sim_.spawn(runner_.name(), look_whether_all_is_done(begin), ProcessKind::kDaemon);
  sim_.spawn(rcu_.name(), rcu_gp_kthread(), ProcessKind::kDaemon);
}

Task<> RecorderThreads::look_whether_all_is_done(TimePoint begin) {
  co_await sim_.delay_until(begin, "nanosleep");
  for (;;) {
    co_await sim_.delay(kTimerSlack + kBetweenLooks, "nanosleep");
    runner_.charge(context_switch_);
    co_await cpu_.settle(runner_);
  }
}

// An idle processor has quiescent states enough without it.
Task<> RecorderThreads::rcu_gp_kthread() {
  for (;;) {
    co_await closed_.wait("rcu_gp_kthread");
    co_await sim_.delay_until(ticks_.start_of(ticks_.jiffies_at(sim_.now()) + Jiffies(1)),
                              "rcu_gp_kthread");
    if (cpu_.idle())
      continue;
    rcu_.charge(context_switch_);
    co_await cpu_.settle(rcu_);
  }
}

}  // namespace wbsim
