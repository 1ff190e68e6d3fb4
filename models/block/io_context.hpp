// What the block layer keeps per task: whether it may go on allocating from a full queue, and the
// plug on which its requests collect.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "models/scenario.hpp"
#include "sim/units.hpp"

namespace wbsim {

class BlkPlug;
class Thread;

// ioprio: a class and a level of it, 0 to 7.
class IoPriority {
 public:
  static constexpr std::size_t kCount = 24;

  constexpr IoPriority(PriorityClass cls = PriorityClass::kBestEffort, int level = 4)
      : value_(static_cast<std::uint8_t>(static_cast<int>(cls) << kClassShift | level)) {}
  constexpr PriorityClass cls() const { return PriorityClass(value_ >> kClassShift); }
  constexpr int level() const { return value_ & ((1 << kClassShift) - 1); }
  constexpr std::size_t index() const { return value_; }  // below kCount
  constexpr bool operator==(const IoPriority&) const = default;

 private:
  static constexpr int kClassShift = 3;
  std::uint8_t value_;
};

struct IoContext {
  std::string_view thread;    // for the trace; must outlive the task's requests
  std::int64_t ino = -1;      // for the trace: of the inode it writes; -1: none yet
  TimePoint dirtied_when{};   // when that turned dirty
  int nr_batch_requests = 0;  // left of the batch
  Jiffies last_waited{};      // when the batch was granted
  BlkPlug* plug = nullptr;    // while the task has one
  Thread* task = nullptr;     // that pays for a processor when a wait for a request ends
  int cpu = 0;                // it runs on
  IoPriority ioprio{};
};

}  // namespace wbsim
