// IO-less throttling: a writer never writes back; it sleeps so long that the rate at which it
// dirties pages fits the rate at which its device cleans them.
//
// MODELS:   mm/page-writeback.c balance_dirty_pages() and balance_dirty_pages_ratelimited() of 3.10
//           and 6.1.
// DEVIATES: no fatal signals, nor tasks that exit with pages uncounted (dirty_throttle_leaks).
#pragma once

#include <vector>

#include "models/sched/wheel_sleepers.hpp"
#include "models/writeback/dirty_domain.hpp"
#include "models/writeback/flusher.hpp"

namespace wbsim {

class IolessThrottle : public DirtyThrottle {
 public:
  IolessThrottle(WritebackContext& context, Flusher& flusher, int cpus);

  bool ratelimit(TaskStruct& task, const AddressSpace& mapping, Pages written) override;
  Pages until_due(const TaskStruct& task, const AddressSpace& mapping) const override;
  bool zones_are_dirty(const TaskStruct& task) const override;
  Task<> balance_dirty_pages(TaskStruct& task, AddressSpace& mapping) override;
  TimePoint first_throttle() const override { return first_throttle_; }

 private:
  static Pages ratelimit_of(const TaskStruct& task, const AddressSpace& mapping);
  bool in_freerun(const DirtyState& state) const;
  void leave_freerun(const DirtyState& state, const DirtyState* memcg, TaskStruct& task) const;
  Jiffies think(const TaskStruct& task) const;  // since its last pause ended
  void go_on_without_pause(const Verdict& verdict, TaskStruct& task, Pages pages_dirtied) const;
  Task<> sleep(const Verdict& verdict, BackingDevInfo& bdi, TaskStruct& task);
  bool starts_background(const BackingDevInfo& bdi, const TaskStruct& task) const;
  Task<> wake_flusher(BackingDevInfo& bdi, TaskStruct& task);
  void trace(const BackingDevInfo& bdi, const DirtyState& state, const Verdict& verdict,
             const TaskStruct& task, Pages pages_dirtied, Jiffies start) const;

  WritebackContext& context_;
  Flusher& flusher_;
  WheelSleepers sleepers_;
  std::vector<Pages> counters_;  // bdp_ratelimits: pages dirtied on each processor
  Pages ratelimit_pages_;
  Pages stat_error_;  // fewer pages than this of a device are not worth a pause
  TimePoint first_throttle_ = TimePoint::max();
};

}  // namespace wbsim
