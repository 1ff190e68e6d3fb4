#include "sim/simulator.hpp"

#include <algorithm>
#include <cstdio>
#include <ostream>
#include <sstream>

namespace wbsim {

namespace {
std::string seconds_text(TimePoint t) {
  const long long us = t.time_since_epoch().count() / 1000;
  char text[48];
  std::snprintf(text, sizeof text, "%lld.%06lld s", us / 1'000'000, us % 1'000'000);
  return text;
}
}  // namespace

Process::Process(Simulator& sim, int pid, std::string name, ProcessKind kind, Task<> body)
    : sim_(sim),
      body_(std::move(body)),
      leaf_(body_.handle_),
      since_(sim.now()),
      name_(std::move(name)),
      pid_(pid),
      kind_(kind) {
  body_.handle_.promise().process = this;
}

void Process::finish() {
  finished_ = true;
  const std::exception_ptr error = std::move(body_.handle_.promise().error);
  body_.destroy();
  if (error) {
    sim_.failed_ = this;
    std::rethrow_exception(error);
  }
}

Simulator::Simulator(SimOptions options) : options_(options), ties_(options.seed, "sim.ties") {}

Simulator::~Simulator() {
  destroy_processes();
}

void Simulator::destroy_processes() {
  while (!processes_.empty())
    processes_.pop_back();
  // Last, for the destructors of what was in the frames may have woken others.
  queue_.clear();
  ready_.clear();
  failed_ = nullptr;
}

std::uint64_t Simulator::shuffled_sequence() {
  constexpr std::uint64_t kMask = (std::uint64_t{1} << 56) - 1;
  return ties_() & kMask;
}

Process& Simulator::spawn(std::string name, Task<> body, ProcessKind kind) {
  const int pid = static_cast<int>(processes_.size()) + 1;
  processes_.push_back(
      std::make_unique<Process>(*this, pid, std::move(name), kind, std::move(body)));
  make_ready(*processes_.back());
  return *processes_.back();
}

RunEnd Simulator::run_until(TimePoint limit) {
  try {
    return run_loop(limit);
  } catch (const InvariantBroken& broken) {
    const std::string who = failed_ ? ", in process " + failed_->name() : "";
    throw InvariantBroken(broken.what() + ("\nat " + seconds_text(now_)) + who + "\n" +
                          process_table());
  }
}

RunEnd Simulator::run_loop(TimePoint limit) {
  stopped_ = false;
  while (!stopped_) {
    if (!ready_.empty()) {
      const ReadyRing::Entry first = ready_.front();
      if (!queue_.empty()) {
        const EventQueue::Key key = queue_.top_key();
        if (key.time == now_ && key.order < first.order) {
          run_next_event();
          continue;
        }
      }
      ready_.pop();
      count_event();
      resume(*first.process);
      continue;
    }
    if (queue_.empty()) {
      check_for_deadlock();
      return RunEnd::kDrained;
    }
    const TimePoint next = queue_.top_key().time;
    if (next > limit) {
      if (limit > now_)
        advance_to(limit);
      return RunEnd::kTimeLimit;
    }
    if (next != now_)
      advance_to(next);
    run_next_event();
  }
  return RunEnd::kStopped;
}

inline void Simulator::advance_to(TimePoint when) {
  WB_ASSERT(when > now_);
  now_ = when;
  events_before_now_ = events_run_;
}

inline void Simulator::run_next_event() {
  count_event();
  const EventAction action = queue_.pop();
  action.run(action.context, action.argument);
}

inline void Simulator::count_event() {
  if (++events_run_ >= look_up_at_)
    look_up();
}

void Simulator::look_up() {
  constexpr std::uint64_t kOften = 1 << 20;  // a fraction of a second
  look_up_at_ = events_run_ + std::min(kOften, options_.events_per_instant_max);
  if (options_.interrupted && options_.interrupted(options_.interrupt_context))
    stop();
  if (events_run_ - events_before_now_ > options_.events_per_instant_max)
    throw SimulatedDeadlock("the simulation no longer advances at " + seconds_text(now_) + "\n" +
                            process_table());
}

void Simulator::check_for_deadlock() const {
  const bool stuck = std::any_of(processes_.begin(), processes_.end(), [](const auto& p) {
    return !p->finished() && p->kind() == ProcessKind::kForeground;
  });
  if (stuck)
    throw SimulatedDeadlock("nothing can happen any more while a process waits, at " +
                            seconds_text(now_) + "\n" + process_table());
}

void Simulator::dump_processes(std::ostream& out) const {
  char line[128];
  std::snprintf(line, sizeof line, "%4s %-16s %20s  %s\n", "pid", "name", "since", "waiting for");
  out << line;
  for (const auto& p : processes_) {
    if (p->finished())
      continue;
    const std::string name = p->kind() == ProcessKind::kDaemon ? "[" + p->name() + "]" : p->name();
    std::snprintf(line, sizeof line, "%4d %-16.40s %20s  ", p->pid(), name.c_str(),
                  seconds_text(p->waiting_since()).c_str());
    const WaitSite& site = p->waiting_at();
    out << line << site.what;
    if (site.line > 0)
      out << " (" << base_name(site.file) << ':' << site.line << ')';
    out << '\n';
  }
}

std::string Simulator::process_table() const {
  std::ostringstream out;
  dump_processes(out);
  return out.str();
}

}  // namespace wbsim
