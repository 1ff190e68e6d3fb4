// The task queue of 2.4 that starts the disks: a queue that was plugged waits here until somebody
// who is about to wait, a daemon or sync runs it. It has no timer.
//
// MODELS:   include/linux/tqueue.h tq_disk, run_task_queue(&tq_disk) of 2.4.
#pragma once

#include <vector>

namespace wbsim {

class TaskQueueDisk {
 public:
  using Unplug = void (*)(void* queue);

  void queue_task(Unplug unplug, void* queue) { tasks_.push_back({unplug, queue}); }
  bool empty() const { return tasks_.empty(); }
  // run_task_queue(): each once, in the order in which they were plugged.
  void run() {
    if (tasks_.empty())
      return;
    running_.swap(tasks_);
    for (const Task& task : running_)
      task.unplug(task.queue);
    running_.clear();
  }

 private:
  struct Task {
    Unplug unplug;
    void* queue;
  };
  std::vector<Task> tasks_, running_;
};

}  // namespace wbsim
