// What the block layer keeps per task: whether it may go on allocating from a full queue.
#pragma once

#include <string_view>

#include "sim/units.hpp"

namespace wbsim {

struct IoContext {
  std::string_view thread;    // for the trace; must outlive the task's requests
  int nr_batch_requests = 0;  // left of the batch
  Jiffies last_waited{};      // when the batch was granted
};

}  // namespace wbsim
