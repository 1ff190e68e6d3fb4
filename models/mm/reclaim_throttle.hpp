// Who must free memory waits while too much of it is under write-back. Called where pages are
// allocated, implemented in writeback/. The task is null where it is kswapd.
#pragma once

#include "models/mm/task_struct.hpp"
#include "sim/task.hpp"

namespace wbsim {

class ReclaimThrottle {
 public:
  virtual ~ReclaimThrottle() = default;
  virtual bool must_wait(const TaskStruct* task) const = 0;
  virtual Task<> throttle_vm_writeout(TaskStruct& task) = 0;  // until it need not wait
};

}  // namespace wbsim
