// Processes that were made ready in this instant, first in first out: a ring, so that a wake-up
// does not go through the heap.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace wbsim {

class Process;

class ReadyRing {
 public:
  struct Entry {
    Process* process = nullptr;
    std::uint64_t order = 0;  // its place among the events of the instant
  };

  bool empty() const { return head_ == tail_; }
  const Entry& front() const { return entries_[head_ & mask_]; }
  void push(Entry entry) {
    if (tail_ - head_ == entries_.size())
      grow();
    entries_[tail_++ & mask_] = entry;
  }
  void pop() { ++head_; }
  void clear() { head_ = tail_; }

 private:
  void grow() {
    std::vector<Entry> larger(entries_.size() * 2);
    for (std::size_t i = head_; i != tail_; ++i)
      larger[i - head_] = entries_[i & mask_];
    tail_ -= head_;
    head_ = 0;
    entries_ = std::move(larger);
    mask_ = entries_.size() - 1;
  }

  std::vector<Entry> entries_ = std::vector<Entry>(16);  // a power of two
  std::size_t mask_ = entries_.size() - 1;
  std::size_t head_ = 0;  // head and tail only grow; the mask brings them into the ring
  std::size_t tail_ = 0;
};

}  // namespace wbsim
