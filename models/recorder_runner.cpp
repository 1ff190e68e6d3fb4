#include "models/recorder_runner.hpp"

#include "models/workload/workload.hpp"

namespace wbsim {

namespace {
constexpr Duration kBetweenLooks = std::chrono::milliseconds(100);
}

void RecorderRunner::start(TimePoint begin) {
  sim_.spawn(thread_.name(), look_whether_all_is_done(begin), ProcessKind::kDaemon);
}

Task<> RecorderRunner::look_whether_all_is_done(TimePoint begin) {
  co_await sim_.delay_until(begin, "nanosleep");
  for (;;) {
    co_await sim_.delay(kTimerSlack + kBetweenLooks, "nanosleep");
    thread_.charge(context_switch_);
    co_await cpu_.settle(thread_);
  }
}

}  // namespace wbsim
