// A simulated process, as the machine and the sampler see it, and the account of its calls.
#pragma once

#include <string>

#include "models/mm/task_struct.hpp"
#include "models/summary.hpp"
#include "models/trace.hpp"
#include "models/workload/latency.hpp"
#include "models/writeback/writeback_context.hpp"
#include "sim/task.hpp"

namespace wbsim {

constexpr Duration kTimerSlack = std::chrono::microseconds(50);  // PR_SET_TIMERSLACK, since 2.6.28

class Workload {
 public:
  Workload(WritebackContext& context, int number, const std::string& name);
  Workload(const Workload&) = delete;
  virtual ~Workload() = default;

  virtual Task<> run() = 0;
  const TaskStruct& task() const { return task_; }
  void join(Memcg* memcg) { task_.memcg = memcg; }  // before it begins
  bool finished() const { return finished_; }
  Duration ended_at() const { return summary_.end; }  // since the start of the jobs
  WriterSummary summary() const;

 protected:
  TimePoint now() const { return context_.sim().now(); }
  Duration since_origin(TimePoint t) const { return t - context_.origin; }

  // The account; a call lasted from `start` until now.
  void note_begin() { summary_.start = since_origin(now()); }
  void note_end();
  void note_result(Errno result) { summary_.errors += result == Errno::kOk ? 0 : 1; }
  void note_read(TimePoint start, std::int64_t offset, Bytes bytes, Errno result);
  CallRecord note_write(TimePoint start, std::int64_t offset, Bytes bytes, Errno result);
  // fsync, fdatasync or sync; `write` is the call of this process that led to it, if one did.
  void note_fsync(TimePoint start, Errno result, const CallRecord* write = nullptr);

  WritebackContext& context_;
  const int number_;
  TaskStruct task_;

 private:
  CallRecord call_record(TimePoint start, std::int64_t offset, Bytes bytes, Errno result) const;

  WriterSummary summary_;
  LatencyRecorder writes_, reads_, fsyncs_;
  bool finished_ = false;
};

}  // namespace wbsim
