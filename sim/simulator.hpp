// The run loop: one object per run, no globals. Processes and events run in the total order
// (time, band, sequence).
#pragma once

#include <cstdint>
#include <iosfwd>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "sim/event_queue.hpp"
#include "sim/process.hpp"
#include "sim/random.hpp"
#include "sim/ready_ring.hpp"
#include "sim/task.hpp"
#include "sim/units.hpp"

namespace wbsim {

struct SimOptions {
  std::uint64_t seed = 1;
  // A test mode: events of one instant and band run in a shuffled order.
  bool shuffle_ties = false;
  // More events than about this in one instant are a livelock.
  std::uint64_t events_per_instant_max = 50'000'000;
  // Asked now and then, however long an instant lasts: once it says so, the run stops.
  bool (*interrupted)(const void* context) = nullptr;
  const void* interrupt_context = nullptr;
};

// A run that cannot make progress, with the table of processes in what().
struct SimulatedDeadlock : std::runtime_error {
  using std::runtime_error::runtime_error;
};

enum class RunEnd : std::uint8_t { kDrained, kTimeLimit, kStopped };

class Simulator {
 public:
  explicit Simulator(SimOptions options = {});
  ~Simulator();
  Simulator(const Simulator&) = delete;
  Simulator& operator=(const Simulator&) = delete;

  TimePoint now() const { return now_; }
  // now() + d, or the end of time where that lies beyond it.
  TimePoint after(Duration d) const {
    return d > TimePoint::max() - now_ ? TimePoint::max() : now_ + d;
  }
  std::uint64_t events_run() const { return events_run_; }
  const SimOptions& options() const { return options_; }

  EventQueue::Handle at(TimePoint when, const EventAction& action, Band band = Band::kNormal) {
    WB_ASSERT(when >= now_);
    return queue_.push(when, band, next_sequence(), action);
  }
  bool cancel(EventQueue::Handle handle) { return queue_.cancel(handle); }
  bool pending(EventQueue::Handle handle) const { return queue_.pending(handle); }

  Process& spawn(std::string name, Task<> body, ProcessKind kind = ProcessKind::kForeground);
  // It resumes in this instant, after what is already due.
  void make_ready(Process& process) {
    if (options_.shuffle_ties)
      resume_at(now_, process);
    else
      ready_.push({&process, next_sequence()});
  }

  struct DelayAwaiter {
    Simulator& sim;
    TimePoint until;
    WaitSite site;
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> self) {
      Process& process = *self.promise().process;
      process.going_to_sleep();
      process.suspend(self, site);
      sim.resume_at(until, process);
    }
    void await_resume() const noexcept {}
  };
  DelayAwaiter delay_until(TimePoint until, const char* what = "timer",
                           const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
    return {*this, until, {what, file, line, true}};
  }
  DelayAwaiter delay(Duration d, const char* what = "timer", const char* file = __builtin_FILE(),
                     int line = __builtin_LINE()) {
    return {*this, after(d), {what, file, line, true}};
  }

  // Runs until the limit, or until nothing is left to do. Throws SimulatedDeadlock when nothing is
  // left to do while a foreground process waits, or when an instant never ends; rethrows what
  // escaped from a process, with the time and the table of processes if it is InvariantBroken.
  RunEnd run_until(TimePoint limit);
  void stop() { stopped_ = true; }
  // Drops what is pending and destroys every coroutine frame, newest process first. Call it before
  // what they refer to dies.
  void destroy_processes();

  RandomStream stream(std::string_view name) const { return RandomStream(options_.seed, name); }
  // For whoever lets a process run: until its next suspension.
  void resume(Process& process) {
    running_ = &process;
    process.resume();
    running_ = nullptr;
  }
  // The process that runs now; null while an event does.
  const Process* running() const { return running_; }
  const std::vector<std::unique_ptr<Process>>& processes() const { return processes_; }
  void dump_processes(std::ostream& out) const;
  std::string process_table() const;

 private:
  friend class Process;
  void resume_at(TimePoint when, Process& process) {
    at(when, {&Simulator::resume_process, &process, 0});
  }
  static void resume_process(void* process, std::uint64_t) {
    Process& next = *static_cast<Process*>(process);
    next.simulator().resume(next);
  }
  std::uint64_t next_sequence() {
    return options_.shuffle_ties ? shuffled_sequence() : ++sequence_;
  }
  std::uint64_t shuffled_sequence();
  RunEnd run_loop(TimePoint limit);
  void run_next_event();
  void advance_to(TimePoint when);
  void count_event();
  void look_up();  // notices a livelock, or that it shall stop
  void check_for_deadlock() const;

  SimOptions options_;
  EventQueue queue_;
  TimePoint now_{};
  std::uint64_t sequence_ = 0;
  std::uint64_t events_run_ = 0;
  std::uint64_t events_before_now_ = 0;
  std::uint64_t look_up_at_ = 0;
  bool stopped_ = false;
  ReadyRing ready_;
  RandomStream ties_;
  const Process* running_ = nullptr;
  const Process* failed_ = nullptr;  // from which an exception escaped
  std::vector<std::unique_ptr<Process>> processes_;
};

inline void Process::suspend(std::coroutine_handle<> leaf, const WaitSite& site) {
  leaf_ = leaf;
  site_ = site;
  since_ = sim_.now();
}

}  // namespace wbsim
