// Who must free memory waits while too much of it is under write-back, or while what lies first
// cannot be freed. Called where pages are allocated, implemented in writeback/.
#pragma once

#include "models/mm/task_struct.hpp"
#include "sim/task.hpp"

namespace wbsim {

class ReclaimThrottle {
 public:
  virtual ~ReclaimThrottle() = default;
  virtual bool must_wait(const TaskStruct* task) const = 0;  // null: kswapd
  virtual Task<> try_to_free_pages(TaskStruct& task) = 0;    // until it need not wait
  virtual bool is_futile() const = 0;                        // what lies first cannot be freed
  virtual Task<> balance_pgdat(Thread& kswapd) = 0;          // past what cannot be freed
};

}  // namespace wbsim
