#include "models/writeback/vm_writeout.hpp"

#include <algorithm>

namespace wbsim {

bool VmWriteoutThrottle::must_wait(const TaskStruct* task) const {
  return futile_.is_due() || too_much_under_writeback(task);
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
  if (futile_.is_due())
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

}  // namespace wbsim
