#include "models/writeback/vm_writeout.hpp"

#include <algorithm>

namespace wbsim {

namespace {
constexpr int kMaxReclaimRetries = 16;  // MAX_RECLAIM_RETRIES
}  // namespace

bool VmWriteoutThrottle::must_wait(const TaskStruct* task) const {
  return context_.rules.throttles_vm_writeout &&
         (futile_.is_due() || too_much_under_writeback(task));
}

bool VmWriteoutThrottle::too_much_under_writeback(const TaskStruct* task) const {
  Pages limit = context_.dirty_limits(task).dirty;
  if (has_flex_shares(context_.rules.limits))
    limit = std::max(limit, context_.domain.dirty_limit);  // hard_dirty_limit()
  return context_.vfs.cache.counters().nr_writeback > limit + limit / 10;
}

Task<> VmWriteoutThrottle::try_to_free_pages(TaskStruct& task) {
  const TimePoint since = context_.sim().now();
  task.throttled_by = ThrottledBy::kVmWriteout;
  if (!must_wait(&task))
    co_await wait_for_clean_pages(task);
  else if (futile_.is_due())
    co_await futile_.try_to_free_pages(task);
  else
    co_await throttle_vm_writeout(task);
  task.throttled_by = ThrottledBy::kNobody;
  task.vm_writeout += context_.sim().now() - since;
  ++task.vm_writeout_calls;
}

Task<> VmWriteoutThrottle::throttle_vm_writeout(TaskStruct& task) {
  Vfs& vfs = context_.vfs;
  const std::int64_t before = vfs.cache.reclaimed();
  vfs.cache.reclaim_directly();
  task.charge(vfs.costs.reclaim_page * (vfs.cache.reclaimed() - before));
  while (too_much_under_writeback(&task))
    co_await context_.congestion_wait(task, context_.hz(10));
}

Task<> VmWriteoutThrottle::wait_for_clean_pages(TaskStruct& task) {
  Vfs& vfs = context_.vfs;
  int in_vain = 0;
  for (int round = 1; vfs.cache.is_full(); ++round) {
    const Pages kept = vfs.cache.kept_pages();
    in_vain = kept == Pages(0) ? in_vain + 1 : 0;
    if (in_vain > kMaxReclaimRetries)
      vfs.cache.fail_out_of_memory();
    if (in_vain > 0 || round % kMaxReclaimRetries == 0)
      vfs.cache.look_again();
    flusher_.wakeup_pdflush(kept);
    co_await context_.congestion_wait(task, context_.hz(10));
    const std::int64_t before = vfs.cache.reclaimed();
    vfs.cache.reclaim();
    task.charge(vfs.costs.reclaim_page * (vfs.cache.reclaimed() - before));
  }
}

}  // namespace wbsim
