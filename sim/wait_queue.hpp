// Wait queues with time-outs, and a counting semaphore on top. Who is woken alone is the longest
// waiter (the kernel's exclusive waits); when all are woken it is the latest first, as
// prepare_to_wait() queues at the head.
#pragma once

#include <boost/intrusive/list.hpp>
#include <coroutine>
#include <cstdint>

#include "sim/assert.hpp"
#include "sim/simulator.hpp"

namespace wbsim {

class WaitQueue {
  // Unlinks itself, so that a frame may be destroyed while it waits, before or after the queue.
  using Hook =
      boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

 public:
  enum class Wake : std::uint8_t { kWoken, kTimedOut };

  // Lives in the frame of the waiting coroutine.
  class Awaiter : public Hook {
   public:
    Awaiter(WaitQueue& queue, Duration timeout, WaitSite site, std::uint64_t key = 0)
        : queue_(queue), timeout_(timeout), site_(site), key_(key) {}
    Awaiter(const Awaiter&) = delete;
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> self) {
      process_ = self.promise().process;
      process_->going_to_sleep();
      process_->suspend(self, site_);
      queue_.waiters_.push_back(*this);
      if (timed())
        arm();
    }
    Wake await_resume() const noexcept { return result_; }

   private:
    friend class WaitQueue;
    bool timed() const { return timeout_ >= Duration::zero(); }
    void arm() {
      Simulator& sim = process_->simulator();
      timer_ = sim.at(sim.after(timeout_), {&Awaiter::expire, this, 0});
    }
    static void expire(void* context, std::uint64_t) {
      auto& self = *static_cast<Awaiter*>(context);
      self.unlink();
      self.result_ = Wake::kTimedOut;
      self.process_->simulator().resume(*self.process_);
    }

    WaitQueue& queue_;
    Duration timeout_;
    WaitSite site_;
    std::uint64_t key_;
    Process* process_ = nullptr;
    EventQueue::Handle timer_;
    Wake result_ = Wake::kWoken;
  };

  WaitQueue() = default;
  WaitQueue(const WaitQueue&) = delete;

  Awaiter wait(const char* what, const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
    return Awaiter(*this, kForEver, {what, file, line});
  }
  Awaiter wait_for(Duration timeout, const char* what, const char* file = __builtin_FILE(),
                   int line = __builtin_LINE()) {
    WB_ASSERT(timeout >= Duration::zero());
    return Awaiter(*this, timeout, {what, file, line});
  }
  // wake_key() with the same key wakes it.
  Awaiter wait_key(std::uint64_t key, const char* what, const char* file = __builtin_FILE(),
                   int line = __builtin_LINE()) {
    return Awaiter(*this, kForEver, {what, file, line}, key);
  }

  bool empty() const { return waiters_.empty(); }
  // The longest waiter resumes in this instant, after what is already due.
  void wake_one() {
    if (!waiters_.empty())
      wake(waiters_.front());
  }
  void wake_all() {
    while (!waiters_.empty())
      wake(waiters_.back());
  }
  // Those that wait for the key, the latest first.
  void wake_key(std::uint64_t key) {
    for (auto at = waiters_.end(); at != waiters_.begin();) {
      Awaiter& waiter = *--at;
      if (waiter.key_ != key)
        continue;
      ++at;
      wake(waiter);
    }
  }

 private:
  static void wake(Awaiter& waiter) {
    waiter.unlink();
    Simulator& sim = waiter.process_->simulator();
    if (waiter.timed())
      sim.cancel(waiter.timer_);
    sim.make_ready(*waiter.process_);
  }

  friend class Semaphore;
  static constexpr Duration kForEver{-1};

  boost::intrusive::list<Awaiter, boost::intrusive::constant_time_size<false>> waiters_;
};

// A counting resource, served in order of arrival: a released unit goes to the longest waiter.
class Semaphore {
 public:
  class Acquire : public WaitQueue::Awaiter {
   public:
    Acquire(Semaphore& semaphore, WaitSite site)
        : Awaiter(semaphore.waiters_, WaitQueue::kForEver, site), semaphore_(semaphore) {}
    bool await_ready() const noexcept { return semaphore_.try_acquire(); }
    void await_resume() const noexcept {}

   private:
    Semaphore& semaphore_;
  };

  explicit Semaphore(std::int64_t available) : available_(available) {}
  Acquire acquire(const char* what = "semaphore", const char* file = __builtin_FILE(),
                  int line = __builtin_LINE()) {
    return Acquire(*this, {what, file, line});
  }
  bool try_acquire() noexcept {
    if (available_ <= 0)
      return false;
    --available_;
    return true;
  }
  void release() {
    if (waiters_.empty())
      ++available_;
    else
      waiters_.wake_one();
  }
  std::int64_t available() const { return available_; }

 private:
  std::int64_t available_;
  WaitQueue waiters_;
};

}  // namespace wbsim
