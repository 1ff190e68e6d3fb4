// What the block layer keeps per task: whether it may go on allocating from a full queue, and the
// plug on which its requests collect.
#pragma once

#include <string_view>

#include "sim/units.hpp"

namespace wbsim {

class BlkPlug;

struct IoContext {
  std::string_view thread;    // for the trace; must outlive the task's requests
  std::int64_t ino = -1;      // for the trace: of the inode it writes; -1: none yet
  TimePoint dirtied_when{};   // when that turned dirty
  int nr_batch_requests = 0;  // left of the batch
  Jiffies last_waited{};      // when the batch was granted
  BlkPlug* plug = nullptr;    // while the task has one
  int cpu = 0;                // it runs on
};

}  // namespace wbsim
