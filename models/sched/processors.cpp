#include "models/sched/processors.hpp"

#include <algorithm>
#include <utility>

#include "sim/assert.hpp"

namespace wbsim {

Processors::Processors(Simulator& sim, TickClock ticks, int count, SchedRules rules,
                       Duration context_switch, SchedClock clock, Duration timer_tick)
    : sim_(sim),
      ticks_(ticks),
      rules_(rules),
      context_switch_(context_switch),
      clock_(clock),
      timer_tick_(timer_tick),
      slots_(static_cast<std::size_t>(count)) {
  WB_ASSERT(count > 0);
}

void Processors::request(Thread& thread, Process& process) {
  thread.process_ = &process;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    Slot& slot = slots_[i];
    if (slot.current != &thread)
      continue;
    WB_ASSERT(!slot.running);
    if (should_yield(slot)) {
      enqueue(thread);
      take_next(i);
    } else {
      start_chunk(i);
    }
    return;
  }
  for (Slot& slot : slots_)
    if (slot.running)
      update_curr(slot);
  thread.vruntime_ = std::max(thread.vruntime_, min_vruntime_ - rules_.sleeper_credit);
  enqueue(thread);
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (!slots_[i].current && !slots_[i].picking) {
      leave_idle(i);
      return;
    }
  }
  preempt_for(thread);
}

// tick_nohz_idle_stop_tick()
void Processors::enter_idle(std::size_t index) {
  if (index != 0)
    return;
  idle_since_ = sim_.now();
  tick_is_stopped_ = last_idle_ >= ticks_.tick();
  if (tick_is_stopped_ && tick_stopped_.run)
    tick_stopped_.run(tick_stopped_.context, tick_stopped_.argument);
}

// An interrupt wakes all it has to wake, and ends, before the idle thread calls schedule().
void Processors::leave_idle(std::size_t index) {
  slots_[index].picking = true;
  if (index == 0) {
    last_idle_ = sim_.now() - idle_since_;
    if (std::exchange(tick_is_stopped_, false))
      tick_restarted_.wake_all();
  }
  const TimePoint interrupted = index == 0 ? interrupt_end_ : sim_.now();
  const EventAction schedule{[](void* context, std::uint64_t i) {
                               auto& self = *static_cast<Processors*>(context);
                               if (i == 0 && self.interrupt_end_ > self.sim_.now())
                                 return self.leave_idle(i);  // it had more to do
                               self.slots_[i].picking = false;
                               self.take_next(i);
                             },
                             this, index};
  sim_.at(std::max(sim_.now(), interrupted), schedule, Band::kDispatch);
}

void Processors::steal(Duration cost) {
  if (slots_.front().current)
    stolen_ += cost;
  else
    interrupt_end_ = std::max(interrupt_end_, sim_.now()) + cost;
}

void Processors::enqueue(Thread& thread) {
  thread.queued_order_ = ++order_;
  waiting_.insert(thread);
  waiting_load_ += thread.load_;
}

void Processors::dequeue(Thread& thread) {
  waiting_.erase(waiting_.iterator_to(thread));
  waiting_load_ -= thread.load_;
}

Duration Processors::exec_time(TimePoint from) const {
  if (clock_ == SchedClock::kTsc)
    return sim_.now() - from;
  return ticks_.tick() * (ticks_.jiffies_at(sim_.now()) - ticks_.jiffies_at(from)).count();
}

// check_preempt_curr(): a real-time thread waits for no other one.
void Processors::preempt_for(const Thread& woken) {
  for (Slot& slot : slots_) {
    if (!slot.current || slot.current->rt_task() || slot.need_resched)
      continue;
    const bool behind =
        slot.current->vruntime_ - woken.vruntime_ > woken.weighted(rules_.wakeup_granularity);
    if (!woken.rt_task() && !behind)
      continue;
    if (rules_.last_buddy && !woken.rt_task())
      last_buddy_ = slot.current;
    return resched(slot);
  }
}

// resched_task() of task_new_fair(), unless a processor is idle.
void Processors::preempt_for_new() {
  if (std::any_of(slots_.begin(), slots_.end(), [](const Slot& slot) { return !slot.current; }))
    return;
  for (Slot& slot : slots_)
    if (!slot.current->rt_task() && slot.since != sim_.now()) {
      resched(slot);
      return;
    }
}

// Of those who want a processor, at most: min_vruntime does not go back when sleepers come.
Duration Processors::least_vruntime() const {
  Duration least = min_vruntime_;
  for (const Slot& slot : slots_)
    if (slot.current && !slot.current->rt_task())
      least = std::min(least, slot.current->vruntime_);
  const auto waiting = std::find_if(waiting_.begin(), waiting_.end(),
                                    [](const Thread& thread) { return !thread.rt_task(); });
  return waiting == waiting_.end() ? least : std::min(least, waiting->vruntime_);
}

// task_new_fair() and place_entity(). A process begins when a tick finds it behind all others for
// the first time: by less than a tick, by half of one in the mean. Where a child runs before its
// parent it takes the parent's place, and the parent owes a slice in its stead, half of the credit:
// by so much each child comes before the next one. After its sleep the youngest has half of the
// credit, all others have it whole; where nobody takes another's place the youngest has none at the
// start, as it slept for next to no time.
Duration Processors::vruntime_of_new(const Thread& thread) const {
  const Duration half_a_tick = ticks_.tick() / 2;
  const Duration slept = min_vruntime_ - rules_.sleeper_credit;
  if (rules_.new_have_slept)
    return &thread == youngest_ ? std::max(slept, Duration(0)) : slept;
  if (!rules_.child_runs_first)
    return min_vruntime_ - half_a_tick;
  if (&thread != youngest_)
    return slept;
  const Duration half = min_vruntime_ - rules_.sleeper_credit / 2;
  return std::max(slept, std::min(half, least_vruntime() - half_a_tick));
}

// Its current thread is interrupted: it goes on later with the rest of its chunk.
void Processors::resched(Slot& slot) {
  slot.need_resched = true;
  if (!slot.running || !sim_.cancel(slot.chunk_end))
    return;
  const Duration rest = slot.chunk_start + slot.chunk - sim_.now();
  slot.current->debt_ += rest;
  slot.chunk -= rest;
  schedule_end(slot);
}

// Of the latency, what a thread's share of the load of all runnable ones is.
Duration Processors::sched_slice(const Thread& thread) const {
  std::int64_t load = waiting_load_;
  for (const Slot& slot : slots_)
    load += slot.current ? slot.current->load_ : Thread::kNice0Load;
  const auto processors = static_cast<std::int64_t>(slots_.size());
  return std::max(rules_.latency * processors * thread.load_ / load, rules_.min_granularity);
}

// check_preempt_tick().
bool Processors::should_yield(Slot& slot) {
  if (waiting_.empty() || slot.current->rt_task())
    return false;
  if (slot.need_resched || waiting_.begin()->rt_task())
    return true;
  const Jiffies tick = ticks_.jiffies_at(sim_.now());
  if (tick == slot.last_tick_checked)
    return false;
  slot.last_tick_checked = tick;
  return exec_time(slot.since) >= sched_slice(*slot.current) &&
         slot.current->vruntime_ >= waiting_.begin()->vruntime_;
}

void Processors::take(std::size_t index, Thread& thread) {
  Slot& slot = slots_[index];
  slot.current = &thread;
  slot.since = sim_.now();
  slot.last_tick_checked = ticks_.jiffies_at(sim_.now());
  slot.need_resched = false;
  thread.processor_ = static_cast<int>(index);
  start_chunk(index);
}

void Processors::take_next(std::size_t index) {
  slots_[index].current = nullptr;
  if (waiting_.empty())
    return enter_idle(index);
  Thread& next = pick_next();
  dequeue(next);
  take(index, next);
}

// pick_next_entity()
Thread& Processors::pick_next() {
  Thread& least = *waiting_.begin();
  if (!last_buddy_ || on_processor(*last_buddy_) || least.rt_task() ||
      last_buddy_->vruntime_ - least.vruntime_ > least.weighted(rules_.wakeup_granularity))
    return least;
  return *std::exchange(last_buddy_, nullptr);
}

void Processors::start_chunk(std::size_t index) {
  Duration chunk = std::exchange(slots_[index].current->debt_, Duration::zero());
  if (index == 0)
    chunk += std::exchange(stolen_, Duration::zero());
  run(index, chunk);
}

// At a tick the thread may have to give way: the rest of the chunk is run after it.
void Processors::run(std::size_t index, Duration chunk) {
  Slot& slot = slots_[index];
  slot.chunk_start = slot.counted_until = sim_.now();
  slot.chunk = chunk;
  const TimePoint tick = ticks_.start_of(ticks_.jiffies_at(sim_.now()) + Jiffies(1));
  if (sim_.now() + chunk >= tick) {
    slot.chunk = tick - sim_.now();
    slot.current->debt_ += chunk - slot.chunk + timer_tick_;
  }
  slot.running = true;
  schedule_end(slot);
}

void Processors::schedule_end(Slot& slot) {
  slot.chunk_end =
      sim_.at(slot.chunk_start + slot.chunk,
              {[](void* self, std::uint64_t i) { static_cast<Processors*>(self)->end_chunk(i); },
               this, static_cast<std::uint64_t>(&slot - slots_.data())});
}

// Real-time threads are no part of it.
void Processors::update_curr(Slot& slot) {
  Thread& thread = *slot.current;
  const Duration ran = exec_time(std::exchange(slot.counted_until, sim_.now()));
  if (thread.rt_task())
    return;
  thread.vruntime_ += thread.weighted(ran);
  Duration least = thread.vruntime_;
  for (const Thread& waiting : waiting_) {
    if (waiting.rt_task())
      continue;
    least = std::min(least, waiting.vruntime_);
    break;
  }
  min_vruntime_ = std::max(min_vruntime_, least);
}

void Processors::end_chunk(std::size_t index) {
  Slot& slot = slots_[index];
  Thread& thread = *slot.current;
  slot.running = false;
  busy_ += slot.chunk;
  update_curr(slot);
  if (index == 0 && stolen_ > Duration::zero())
    return run(index, std::exchange(stolen_, Duration::zero()));  // what came meanwhile
  if (should_yield(slot)) {
    enqueue(thread);
    take_next(index);
    return;
  }
  if (thread.debt_ > Duration::zero())
    return start_chunk(index);
  sim_.resume(*thread.process_);
  // It asked for more within resume(), or it sleeps now and the processor goes to the next.
  if (slot.running || slot.current != &thread)
    return;
  if (last_buddy_ == &thread)
    last_buddy_ = nullptr;  // clear_buddies()
  take_next(index);
}

}  // namespace wbsim
