// Who pays for dirty memory, and how long. Called by the write path, implemented in writeback/.
#pragma once

#include "models/mm/task_struct.hpp"
#include "sim/task.hpp"
#include "sim/units.hpp"

namespace wbsim {

class AddressSpace;

class DirtyThrottle {
 public:
  virtual ~DirtyThrottle() = default;
  // balance_dirty_pages_ratelimited_nr(), its first half: counts pages written into the mapping;
  // true when balance_dirty_pages() is due.
  virtual bool ratelimit(TaskStruct& task, const AddressSpace& mapping, Pages written) = 0;
  // So many pages can be counted, one by one or together, before it is due; 0: unknown.
  virtual Pages until_due(const TaskStruct&, const AddressSpace&) const { return Pages(0); }
  // zone_dirty_ok() of 3.3 and later, of memory as one zone: it holds more dirty pages than the
  // limit. A page to be written is then looked for in all zones in vain, and a second time without
  // regard to what is dirty: __alloc_pages_slowpath().
  virtual bool zones_are_dirty(const TaskStruct&) const { return false; }
  // Of what it makes the task pay it tells throttled, throttle_calls and, meanwhile, throttled_by:
  // the report and `wbsim why` have them from there.
  virtual Task<> balance_dirty_pages(TaskStruct& task, AddressSpace& mapping) = 0;
  // When a task was first made to pay; TimePoint::max(): never.
  virtual TimePoint first_throttle() const { return TimePoint::max(); }
};

}  // namespace wbsim
