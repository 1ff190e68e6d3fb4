// Wait queues shared by many things, each with a key: who waits for one key sleeps on when another
// is woken, so that it does not matter which things share a queue.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "sim/wait_queue.hpp"

namespace wbsim {

template <std::size_t queues>
class KeyedWaits {
 public:
  WaitQueue::Awaiter wait(std::uint64_t key, const char* what, const char* file = __builtin_FILE(),
                          int line = __builtin_LINE()) {
    return queues_[key % queues].wait_key(key, what, file, line);
  }
  void wake_all(std::uint64_t key) { queues_[key % queues].wake_key(key); }

 private:
  std::array<WaitQueue, queues> queues_;
};

}  // namespace wbsim
