// The buffer heads of a machine: rings of one to eight, whose members lie one after the other.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "models/fs/buffer_head.hpp"
#include "sim/assert.hpp"
#include "sim/keyed_waits.hpp"
#include "sim/reserved_array.hpp"
#include "sim/units.hpp"

namespace wbsim {

class BufferPool {
 public:
  // A freed ring serves pages of the same number of buffers only: room for all pages of each kind.
  explicit BufferPool(Pages memory)
      : buffers_(static_cast<std::size_t>(memory.count()) * (1 + 2 + 4 + 8) + 2 * kMostOfAPage) {}
  BufferHead& operator[](BufferId id) { return buffers_[id]; }
  BufferId id_of(const BufferHead& bh) const {
    return static_cast<BufferId>(buffers_.index_of(bh));
  }
  // Of `count` buffers, a power of two; their content is what was left in them.
  BufferId allocate_ring(int count) {
    BufferId& free_list = free_list_of(count);
    const BufferId first = free_list;
    if (first == 0)
      return unused_ring(static_cast<BufferId>(count));
    free_list = buffers_[first].b_page;
    return first;
  }
  void free_ring(BufferId first, int count) {
    BufferId& free_list = free_list_of(count);
    buffers_[first].b_page = free_list;
    free_list = first;
  }
  // For BH_Lock: co_await it at once, then look again.
  WaitQueue::Awaiter wait_on(BufferHead& bh, const char* what, const char* file = __builtin_FILE(),
                             int line = __builtin_LINE()) {
    bh.set(BH_Waiters);
    return waits_.wait(id_of(bh), what, file, line);
  }
  void wake(BufferHead& bh) {
    if (!bh.test(BH_Waiters))
      return;
    bh.clear(BH_Waiters);
    waits_.wake_all(id_of(bh));
  }

 private:
  static constexpr std::size_t kMostOfAPage = 8;

  BufferId& free_list_of(int count) {
    return free_lists_[static_cast<std::size_t>(std::countr_zero(static_cast<unsigned>(count)))];
  }
  // At a multiple of its length, so that up to four lie in one cache line.
  BufferId unused_ring(BufferId count) {
    const BufferId first = (next_unused_ + count - 1) & ~(count - 1);
    next_unused_ = first + count;
    WB_ASSERT(next_unused_ <= buffers_.capacity());
    return first;
  }

  ReservedArray<BufferHead> buffers_;
  BufferId next_unused_ = kMostOfAPage;
  std::array<BufferId, 4> free_lists_{};  // by the logarithm of their length
  KeyedWaits<32> waits_;
};

}  // namespace wbsim
