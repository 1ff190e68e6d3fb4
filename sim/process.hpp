// A simulated thread: its name, its coroutine, and what it waits for.
#pragma once

#include <coroutine>
#include <cstdint>
#include <string>

#include "sim/assert.hpp"
#include "sim/task.hpp"
#include "sim/units.hpp"

namespace wbsim {

class Simulator;

// Where and on what a process is suspended; both strings are literals.
struct WaitSite {
  const char* what = "";
  const char* file = "";
  int line = 0;
  bool timed = false;  // the end of the wait is known
};

// Daemons (flushers, device servers) may wait for ever; a foreground process that does so while
// nothing else can happen is a simulated deadlock.
enum class ProcessKind : std::uint8_t { kForeground, kDaemon };

// Told of each wait of a process that it watches, when the process goes on.
class WaitListener {
 public:
  virtual void waited(const WaitSite& site, TimePoint since) = 0;

 protected:
  ~WaitListener() = default;
};

// What a process does first whenever it goes to sleep.
struct SleepHook {
  void (*call)(void*) = nullptr;
  void* argument = nullptr;
};

class Process {
 public:
  Process(Simulator& sim, int pid, std::string name, ProcessKind kind, Task<> body);

  int pid() const { return pid_; }
  const std::string& name() const { return name_; }
  ProcessKind kind() const { return kind_; }
  bool finished() const { return finished_; }
  const WaitSite& waiting_at() const { return site_; }
  TimePoint waiting_since() const { return since_; }
  Simulator& simulator() const { return sim_; }

  // It must outlive the process; null: nobody.
  void listen(WaitListener* listener) { listener_ = listener; }

  void set_sleep_hook(SleepHook hook) { sleep_hook_ = hook; }
  // For awaiters that sleep, before they suspend. Waiting for a processor is not sleeping.
  void going_to_sleep() {
    if (sleep_hook_.call)
      sleep_hook_.call(sleep_hook_.argument);
  }
  // For awaiters: suspend here; the process goes on from `leaf` at its next resume().
  void suspend(std::coroutine_handle<> leaf, const WaitSite& site);
  // For Simulator::resume(): run until the next suspension or the end.
  void resume() {
    WB_ASSERT(!finished_);
    if (listener_)
      listener_->waited(site_, since_);
    std::coroutine_handle<> next = leaf_;
    do {
      returning_to_ = {};
      next.resume();
      next = returning_to_;
    } while (next);
    if (body_.handle_.done())
      finish();
  }

 private:
  friend struct detail::PromiseBase;
  void finish();

  Simulator& sim_;
  Task<> body_;
  std::coroutine_handle<> leaf_;
  std::coroutine_handle<> returning_to_;  // the parent of a task that just ended
  SleepHook sleep_hook_;
  WaitSite site_{"its first turn"};
  TimePoint since_{};
  WaitListener* listener_ = nullptr;
  std::string name_;
  int pid_;
  ProcessKind kind_;
  bool finished_ = false;
};

// The process that runs the coroutine which says `Process& self = co_await this_process();`.
class ThisProcess {
 public:
  bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> self) noexcept {
    process_ = self.promise().process;
    return false;
  }
  Process& await_resume() const noexcept { return *process_; }

 private:
  Process* process_ = nullptr;
};
inline ThisProcess this_process() {
  return {};
}

inline void detail::PromiseBase::finish() noexcept {
  if (parent)
    process->returning_to_ = parent;
}

}  // namespace wbsim
