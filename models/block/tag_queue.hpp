// A fixed number of tags, and those who wait for one. Tasks that wait are spread over eight queues
// in turn; a queue is woken as a batch, once so many tags have been freed for it.
// MODELS:   6.1 lib/sbitmap.c struct sbitmap_queue: __sbq_wake_up(), sbq_calc_wake_batch()
// DEVIATES: a tag is a count, not a bit: which one a request gets decides nothing here. So a
//           shallow limit is one on all tags in use, not on those of a word.
#pragma once

#include <algorithm>
#include <array>
#include <memory>

#include "sim/assert.hpp"
#include "sim/wait_queue.hpp"

namespace wbsim {

class TagQueue {
 public:
  explicit TagQueue(int depth)
      : depth_(depth),
        wake_batch_(std::clamp(depth / static_cast<int>(kQueues), 1, kMaxWakeBatch)) {
    WB_ASSERT(depth >= 1);
  }

  // Of the first `shallow` ones, for those that may not have all.
  bool try_get(int shallow) {
    if (!available(shallow))
      return false;
    ++in_use_;
    return true;
  }
  bool try_get() { return try_get(depth_); }
  void put() {
    WB_ASSERT(in_use_ > 0);
    --in_use_;
    if (sleepers_ > 0)
      wake_up();
  }
  bool available(int shallow) const { return in_use_ < std::min(shallow, depth_); }
  int depth() const { return depth_; }
  int in_use() const { return in_use_; }
  int wake_batch() const { return wake_batch_; }

  // Where the next sleeper waits, who asks for it: bt_wait_ptr(). It tries again when it was woken.
  WaitQueue& wait_ptr();

 private:
  static constexpr unsigned kQueues = 8;
  static constexpr int kMaxWakeBatch = 8;
  struct Queue {
    WaitQueue waiters;
    int wait_cnt = 0;  // frees until it is woken
  };
  using Queues = std::array<Queue, kQueues>;

  void wake_up();

  int depth_;
  int wake_batch_;
  int in_use_ = 0;
  int sleepers_ = 0;  // ws_active
  unsigned wait_index_ = 0;
  unsigned wake_index_ = 0;
  std::unique_ptr<Queues> queues_;  // made for the first who sleeps
};

}  // namespace wbsim
