// What a kernel says of its dirty memory, where that is not what the page cache counts.
#pragma once

#include "models/mm/backing_dev_info.hpp"
#include "models/mm/dirty_limits.hpp"
#include "models/mm/vm_counters.hpp"

namespace wbsim {

class DirtyMemory {
 public:
  virtual ~DirtyMemory() = default;
  virtual VmCounters counters() const = 0;
  // At which background writing begins, and writers take part.
  virtual DirtyLimits limits() const = 0;
  // Brings the device's counters up to date.
  virtual void publish(BackingDevInfo& bdi) const = 0;
};

}  // namespace wbsim
