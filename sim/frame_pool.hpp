// Recycles coroutine frames by size, so that calling a Task allocates nothing in the steady state.
//
// One pool per thread: it holds free memory only, nothing of any run, so runs in parallel threads
// need no lock and a frame may even be released by another thread than the one that took it.
#pragma once

#include <cstddef>
#include <new>

// Address sanitizers must see each frame come and go.
#if defined(__SANITIZE_ADDRESS__)
#define WBSIM_RECYCLE_FRAMES 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WBSIM_RECYCLE_FRAMES 0
#endif
#endif
#ifndef WBSIM_RECYCLE_FRAMES
#define WBSIM_RECYCLE_FRAMES 1
#endif

namespace wbsim::detail {

class FramePool {
 public:
  FramePool() = default;
  FramePool(const FramePool&) = delete;
  FramePool& operator=(const FramePool&) = delete;
  ~FramePool() {
    for (Free* list : lists_) {
      while (list) {
        Free* const next = list->next;
        ::operator delete(list);
        list = next;
      }
    }
  }

  static FramePool& of_this_thread() {
    thread_local FramePool pool;
    return pool;
  }

  void* take(std::size_t bytes) {
    const std::size_t size_class = (bytes - 1) / kStep;
    if (size_class >= kClasses)
      return ::operator new(bytes);
    Free* const frame = lists_[size_class];
    if (!frame)
      return ::operator new((size_class + 1) * kStep);
    lists_[size_class] = frame->next;
    return frame;
  }

  void give_back(void* memory, std::size_t bytes) noexcept {
    const std::size_t size_class = (bytes - 1) / kStep;
    if (size_class >= kClasses) {
      ::operator delete(memory);
      return;
    }
    lists_[size_class] = ::new (memory) Free{lists_[size_class]};
  }

 private:
  static constexpr std::size_t kStep = 64;
  static constexpr std::size_t kClasses = 32;  // frames of up to 2 KiB are recycled
  struct Free {
    Free* next;
  };
  Free* lists_[kClasses] = {};
};

// Base of a promise whose coroutine frame comes from the pool.
struct PooledFrame {
#if WBSIM_RECYCLE_FRAMES
  static void* operator new(std::size_t bytes) {
    return FramePool::of_this_thread().take(bytes);
  }
  static void operator delete(void* memory, std::size_t bytes) noexcept {
    FramePool::of_this_thread().give_back(memory, bytes);
  }
#endif
};

}  // namespace wbsim::detail
