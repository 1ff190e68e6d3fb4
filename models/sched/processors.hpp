// The machine's processors, one run queue for all of them, shared by vruntime as CFS does.
//
// MODELS:   kernel/sched_fair.c of 2.6.23 - 2.6.32: pick by least vruntime, ideal slice
//           sched_latency / nr_running checked at ticks, sleeper credit, wake-up preemption.
//           kernel/sched_rt.c SCHED_FIFO: runs before all others, until it sleeps.
// DEVIATES: one run queue for all processors, no nice level but that of a recorder, no migration
//           cost. A thread owes the processor time of what it did and pays in chunks; it is
//           preempted at the end of one. One real-time priority, which no sched_rt_runtime_us takes
//           the processor from.
#pragma once

#include <algorithm>
#include <coroutine>
#include <vector>

#include "models/sched/thread.hpp"
#include "sim/simulator.hpp"
#include "sim/units.hpp"
#include "sim/wait_queue.hpp"

namespace wbsim {

struct SchedRules {
  Duration latency = std::chrono::milliseconds(20);
  Duration min_granularity = std::chrono::milliseconds(4);
  Duration wakeup_granularity = std::chrono::milliseconds(5);
  Duration sleeper_credit = std::chrono::milliseconds(20);
  bool last_buddy = false;  // whom a wake-up interrupts goes on afterwards, if he is hardly ahead
  bool child_runs_first = false;  // sched_child_runs_first
  bool new_have_slept = false;    // who begins was forked before, and is woken from a sleep
};

class Processors {
 public:
  Processors(Simulator& sim, TickClock ticks, int count, SchedRules rules, Duration context_switch,
             SchedClock clock = SchedClock::kTsc, Duration timer_tick = Duration(0));
  Processors(const Processors&) = delete;

  struct Settle {
    Processors& processors;
    Thread& thread;
    WaitSite site;
    bool await_ready() const noexcept { return thread.debt() == Duration::zero(); }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> self) {
      Process& process = *self.promise().process;
      process.suspend(self, site);
      processors.request(thread, process);
    }
    void await_resume() const noexcept {}
  };
  // Pays the thread's debt in processor time. Call it before every sleep and at the end of a call.
  Settle settle(Thread& thread, const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
    return {*this, thread, {"processor", file, line}};
  }

  // What a thread does first when something woke it: gets a processor, and pays for the switch.
  Settle woken(Thread& thread, const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
    thread.charge(context_switch_);
    return {*this, thread, {"processor", file, line}};
  }

  // The processes are forked before the run, in this order, and sleep until they begin.
  void forked(const Thread& thread) { youngest_ = &thread; }

  // What a new process does first: take a processor from whoever was there before this instant,
  // unless it has slept since it was forked.
  Settle wake_up_new_task(Thread& thread, const char* file = __builtin_FILE(),
                          int line = __builtin_LINE()) {
    thread.vruntime_ = vruntime_of_new(thread);
    if (!rules_.new_have_slept)
      preempt_for_new();
    return woken(thread, file, line);
  }

  // Called when the first processor has nothing to run and stops its tick: it does so when it was
  // idle for a tick the last time, as the governor expects no less then.
  void on_tick_stopped(EventAction action) { tick_stopped_ = action; }
  bool tick_is_stopped() const { return tick_is_stopped_; }
  // Woken when the first processor leaves idle with its tick stopped.
  WaitQueue& tick_restarted() { return tick_restarted_; }

  // Interrupt work of the first processor: lengthens what runs there; who is woken on an idle one
  // runs when it is done.
  void steal(Duration cost);
  Duration busy() const { return busy_; }
  bool idle() const { return !slots_.front().current && !slots_.front().picking; }  // the first

 private:
  struct Slot {
    Thread* current = nullptr;
    TimePoint since{};  // current has been on the processor
    Jiffies last_tick_checked{0};
    TimePoint chunk_start{};
    TimePoint counted_until{};  // its vruntime is that of this instant
    Duration chunk{0};
    EventQueue::Handle chunk_end{};
    bool running = false;  // a chunk is under way; otherwise current lingers between two
    bool need_resched = false;
    bool picking = false;  // idle, and somebody became runnable in this instant
  };
  // Real-time threads first, in the order in which they came.
  struct ByVruntime {
    bool operator()(const Thread& a, const Thread& b) const {
      if (a.rt_task() || b.rt_task())
        return a.rt_task() != b.rt_task() ? a.rt_task() : a.queued_order_ < b.queued_order_;
      return a.vruntime_ != b.vruntime_ ? a.vruntime_ < b.vruntime_
                                        : a.queued_order_ < b.queued_order_;
    }
  };

  void enter_idle(std::size_t index);
  void request(Thread& thread, Process& process);
  void start_chunk(std::size_t slot);
  void run(std::size_t slot, Duration chunk);
  void schedule_end(Slot& slot);
  void resched(Slot& slot);
  Thread& pick_next();
  void end_chunk(std::size_t slot);
  void take(std::size_t slot, Thread& thread);
  void take_next(std::size_t slot);
  void leave_idle(std::size_t slot);
  Duration exec_time(TimePoint from) const;  // until now, by the scheduler's clock
  void enqueue(Thread& thread);
  void dequeue(Thread& thread);
  bool on_processor(const Thread& thread) const {
    return slots_[static_cast<std::size_t>(thread.processor_)].current == &thread;
  }
  Duration sched_slice(const Thread& thread) const;
  bool should_yield(Slot& slot);
  void preempt_for(const Thread& woken);
  void preempt_for_new();
  void update_curr(Slot& slot);
  Duration least_vruntime() const;  // of those who want a processor
  Duration vruntime_of_new(const Thread& thread) const;

  Simulator& sim_;
  TickClock ticks_;
  SchedRules rules_;
  Duration context_switch_;
  SchedClock clock_;
  Duration timer_tick_;  // an idle processor has none
  std::vector<Slot> slots_;
  boost::intrusive::multiset<Thread, boost::intrusive::compare<ByVruntime>> waiting_;
  std::int64_t waiting_load_ = 0;
  Duration min_vruntime_{0};
  Duration stolen_{0};
  TimePoint interrupt_end_{};  // of what came while the first processor was idle
  TimePoint idle_since_{};     // the first
  Duration last_idle_{0};
  EventAction tick_stopped_{};
  WaitQueue tick_restarted_;
  bool tick_is_stopped_ = true;  // nothing has run for long
  Duration busy_{0};
  std::uint64_t order_ = 0;
  Thread* last_buddy_ = nullptr;
  const Thread* youngest_ = nullptr;
};

}  // namespace wbsim
