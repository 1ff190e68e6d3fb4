// A simulated task: what the kernel's subsystems keep per thread.
#pragma once

#include "models/block/io_context.hpp"
#include "models/mm/proportions.hpp"
#include "models/sched/processors.hpp"
#include "models/trace.hpp"
#include "sim/units.hpp"

namespace wbsim {

struct Memcg;

enum class TaskRole : std::uint8_t { kUser, kPdflush, kFlusher };

struct TaskStruct : Thread {
  explicit TaskStruct(std::string task_name, TaskRole task_role = TaskRole::kUser)
      : Thread(std::move(task_name)), role(task_role) {
    io_context.thread = name();
    io_context.task = this;
  }
  TaskRole role;
  IoContext io_context;
  Memcg* memcg = nullptr;           // null: in the root's
  PropLocal dirties;                // its share of page dirtyings
  Pages write_chunk{};              // it must write back when it is throttled; 0: the least
  Pages nr_dirtied{};               // since its last pause
  Pages nr_dirtied_pause{32};       // so many until the next look at the limits
  Pages dirtied_uncounted{};        // not yet in the processor's count
  Jiffies dirty_paused_when{};      // start of its think time; 0: never
  ThrottledBy throttled_by{};       // while it is in one of the next two
  Duration throttled{};             // spent in balance_dirty_pages()
  std::int64_t throttle_calls = 0;  // calls of it that wrote back or slept
  Duration vm_writeout{};           // spent in try_to_free_pages()
  std::int64_t vm_writeout_calls = 0;
};

}  // namespace wbsim
