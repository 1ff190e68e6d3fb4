#include "models/writeback/writer_throttle.hpp"

#include <algorithm>

namespace wbsim {

WriterThrottle::WriterThrottle(WritebackContext& context, Flusher& flusher, ThrottleWait wait,
                               int cpus, Pages dirtied)
    : context_(context),
      flusher_(flusher),
      wait_(wait),
      counters_(static_cast<std::size_t>(cpus),
                Pages(dirtied.count() % context.ratelimit_pages.count())) {}

Pages WriterThrottle::ratelimit_of(const AddressSpace& mapping) const {
  return dirty_exceeded(*mapping.bdi) ? kRatelimitWhenExceeded : context_.ratelimit_pages;
}

Pages WriterThrottle::until_due(const TaskStruct& task, const AddressSpace& mapping) const {
  return ratelimit_of(mapping) - counters_[static_cast<std::size_t>(task.processor())] - Pages(1);
}

// The counter belongs to the processor, not to the task: whoever trips it pays.
bool WriterThrottle::ratelimit(TaskStruct& task, const AddressSpace& mapping, Pages written) {
  Pages& counter = counters_[static_cast<std::size_t>(task.processor())];
  counter += written;
  if (counter < ratelimit_of(mapping))
    return false;
  if (wait_ == ThrottleWait::kPause)
    task.write_chunk = writeback_chunk(context_.ratelimit_pages, counter);
  counter = Pages(0);
  return true;
}

std::int64_t WriterThrottle::chunk_of(const TaskStruct& task) const {
  return std::max(task.write_chunk, writeback_chunk(context_.ratelimit_pages)).count();
}

WriterThrottle::Excess WriterThrottle::excess(const Payer& payer) const {
  BackingDevInfo& bdi = payer.bdi();
  const DirtyLimits limits = limits_of(payer);
  const Pages bdi_limit = context_.bdi_dirty_limit(bdi, limits.dirty, &payer.task);
  const bool bdi_over = bdi.unclean() > bdi_limit;
  const VmCounters& vm = context_.vfs.cache.counters();
  const Pages all = vm.nr_file_dirty + vm.nr_writeback;
  const Pages midpoint = (limits.background + limits.dirty) / 2;
  if (as_2618())
    return {limits.dirty, all > limits.dirty, false};
  if (context_.rules.writer_loop == WriterLoopRule::k2639)
    return {bdi_limit, bdi_over || all > limits.dirty, all <= midpoint};
  return {bdi_limit, bdi_over && all >= midpoint, false};
}

ThrottledBy WriterThrottle::throttled_by(const Payer& payer) const {
  BackingDevInfo& bdi = payer.bdi();
  const DirtyLimits limits = limits_of(payer);
  const VmCounters& vm = context_.vfs.cache.counters();
  if (vm.nr_file_dirty + vm.nr_writeback > limits.dirty)
    return ThrottledBy::kGlobalLimit;
  const Pages share = context_.bdi_dirty_limit(bdi, limits.dirty, nullptr);
  return bdi.unclean() > share ? ThrottledBy::kBdiShare : ThrottledBy::kTaskShare;
}

Task<std::int64_t> WriterThrottle::write_back(BackingDevInfo& bdi, TaskStruct& task) {
  const TimePoint since = context_.sim().now();
  WritebackControl wbc;
  wbc.bdi = &bdi;
  wbc.range_cyclic = true;
  const std::int64_t chunk = chunk_of(task);
  wbc.nr_to_write = chunk;
  wbc.reason = WriteReason::kBalanceDirty;
  co_await flusher_.writeback_inodes(wbc, task);
  const std::int64_t written = chunk - wbc.nr_to_write;
  context_.trace_work(since, task.name(), wbc.reason, written);
  co_return written;
}

Task<> WriterThrottle::wait(TaskStruct& task, Jiffies& pause) {
  const Jiffies most = context_.hz(10);
  if (wait_ == ThrottleWait::kCongestion) {
    co_await context_.congestion_wait(task, most);
    co_return;
  }
  co_await context_.vfs.cpu.settle(task);
  co_await context_.sim().delay(context_.timeout(pause), "balance_dirty_pages pause");
  co_await context_.vfs.cpu.woken(task);
  pause = std::min(pause * 2, most);
}

bool WriterThrottle::writer_writes(const BackingDevInfo& bdi, Pages bdi_limit) const {
  switch (context_.rules.writer_writes) {
    case WriterWritesRule::kAnyDirty:
      return context_.reclaimable() > Pages(0);
    case WriterWritesRule::kAnyReclaimable:
      return bdi.reclaimable.read() > Pages(0);
    case WriterWritesRule::kReclaimableOver:
      break;
  }
  return bdi.reclaimable.read() > bdi_limit;
}

// Whether writers need not look at the limits often any more; `over` as it was seen last.
bool WriterThrottle::below_limit(const Payer& payer, bool over) const {
  const BackingDevInfo& bdi = payer.bdi();
  switch (context_.rules.writer_loop) {
    case WriterLoopRule::k2618:
      return !excess(payer).over;
    case WriterLoopRule::k2639:
      return !over;
    case WriterLoopRule::k2632:
      break;
  }
  return bdi.unclean() < excess(payer).bdi_limit;
}

// Whether the writer goes on without a pause; `wrote` back this time, and `written` so far.
bool WriterThrottle::may_leave(const Payer& payer, bool wrote, std::int64_t written) const {
  const BackingDevInfo& bdi = payer.bdi();
  const bool paid = written >= chunk_of(payer.task);
  if (context_.rules.writer_loop == WriterLoopRule::k2639)
    return wrote && paid;
  if (as_2618())
    return wrote && (paid || !excess(payer).over);
  return paid || bdi.unclean() <= excess(payer).bdi_limit;
}

Task<> WriterThrottle::balance_dirty_pages(TaskStruct& task, AddressSpace& mapping) {
  BackingDevInfo& bdi = *mapping.bdi;
  const Payer payer{task, mapping};
  const TimePoint since = context_.sim().now();
  std::int64_t written = 0;
  Jiffies pause{1};
  bool paid = false;
  bool over = false;
  for (;;) {
    Excess now = excess(payer);
    if (now.freerun)
      break;
    over = now.over;
    if (!over)
      break;
    dirty_exceeded(bdi) = true;
    first_throttle_ = std::min(first_throttle_, since);
    paid = true;
    task.throttled_by = throttled_by(payer);
    const bool writes = writer_writes(bdi, now.bdi_limit);
    if (writes)
      written += co_await write_back(bdi, task);
    if (may_leave(payer, writes, written))
      break;
    co_await wait(task, pause);
  }
  task.throttled_by = ThrottledBy::kNobody;
  if (below_limit(payer, over))
    dirty_exceeded(bdi) = false;
  if (paid) {
    task.throttled += context_.sim().now() - since;
    ++task.throttle_calls;
  }
  start_background(payer, written);
}

void WriterThrottle::start_background(const Payer& payer, std::int64_t written) {
  if (flusher_.writeback_in_progress(payer.bdi()))
    return;
  if (context_.laptop ? written > 0 : context_.reclaimable() > limits_of(payer).background)
    flusher_.start_background_writeback(payer.bdi());
}

}  // namespace wbsim
