#include "models/block/tag_queue.hpp"

namespace wbsim {

WaitQueue& TagQueue::wait_ptr() {
  if (!queues_) {
    queues_ = std::make_unique<Queues>();
    for (Queue& queue : *queues_)
      queue.wait_cnt = wake_batch_;
  }
  ++sleepers_;
  return (*queues_)[wait_index_++ % kQueues].waiters;
}

void TagQueue::wake_up() {
  for (unsigned i = 0; i < kQueues; ++i) {  // the first one with sleepers, from the last on
    const unsigned index = (wake_index_ + i) % kQueues;
    Queue& queue = (*queues_)[index];
    if (queue.waiters.empty())
      continue;
    wake_index_ = index;
    if (--queue.wait_cnt > 0)
      return;
    queue.wait_cnt = wake_batch_;
    wake_index_ = (index + 1) % kQueues;
    for (int woken = 0; woken < wake_batch_ && !queue.waiters.empty(); ++woken) {
      queue.waiters.wake_one();
      --sleepers_;
    }
    return;
  }
}

}  // namespace wbsim
