// The schedulable part of a simulated thread: struct sched_entity.
#pragma once

#include <boost/intrusive/set.hpp>
#include <cstdint>
#include <string>

#include "models/scenario.hpp"
#include "sim/simulator.hpp"
#include "sim/units.hpp"

namespace wbsim {

class Thread : public boost::intrusive::set_base_hook<
                   boost::intrusive::link_mode<boost::intrusive::normal_link>> {
 public:
  explicit Thread(std::string name) : name_(std::move(name)) {}
  Thread(const Thread&) = delete;

  const std::string& name() const { return name_; }
  void charge(Duration cost) { debt_ += cost; }
  Duration debt() const { return debt_; }
  int processor() const { return processor_; }  // it last ran on

  // sched_prio_to_weight[], of nice levels.
  static constexpr std::int64_t kNice0Load = 1024, kNiceMinus20Load = 88761;
  void set_load(std::int64_t weight) { load_ = weight; }

  void set_policy(SchedPolicy policy) { policy_ = policy; }
  bool rt_task() const { return policy_ == SchedPolicy::kFifo; }

  // The time it has had of the processors, for work that any of several threads may do.
  Duration vruntime() const { return vruntime_; }
  void set_vruntime(Duration had) { vruntime_ = had; }

 private:
  friend class Processors;
  // calc_delta_fair()
  Duration weighted(Duration time) const { return time * kNice0Load / load_; }

  std::string name_;
  Duration debt_{0};
  Duration vruntime_{-std::chrono::hours(1)};  // it has slept for long
  std::uint64_t queued_order_ = 0;
  Process* process_ = nullptr;
  std::int64_t load_ = kNice0Load;
  int processor_ = 0;
  SchedPolicy policy_ = SchedPolicy::kOther;
};

}  // namespace wbsim
