// The buffer heads of a machine. Every page has a place of its own for a ring of one, two, four or
// eight of them, backed by memory once it was used: b_page follows from where a buffer lies.
#pragma once

#include <cstdint>
#include <span>

#include "models/fs/buffer_head.hpp"
#include "models/mm/page.hpp"
#include "sim/keyed_waits.hpp"
#include "sim/reserved_array.hpp"
#include "sim/units.hpp"

namespace wbsim {

class BufferPool {
 public:
  explicit BufferPool(Pages memory)
      : pages_(places_for(memory)), buffers_(pages_ * (1 + 2 + 4 + 8)) {}
  BufferHead& operator[](BufferId id) { return buffers_[id]; }
  BufferId id_of(const BufferHead& bh) const { return buffers_.index_of(bh); }
  // The place of the page's ring of `count`, a power of two; its content is what was left in it.
  std::span<BufferHead> ring(PageId page, std::size_t count) {
    return {&buffers_[count * page + start_of(count)], count};
  }
  PageId b_page(const BufferHead& bh) const {
    const auto count = static_cast<std::size_t>(bh.ring_size());
    return static_cast<PageId>((id_of(bh) - start_of(count)) / count);
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
  // As many as there are numbers of pages, and so that a ring lies in one cache line.
  static std::size_t places_for(Pages memory) {
    return (static_cast<std::size_t>(memory.count()) + 2 + 7) & ~std::size_t{7};
  }
  // Rings of one come first, then those of two, and so on.
  std::size_t start_of(std::size_t count) const { return pages_ * (count - 1); }

  std::size_t pages_;
  ReservedArray<BufferHead> buffers_;
  KeyedWaits<32> waits_;
};

}  // namespace wbsim
