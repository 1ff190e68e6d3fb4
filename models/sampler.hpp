// Looks at the machine at a fixed interval: samples, the end of the run, and checks that hold
// always.
#pragma once

#include <vector>

#include "models/block/request_queue.hpp"
#include "models/device/device.hpp"
#include "models/recorder_runner.hpp"
#include "models/scenario.hpp"
#include "models/trace.hpp"
#include "models/workload/workload.hpp"
#include "models/writeback/flusher.hpp"
#include "models/writeback/writeback_context.hpp"

namespace wbsim {

class Sampler {
 public:
  Sampler(WritebackContext& context, Flusher& flusher, const RunConfig& run,
          std::vector<RequestQueue*> queues, std::vector<const Device*> devices,
          const std::vector<const Workload*>& jobs);

  void start();
  // At each sample: what is to be looked at beside the machine, e.g. an interruption.
  void set_hook(void (*hook)(void*, Duration), void* argument) {
    hook_ = hook;
    hook_argument_ = argument;
  }
  Duration time_to_clean() const { return time_to_clean_; }  // -1: not reached
  void job_ended();                                          // tell it at the end of each job
  Duration jobs_ended() const;
  // Service time of the requests started before the last job ended.
  Duration busy_while_writing(std::size_t device) const { return busy_at_jobs_end_[device]; }

 private:
  void look();
  void charge_recorder(Duration now);
  Task<> record();
  Sample sample() const;
  DeviceSample device_sample(std::size_t device, Pages dirty) const;
  void add_wb(DeviceSample& d, BackingDevInfo& wb, Pages dirty) const;
  int procs_blocked() const;
  void watch_for_the_end();
  void watch_for_hung_jobs();
  bool jobs_finished() const { return jobs_ended_ == jobs_.size(); }

  WritebackContext& context_;
  Flusher& flusher_;
  RunConfig run_;
  Thread recorder_{"recorder"};
  RecorderRunner runner_;
  std::vector<RequestQueue*> queues_;
  std::vector<const Device*> devices_;
  std::vector<const Workload*> jobs_;
  std::vector<Duration> busy_at_jobs_end_;
  std::size_t jobs_ended_ = 0;
  TimePoint no_hung_job_before_{};
  Duration clean_since_{-1};
  Duration time_to_clean_{-1};
  void (*hook_)(void*, Duration) = nullptr;
  void* hook_argument_ = nullptr;
};

}  // namespace wbsim
