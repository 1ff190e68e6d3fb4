#include "models/block/tag_queue.hpp"

namespace wbsim {

WaitQueue& TagQueue::wait_ptr() {
  if (!queues_)
    queues_ = std::make_unique<Queues>();
  ++sleepers_;
  return (*queues_)[wait_index_++ % kQueues];
}

void TagQueue::wake_up() {
  if (++freed_ < wake_batch_)
    return;
  freed_ = 0;
  for (unsigned i = 0; i < kQueues; ++i) {  // the first with sleepers, from the one after the last
    WaitQueue& queue = (*queues_)[wake_index_];
    wake_index_ = (wake_index_ + 1) % kQueues;
    if (queue.empty())
      continue;
    for (int woken = 0; woken < wake_batch_ && !queue.empty(); ++woken)
      queue.wake_one();
    return;
  }
}

}  // namespace wbsim
