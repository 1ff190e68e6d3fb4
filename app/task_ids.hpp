// The comm and the pid that a trace shows for a simulated thread: the kernel's names, and the same
// numbers in every run.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "models/scenario.hpp"

namespace wbsim {

struct TaskId {
  std::string comm;
  int pid = 0;
};

class TaskIds {
 public:
  explicit TaskIds(const Scenario& scenario);

  // Writers are 2001, 2002, ... in the order of the scenario; "pdflush-100" is pdflush with pid
  // 100; "flush-d0" is flush-8:0, or from 3.10 on the kworker that does a device's write-back;
  // others are numbered as they first appear.
  const TaskId& of(std::string_view thread);
  const TaskId& of_writer(int writer) const { return writers_[static_cast<std::size_t>(writer)]; }

  // Devices are 8:0, 8:16, ... as sd is: the minor leaves room for 15 partitions.
  static constexpr int kMajor = 8;
  static int minor(int device) { return device * 16; }

 private:
  TaskId kernel_thread(std::string_view thread);

  std::vector<std::string> devices_;
  std::vector<TaskId> writers_;
  std::map<std::string, TaskId, std::less<>> ids_;
  bool kworkers_;
  int next_pid_;
  int cgroup_workers_ = 0;
};

}  // namespace wbsim
