// A workload in fio's words, run as one simulated process.
#pragma once

#include <string>

#include "models/fs/file.hpp"
#include "models/scenario.hpp"
#include "models/summary.hpp"
#include "models/workload/latency.hpp"
#include "models/writeback/flusher.hpp"
#include "models/writeback/single_inode.hpp"
#include "models/writeback/writeback_context.hpp"
#include "sim/random.hpp"

namespace wbsim {

// What the calls of a job go to.
struct JobTarget {
  Inode* inode = nullptr;  // null for sync
  std::int64_t ra_pages = 0;
};

class Job {
 public:
  // `clone` counts from 0 up to numjobs.
  Job(WritebackContext& context, Flusher& flusher, const JobConfig& config, int number, int clone,
      JobTarget target);
  Job(const Job&) = delete;

  Task<> run();

  const TaskStruct& task() const { return task_; }
  bool finished() const { return finished_; }
  Duration ended_at() const { return summary_.end; }
  WriterSummary summary() const;

 private:
  std::int64_t next_position();
  bool wants_more() const;
  Task<> one_call();
  Task<> write_call();
  Task<> read_call();
  Task<> fsync_call(SyncWhat what);
  Task<> sleep_until(TimePoint when);
  Task<> pace();
  Duration since_origin(TimePoint t) const { return t - context_.origin; }

  WritebackContext& context_;
  Flusher& flusher_;
  JobConfig config_;
  int number_;
  JobTarget target_;
  TaskStruct task_;
  RandomStream random_;
  FileRaState ra_;
  WriterSummary summary_;
  LatencyRecorder writes_, reads_, fsyncs_;
  std::int64_t region_start_, region_end_;
  std::int64_t position_;
  std::int64_t in_zone_ = 0;
  std::int64_t done_ = 0;  // bytes
  std::int64_t calls_ = 0;
  std::int64_t calls_at_once_ = 0;  // in one instant
  std::int64_t round_ = 0;          // periods begun
  TimePoint started_{};
  Duration last_write_latency_{};
  TimePoint last_write_start_{};
  bool finished_ = false;
};

}  // namespace wbsim
