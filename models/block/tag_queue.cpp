#include "models/block/tag_queue.hpp"

#include <algorithm>

#include "sim/assert.hpp"

namespace wbsim {

TagQueue::TagQueue(int depth)
    : depth_(depth), wake_batch_(std::clamp(depth / static_cast<int>(kQueues), 1, kMaxWakeBatch)) {
  WB_ASSERT(depth >= 1);
  for (Queue& queue : queues_)
    queue.wait_cnt = wake_batch_;
}

void TagQueue::put() {
  WB_ASSERT(in_use_ > 0);
  --in_use_;
  if (sleepers_ == 0)
    return;
  for (unsigned i = 0; i < kQueues; ++i) {  // the first one with sleepers, from the last on
    const unsigned index = (wake_index_ + i) % kQueues;
    Queue& queue = queues_[index];
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
