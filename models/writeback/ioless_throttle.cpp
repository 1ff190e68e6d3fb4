#include "models/writeback/ioless_throttle.hpp"

#include <algorithm>
#include <utility>

#include "models/block/request_queue.hpp"
#include "models/writeback/cgroup_writeback.hpp"

namespace wbsim {

namespace {
Pages bdi_stat_error(int cpus) {
  return Pages(cpus * bdi_stat_batch(cpus));
}
}  // namespace

IolessThrottle::IolessThrottle(WritebackContext& context, Flusher& flusher, int cpus)
    : context_(context),
      flusher_(flusher),
      sleepers_(context.sim(), context.wheel),
      counters_(static_cast<std::size_t>(cpus)),
      ratelimit_pages_(ioless_ratelimit(context.domain.dirty_limit, cpus)),
      stat_error_(bdi_stat_error(cpus)) {}

Pages IolessThrottle::ratelimit_of(const TaskStruct& task, const AddressSpace& mapping) {
  return wb_of(*mapping.bdi, task.memcg).dirty_exceeded
             ? std::min(task.nr_dirtied_pause, kRatelimitWhenExceeded)
             : task.nr_dirtied_pause;
}

Pages IolessThrottle::until_due(const TaskStruct& task, const AddressSpace& mapping) const {
  const Pages counted = counters_[static_cast<std::size_t>(task.processor())];
  return std::min(ratelimit_of(task, mapping) - task.nr_dirtied,
                  ratelimit_pages_ - counted - task.dirtied_uncounted) -
         Pages(1);
}

// The task counts the pages it dirtied; the processor's count catches many tasks that dirty a few
// pages each.
bool IolessThrottle::ratelimit(TaskStruct& task, const AddressSpace& mapping, Pages) {
  const Pages limit = ratelimit_of(task, mapping);
  Pages& counter = counters_[static_cast<std::size_t>(task.processor())];
  counter += std::exchange(task.dirtied_uncounted, Pages(0));
  if (task.nr_dirtied >= limit) {
    counter = Pages(0);
    return true;
  }
  if (counter < ratelimit_pages_)
    return false;
  counter = Pages(0);
  return true;
}

bool IolessThrottle::zones_are_dirty(const TaskStruct& task) const {
  const VmCounters& vm = context_.vfs.cache.counters();
  return vm.nr_file_dirty + vm.nr_writeback > context_.dirty_limits(&task).dirty;
}

bool IolessThrottle::in_freerun(const DirtyState& state) const {
  if (state.strict_limit)
    return state.bdi_dirty <= (state.bdi_thresh + state.bdi_bg_thresh) / 2;
  return state.dirty <= state.freerun();
}

namespace {
Pages poll_interval(const DirtyState& state) {
  return state.strict_limit ? dirty_poll_interval(state.bdi_dirty, state.bdi_thresh)
                            : dirty_poll_interval(state.dirty, state.thresh);
}
}  // namespace

void IolessThrottle::leave_freerun(const DirtyState& state, const DirtyState* memcg,
                                   TaskStruct& task) const {
  task.dirty_paused_when = context_.now();
  task.nr_dirtied = Pages(0);
  task.nr_dirtied_pause = poll_interval(state);
  if (memcg)
    task.nr_dirtied_pause = std::min(task.nr_dirtied_pause, poll_interval(*memcg));
}

Jiffies IolessThrottle::think(const TaskStruct& task) const {
  return task.dirty_paused_when == Jiffies(0) ? Jiffies(0)
                                              : context_.now() - task.dirty_paused_when;
}

// The pause would be too short to be worth it; what is missing is remembered.
void IolessThrottle::go_on_without_pause(const Verdict& v, TaskStruct& task,
                                         Pages pages_dirtied) const {
  if (v.pause < -context_.hz()) {
    task.dirty_paused_when = context_.now();
    task.nr_dirtied = Pages(0);
  } else if (v.period > Jiffies(0)) {
    task.dirty_paused_when += v.period;
    task.nr_dirtied = Pages(0);
  } else if (task.nr_dirtied_pause <= pages_dirtied) {
    task.nr_dirtied_pause += pages_dirtied;
  }
}

Task<> IolessThrottle::sleep(const Verdict& v, BackingDevInfo& bdi, TaskStruct& task) {
  Jiffies now = context_.now();
  const Jiffies pause = std::min(v.pause, v.max_pause);
  const TimePoint since = context_.sim().now();
  first_throttle_ = std::min(first_throttle_, since);
  bdi.queue->note_dirty_sleep(since);
  now += std::min(v.pause - pause, v.max_pause);  // a part of what is cut off counts later
  co_await context_.vfs.cpu.settle(task);
  co_await sleepers_.schedule_timeout(pause, "balance_dirty_pages pause");
  co_await context_.vfs.cpu.woken(task);
  task.throttled += context_.sim().now() - since;
  ++task.throttle_calls;
  task.dirty_paused_when = now + pause;
  task.nr_dirtied = Pages(0);
  task.nr_dirtied_pause = v.shortest.nr_dirtied_pause;
}

namespace {

ThrottledBy throttled_by(const DirtyState& state, bool of_memcg) {
  if (state.dirty > state.thresh)
    return of_memcg ? ThrottledBy::kMemcgLimit : ThrottledBy::kGlobalLimit;
  return state.bdi_dirty > state.bdi_thresh ? ThrottledBy::kBdiShare : ThrottledBy::kDirtyRate;
}

bool is_exceeded(const DirtyState& state) {
  return state.bdi_dirty > state.bdi_thresh && (state.dirty > state.thresh || state.strict_limit);
}

// After update_bandwidth().
void renew(DirtyState& state, const DirtyDomain& domain, const BackingDevInfo& bdi) {
  state.limit = std::max(state.thresh, domain.dirty_limit);
  state.avg_write_bandwidth = bdi.rates.avg_write_bandwidth;
}

}  // namespace

Task<> IolessThrottle::balance_dirty_pages(TaskStruct& task, AddressSpace& mapping) {
  BackingDevInfo& bdi = wb_of(*mapping.bdi, task.memcg);
  const bool background_first = context_.rules.background_start == BackgroundStart::kFirst;
  const Pages pages_dirtied = task.nr_dirtied;
  const Jiffies start = context_.now();
  bool exceeded = false;
  for (;;) {
    DirtyState state = dirty_state(context_, bdi, task);
    std::optional<DirtyState> memcg = memcg_dirty_state(context_, bdi, task);
    task.charge(context_.vfs.costs.balance_dirty);
    if (background_first && starts_background(bdi, task))
      co_await wake_flusher(bdi, task);
    if (in_freerun(state) && (!memcg || in_freerun(*memcg))) {
      leave_freerun(state, memcg ? &*memcg : nullptr, task);
      break;
    }
    if (!flusher_.writeback_in_progress(bdi))
      co_await wake_flusher(bdi, task);
    if (memcg)
      context_.cgroups->flush_foreign(bdi);
    exceeded = is_exceeded(state) || (memcg && is_exceeded(*memcg));
    if (exceeded || background_first)
      bdi.dirty_exceeded = exceeded;
    update_bandwidth(context_, bdi, state, memcg ? &*memcg : nullptr, start, task.name());
    const RateRule rule = context_.rules.rates;
    if (rule == RateRule::k310)
      renew(state, context_.domain, bdi);
    std::int64_t pos_ratio = position_ratio(rule, state);
    const std::int64_t of_memcg = memcg ? position_ratio(rule, *memcg) : pos_ratio;
    const bool by_memcg = of_memcg < pos_ratio;
    if (by_memcg) {
      state = *memcg;
      pos_ratio = of_memcg;
    }
    const Verdict v = verdict(bdi.rates, state.bdi_dirty, pos_ratio, pages_dirtied, think(task),
                              context_.vfs.ticks.hz());
    trace(bdi, state, v, task, pages_dirtied, start);
    if (!v.sleeps) {
      go_on_without_pause(v, task, pages_dirtied);
      break;
    }
    task.throttled_by = throttled_by(state, by_memcg);
    co_await sleep(v, bdi, task);
    task.throttled_by = ThrottledBy::kNobody;
    if (v.task_ratelimit > 0 || state.bdi_dirty <= stat_error_)
      break;
  }
  if (background_first)
    co_return;
  bdi.dirty_exceeded = bdi.dirty_exceeded && exceeded;
  if (starts_background(bdi, task))
    co_await wake_flusher(bdi, task);
}

// More than the background limit is dirty, and nobody writes. Not in laptop mode.
bool IolessThrottle::starts_background(const BackingDevInfo& bdi, const TaskStruct& task) const {
  return !context_.laptop && !flusher_.writeback_in_progress(bdi) &&
         context_.reclaimable() > context_.dirty_limits(&task).background;
}

// Whoever is woken here gets the processor when the writer goes to sleep or goes on with its
// pages, not before: nothing of the time of the writer's look must be left by then.
Task<> IolessThrottle::wake_flusher(BackingDevInfo& bdi, TaskStruct& task) {
  task.charge(context_.vfs.costs.wake_flusher);
  co_await context_.vfs.cpu.settle(task);
  flusher_.start_background_writeback(bdi);
}

void IolessThrottle::trace(const BackingDevInfo& bdi, const DirtyState& state, const Verdict& v,
                           const TaskStruct& task, Pages pages_dirtied, Jiffies start) const {
  const auto millis = [&](Jiffies j) { return j.count() * 1000 / context_.vfs.ticks.hz(); };
  const auto in_kib = [](std::int64_t pages) { return pages * (kPageSize / 1024); };
  BalanceDirtyPagesEvent event;
  event.time = context_.sim().now() - context_.origin;
  event.thread = task.name();
  event.bdi = bdi.id;
  event.limit = context_.domain.dirty_limit;
  event.setpoint = (event.limit + state.freerun()) / 2;
  event.dirty = state.dirty;
  event.bdi_setpoint = event.setpoint * state.bdi_thresh.count() / (state.thresh.count() + 1);
  event.bdi_dirty = state.bdi_dirty;
  event.dirty_ratelimit = in_kib(bdi.rates.dirty_ratelimit);
  event.task_ratelimit = in_kib(v.task_ratelimit);
  event.dirtied = pages_dirtied;
  event.dirtied_pause = task.nr_dirtied_pause;
  event.paused = millis(context_.now() - start);
  event.period = millis(v.period);
  event.think = millis(think(task));
  event.pause = millis(v.sleeps ? std::min(v.pause, v.max_pause) : std::min(v.pause, Jiffies(0)));
  context_.trace.on_balance_dirty_pages(event);
}

}  // namespace wbsim
