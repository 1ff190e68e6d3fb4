// Throttles of the kernels in which a writer over the limit writes back itself.
//
// MODELS:   mm/page-writeback.c balance_dirty_pages() and balance_dirty_pages_ratelimited_nr() of
//           2.6.18, 2.6.24, 2.6.31, 2.6.32 and 2.6.39.
#pragma once

#include <vector>

#include "models/writeback/flusher.hpp"
#include "models/writeback/writeback_context.hpp"

namespace wbsim {

enum class ThrottleWait : std::uint8_t {
  kCongestion,  // up to 2.6.31: until some queue has room again, HZ/10 at most
  kPause,       // from 2.6.32 on: one tick, doubled each time, HZ/10 at most
};

class WriterThrottle : public DirtyThrottle {
 public:
  // `dirtied`: since boot, by each processor's writers.
  WriterThrottle(WritebackContext& context, Flusher& flusher, ThrottleWait wait, int cpus,
                 Pages dirtied = Pages(0));

  bool ratelimit(TaskStruct& task, const AddressSpace& mapping, Pages written) override;
  Pages until_due(const TaskStruct& task, const AddressSpace& mapping) const override;
  Task<> balance_dirty_pages(TaskStruct& task, AddressSpace& mapping) override;

  TimePoint first_throttle() const override { return first_throttle_; }

 private:
  // Who is made to pay, and for pages of which file.
  struct Payer {
    TaskStruct& task;
    AddressSpace& mapping;
    BackingDevInfo& bdi() const { return *mapping.bdi; }
  };
  struct Excess {
    Pages bdi_limit;
    bool over;
    bool freerun;  // 2.6.39: so little is dirty that nobody looks at the rest
  };
  Pages ratelimit_of(const AddressSpace& mapping) const;
  std::int64_t chunk_of(const TaskStruct& task) const;
  bool as_2618() const { return context_.rules.writer_loop == WriterLoopRule::k2618; }
  // The flag that makes writers look at the limits often.
  bool& dirty_exceeded(BackingDevInfo& bdi) const {
    return as_2618() ? context_.domain.dirty_exceeded : bdi.dirty_exceeded;
  }
  bool writer_writes(const BackingDevInfo& bdi, Pages bdi_limit) const;
  bool below_limit(const Payer& payer, bool over) const;
  ThrottledBy throttled_by(const Payer& payer) const;
  DirtyLimits limits_of(const Payer& payer) const {
    return context_.dirty_limits(&payer.task, &payer.mapping);
  }
  Excess excess(const Payer& payer) const;
  bool may_leave(const Payer& payer, bool wrote, std::int64_t written) const;
  Task<std::int64_t> write_back(BackingDevInfo& bdi, TaskStruct& task);
  Task<> wait(TaskStruct& task, Jiffies& pause);
  void start_background(const Payer& payer, std::int64_t written);

  WritebackContext& context_;
  Flusher& flusher_;
  ThrottleWait wait_;
  std::vector<Pages> counters_;  // pages since the last check, by processor
  TimePoint first_throttle_ = TimePoint::max();
};

}  // namespace wbsim
