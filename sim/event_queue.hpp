// Pending events in the total order (time, band, sequence): a 4-ary heap with cancellable timers.
// A cancelled event leaves the heap at once; a position table says where it is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "sim/assert.hpp"
#include "sim/units.hpp"

namespace wbsim {

// Events of one instant run band by band: first what the machine does, then the processor hand-over
// that depends on it, last the samplers, which so see the instant complete.
enum class Band : std::uint8_t { kNormal, kDispatch, kSample };

// What an event does: a plain function with a context and one word of argument.
struct EventAction {
  void (*run)(void* context, std::uint64_t argument) = nullptr;
  void* context = nullptr;
  std::uint64_t argument = 0;
};

class EventQueue {
 public:
  // Names a pending event. Stays harmless after the event ran or was cancelled.
  struct Handle {
    std::uint32_t slot = 0;
    std::uint64_t generation = 0;
  };

  Handle push(TimePoint time, Band band, std::uint64_t sequence, const EventAction& action) {
    return insert(time.time_since_epoch().count(), order_of(band, sequence), action.run,
                  action.context, action.argument);
  }
  bool cancel(Handle handle);  // false when it already ran or was cancelled
  bool pending(Handle handle) const {
    return handle.slot < slots_.size() && slots_[handle.slot].generation == handle.generation &&
           is_live(handle.generation);
  }
  void clear();  // cancels everything

  bool empty() const { return size() == 0; }
  std::size_t size() const { return heap_.size() - (top_is_vacant_ ? 1 : 0); }
  struct Key {
    TimePoint time;
    std::uint64_t order;  // band in the top byte, sequence below
  };
  static std::uint64_t order_of(Band band, std::uint64_t sequence) {
    return (static_cast<std::uint64_t>(band) << 56) | sequence;
  }
  Key top_key();  // queue must not be empty
  EventAction pop();

 private:
  static constexpr std::size_t kArity = 4;
  // Above this the next event is out of the cache: finding it early, and fetching what it is about
  // while the present one runs, beats sifting once.
  static constexpr std::size_t kLarge = 2048;

  struct Entry {
    std::int64_t time;
    std::uint64_t order;
    std::uint64_t slot;  // as wide as the rest, so that a copy right after a store does not stall
  };
  // A slot is live while its generation is odd. 64 bits never wrap, so an old handle never matches.
  struct Slot {
    EventAction action;
    std::uint64_t generation = 0;
  };
  static bool is_live(std::uint64_t generation) { return (generation & 1) != 0; }
  static bool before(const Entry& a, const Entry& b) {
    return a.time != b.time ? a.time < b.time : a.order < b.order;
  }
  // Takes scalars, for they travel in registers.
  Handle insert(std::int64_t time, std::uint64_t order, void (*run)(void*, std::uint64_t),
                void* context, std::uint64_t argument);
  std::uint32_t take_slot();
  void release(std::uint64_t slot) {
    ++slots_[slot].generation;
    free_slots_.push_back(static_cast<std::uint32_t>(slot));
  }
  void place(std::size_t hole, const Entry& entry) {
    heap_[hole] = entry;
    position_[entry.slot] = static_cast<std::uint32_t>(hole);
  }
  void sift_up(std::size_t hole, std::int64_t time, std::uint64_t order, std::uint64_t slot);
  void sift_down(std::size_t hole, std::int64_t time, std::uint64_t order, std::uint64_t slot);
  void fill_vacant_top();

  std::vector<Entry> heap_;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> position_;  // of each live slot in the heap
  std::vector<std::uint32_t> free_slots_;
  // The event that was popped last leaves the top vacant: most events schedule another, which then
  // takes that place, and the heap is put in order once instead of twice.
  bool top_is_vacant_ = false;
};

inline std::uint32_t EventQueue::take_slot() {
  if (free_slots_.empty()) {
    slots_.emplace_back();
    position_.push_back(0);
    return static_cast<std::uint32_t>(slots_.size() - 1);
  }
  const std::uint32_t index = free_slots_.back();
  free_slots_.pop_back();
  return index;
}

inline EventQueue::Handle EventQueue::insert(std::int64_t time, std::uint64_t order,
                                             void (*run)(void*, std::uint64_t), void* context,
                                             std::uint64_t argument) {
  const std::uint32_t index = take_slot();
  Slot& slot = slots_[index];
  slot.action.run = run;
  slot.action.context = context;
  slot.action.argument = argument;
  const std::uint64_t generation = ++slot.generation;
  if (top_is_vacant_) {
    top_is_vacant_ = false;
    sift_down(0, time, order, index);
  } else {
    heap_.emplace_back();
    sift_up(heap_.size() - 1, time, order, index);
  }
  return {index, generation};
}

inline EventQueue::Key EventQueue::top_key() {
  WB_ASSERT(!empty());
  fill_vacant_top();
  return {TimePoint(Duration(heap_.front().time)), heap_.front().order};
}

inline EventAction EventQueue::pop() {
  WB_ASSERT(!empty());
  fill_vacant_top();
  const std::uint64_t slot = heap_.front().slot;
  release(slot);
  top_is_vacant_ = true;
  if (heap_.size() > kLarge) {
    fill_vacant_top();
    __builtin_prefetch(slots_[heap_.front().slot].action.context);
  }
  return slots_[slot].action;
}

inline void EventQueue::fill_vacant_top() {
  if (!top_is_vacant_)
    return;
  top_is_vacant_ = false;
  const Entry last = heap_.back();
  heap_.pop_back();
  if (!heap_.empty())
    sift_down(0, last.time, last.order, last.slot);
}

inline void EventQueue::sift_up(std::size_t hole, std::int64_t time, std::uint64_t order,
                                std::uint64_t slot) {
  const Entry entry{time, order, slot};
  while (hole > 0) {
    const std::size_t parent = (hole - 1) / kArity;
    if (!before(entry, heap_[parent]))
      break;
    place(hole, heap_[parent]);
    hole = parent;
  }
  place(hole, entry);
}

}  // namespace wbsim
