#include "models/mm/vmstat_work.hpp"

namespace wbsim {

namespace {
constexpr Duration kOthersFirst{1000};  // whom the same tick wakes
}

// The timers are deferrable: while the tick is stopped they wait for one that somebody needs.
Task<> VmstatWork::run(Simulator& sim, TimerWheel wheel, TimePoint begin) {
  const TickClock ticks = wheel.ticks();
  co_await sim.delay_until(begin, "vmstat_shepherd");
  for (;;) {
    co_await sim.delay_until(wheel.next_second(sim.now()) + kOthersFirst, "vmstat_shepherd");
    while (cpu_.tick_is_stopped()) {
      co_await cpu_.tick_restarted().wait("deferrable timer");
      const Jiffies last = ticks.jiffies_at(sim.now() - kOthersFirst);
      co_await sim.delay_until(ticks.start_of(last + Jiffies(1)) + kOthersFirst);
    }
    pending_ = stats_.fold();
  }
}

}  // namespace wbsim
