// The floor under the event queue: a 4-ary heap in a plain vector with a position table, and no
// simulator around it. The engine is measured against it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace wbsim::bench {

class BareHeap {
 public:
  struct Entry {
    std::int64_t time;
    std::uint64_t sequence;
    std::uint32_t id;
  };

  explicit BareHeap(std::size_t ids) : position_(ids) { heap_.reserve(ids); }

  void push(std::uint32_t id, std::int64_t time) {
    heap_.push_back({});
    sift_up(heap_.size() - 1, {time, ++sequence_, id});
  }
  Entry pop() {
    const Entry top = heap_.front();
    const Entry last = heap_.back();
    heap_.pop_back();
    if (!heap_.empty())
      sift_down(0, last);
    return top;
  }
  void cancel(std::uint32_t id) {
    const std::size_t hole = position_[id];
    const Entry last = heap_.back();
    heap_.pop_back();
    if (hole == heap_.size())
      return;
    if (hole > 0 && before(last, heap_[(hole - 1) / 4]))
      sift_up(hole, last);
    else
      sift_down(hole, last);
  }

 private:
  static bool before(const Entry& a, const Entry& b) {
    return a.time != b.time ? a.time < b.time : a.sequence < b.sequence;
  }
  void place(std::size_t hole, const Entry& entry) {
    heap_[hole] = entry;
    position_[entry.id] = static_cast<std::uint32_t>(hole);
  }
  void sift_up(std::size_t hole, const Entry entry) {
    for (; hole > 0 && before(entry, heap_[(hole - 1) / 4]); hole = (hole - 1) / 4)
      place(hole, heap_[(hole - 1) / 4]);
    place(hole, entry);
  }
  void sift_down(std::size_t hole, const Entry entry) {
    for (std::size_t first = 4 * hole + 1; first < heap_.size(); first = 4 * hole + 1) {
      std::size_t least = first;
      const std::size_t end = std::min(first + 4, heap_.size());
      for (std::size_t child = first + 1; child < end; ++child)
        if (before(heap_[child], heap_[least]))
          least = child;
      if (!before(heap_[least], entry))
        break;
      place(hole, heap_[least]);
      hole = least;
    }
    place(hole, entry);
  }

  std::vector<Entry> heap_;
  std::vector<std::uint32_t> position_;
  std::uint64_t sequence_ = 0;
};

// How long until the next event of a HOLD model: the same cheap numbers for floor and simulator.
class Increments {
 public:
  std::int64_t next() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return static_cast<std::int64_t>(state_ & 0xfffff) + 1;
  }

 private:
  std::uint64_t state_ = 0x9e3779b97f4a7c15;
};

}  // namespace wbsim::bench
