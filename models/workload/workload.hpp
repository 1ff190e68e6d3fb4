// A simulated process, as the machine and the sampler see it.
#pragma once

#include "models/mm/task_struct.hpp"
#include "models/summary.hpp"
#include "sim/task.hpp"

namespace wbsim {

class Workload {
 public:
  virtual ~Workload() = default;
  virtual Task<> run() = 0;
  virtual const TaskStruct& task() const = 0;
  virtual bool finished() const = 0;
  virtual Duration ended_at() const = 0;  // since the start of the jobs
  virtual WriterSummary summary() const = 0;
};

}  // namespace wbsim
