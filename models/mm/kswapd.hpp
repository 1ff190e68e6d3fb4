// kswapd: the thread whose processor time reclaim takes.
//
// MODELS:   mm/vmscan.c kswapd(), woken by an allocation that finds memory low. It competes for the
//           processors: a writer that has had much of them loses the processor to it, a light one
//           does not.
// DEVIATES: the pages are free at once (page_cache.hpp); one thread for all of memory; of
//           others only who finds memory below the lowest watermark frees some himself.
#pragma once

#include <utility>

#include "models/mm/reclaim_throttle.hpp"
#include "models/sched/processors.hpp"
#include "sim/task.hpp"
#include "sim/wait_queue.hpp"

namespace wbsim {

class Kswapd {
 public:
  explicit Kswapd(Processors& processors) : cpu_(processors) {}

  void owe(Duration cost) {
    owed_ += cost;
    wake_.wake_one();
  }
  void wake() {
    woken_ = true;
    wake_.wake_one();
  }
  // The thread. While nobody runs it nothing is paid.
  Task<> run(ReclaimThrottle* throttle = nullptr) {
    for (;;) {
      while (owed_ == Duration::zero() && !woken_)
        co_await wake_.wait("memory");
      co_await cpu_.woken(thread_);
      if (std::exchange(woken_, false) && throttle)
        co_await throttle->balance_pgdat(thread_);
      thread_.charge(std::exchange(owed_, Duration::zero()));
      co_await cpu_.settle(thread_);
    }
  }

 private:
  Processors& cpu_;
  Thread thread_{"kswapd0"};
  Duration owed_{0};
  bool woken_ = false;  // for more than to pay
  WaitQueue wake_;
};

}  // namespace wbsim
