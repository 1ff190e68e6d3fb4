// Finds a task's queue among those of very many: by the address of its io_context, which decides
// nothing but where it is looked for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "models/block/io_context.hpp"

namespace wbsim {

// Of objects that have an `owner`, and stay where they are.
template <class Queue>
class TaskTable {
 public:
  Queue* find(const IoContext* owner) const { return slots_[slot_of(owner)]; }
  void insert(Queue& queue) {
    if (2 * ++size_ > slots_.size())
      grow();
    slots_[slot_of(queue.owner)] = &queue;
  }

 private:
  // Where it is, or else the vacant slot it belongs into.
  std::size_t slot_of(const IoContext* owner) const {
    constexpr std::uint64_t kGoldenRatio = 0x9e3779b97f4a7c15;
    const std::uint64_t hash = reinterpret_cast<std::uintptr_t>(owner) * kGoldenRatio;
    std::size_t slot = (hash >> 32) & (slots_.size() - 1);
    while (slots_[slot] && slots_[slot]->owner != owner)
      slot = (slot + 1) & (slots_.size() - 1);
    return slot;
  }
  void grow() {
    std::vector<Queue*> old(2 * slots_.size());
    old.swap(slots_);
    for (Queue* queue : old)
      if (queue)
        slots_[slot_of(queue->owner)] = queue;
  }

  std::vector<Queue*> slots_ = std::vector<Queue*>(8);
  std::size_t size_ = 0;
};

}  // namespace wbsim
