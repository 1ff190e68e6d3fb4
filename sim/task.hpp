// Task<T>: the coroutine of a simulated thread and of everything it calls.
//
// Lazy: only spawn() or co_await starts it. There is no symmetric transfer (g++ 12 overflows the
// stack with it): co_await runs the child inline, and a child that suspended hands its parent back
// to the process's run loop when it ends.
#pragma once

#include <coroutine>
#include <exception>
#include <utility>

#include "sim/frame_pool.hpp"

namespace wbsim {

class Process;

namespace detail {

struct PromiseBase : PooledFrame {
  Process* process = nullptr;
  std::coroutine_handle<> parent;  // set only while the parent is suspended on this task
  std::exception_ptr error;

  struct FinalAwaiter {
    bool await_ready() noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> self) noexcept {
      self.promise().finish();
    }
    void await_resume() noexcept {}
  };
  std::suspend_always initial_suspend() noexcept { return {}; }
  FinalAwaiter final_suspend() noexcept { return {}; }
  void unhandled_exception() { error = std::current_exception(); }
  void finish() noexcept;  // defined in process.hpp
};

template <class T>
struct Promise : PromiseBase {
  T value{};
  void return_value(T v) { value = std::move(v); }
  T take() { return std::move(value); }
};

template <>
struct Promise<void> : PromiseBase {
  void return_void() {}
  void take() {}
};

}  // namespace detail

template <class T = void>
class [[nodiscard]] Task {
 public:
  struct promise_type : detail::Promise<T> {
    Task get_return_object() {
      return Task(std::coroutine_handle<promise_type>::from_promise(*this));
    }
  };

  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  Task& operator=(Task&&) = delete;
  ~Task() { destroy(); }

  bool await_ready() const noexcept { return false; }
  template <class ParentPromise>
  bool await_suspend(std::coroutine_handle<ParentPromise> parent) {
    auto& promise = handle_.promise();
    promise.process = parent.promise().process;
    handle_.resume();
    if (handle_.done())
      return false;
    promise.parent = parent;
    return true;
  }
  T await_resume() {
    if (handle_.promise().error)
      std::rethrow_exception(handle_.promise().error);
    return handle_.promise().take();
  }

 private:
  friend class Process;
  explicit Task(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  void destroy() {
    if (handle_)
      std::exchange(handle_, {}).destroy();
  }

  std::coroutine_handle<promise_type> handle_;
};

}  // namespace wbsim
