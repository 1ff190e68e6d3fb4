// A fixed number of tags, and those who wait for one. Tasks that wait are spread over eight queues
// in turn; as soon as a batch of tags has been freed, so many tasks of one queue are woken. Tags
// count as long as somebody waits or has been woken and not run yet.
// MODELS:   late 6.1 lib/sbitmap.c struct sbitmap_queue: sbitmap_queue_wake_up(),
//           sbq_calc_wake_batch(). The first releases of 6.1 counted for each queue.
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

  // Where the next sleeper waits, who asks for it: bt_wait_ptr(). When it was woken and runs, it
  // says so, and tries again.
  WaitQueue& wait_ptr();
  void finish_wait() {
    WB_ASSERT(sleepers_ > 0);
    --sleepers_;
  }

 private:
  static constexpr unsigned kQueues = 8;
  static constexpr int kMaxWakeBatch = 8;
  using Queues = std::array<WaitQueue, kQueues>;

  void wake_up();

  int depth_;
  int wake_batch_;
  int in_use_ = 0;
  int sleepers_ = 0;  // ws_active
  int freed_ = 0;     // of a batch
  unsigned wait_index_ = 0;
  unsigned wake_index_ = 0;
  std::unique_ptr<Queues> queues_;  // made for the first who sleeps
};

}  // namespace wbsim
