#include "sim/event_queue.hpp"

#include <algorithm>

namespace wbsim {

bool EventQueue::cancel(Handle handle) {
  if (!pending(handle))
    return false;
  fill_vacant_top();
  release(handle.slot);
  const std::size_t hole = position_[handle.slot];
  const Entry last = heap_.back();
  heap_.pop_back();
  if (hole == heap_.size())
    return true;
  if (hole > 0 && before(last, heap_[(hole - 1) / kArity]))
    sift_up(hole, last.time, last.order, last.slot);
  else
    sift_down(hole, last.time, last.order, last.slot);
  return true;
}

void EventQueue::clear() {
  fill_vacant_top();
  for (const Entry& entry : heap_)
    release(entry.slot);
  heap_.clear();
}

void EventQueue::sift_down(std::size_t hole, std::int64_t time, std::uint64_t order,
                           std::uint64_t slot) {
  const Entry entry{time, order, slot};
  const std::size_t size = heap_.size();
  for (;;) {
    const std::size_t first = hole * kArity + 1;
    if (first >= size)
      break;
    std::size_t least = first;
    const std::size_t end = std::min(first + kArity, size);
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

}  // namespace wbsim
