// A simulated process that makes the calls of a recorded one, in their order.
//
// DEVIATES: calls that overlapped in one thread (asynchronous I/O) follow each other.
#pragma once

#include <vector>

#include "models/fs/file.hpp"
#include "models/scenario.hpp"
#include "models/workload/latency.hpp"
#include "models/workload/workload.hpp"
#include "models/writeback/flusher.hpp"
#include "models/writeback/writeback_context.hpp"

namespace wbsim {

// An open file of a replay.
struct ReplayFile {
  Inode* inode = nullptr;
  std::int64_t ra_pages = 0;
  FileRaState ra{};
};

class ReplayJob : public Workload {
 public:
  // `files`: those of config.files, in their order.
  ReplayJob(WritebackContext& context, Flusher& flusher, const ReplayConfig& config, int number,
            std::vector<ReplayFile> files);

  Task<> run() override;
  const TaskStruct& task() const override { return task_; }
  bool finished() const override { return finished_; }
  Duration ended_at() const override { return summary_.end; }
  WriterSummary summary() const override;

 private:
  Task<> pace(std::size_t index);
  Task<> call(const ReplayOp& op);
  Task<Errno> perform(const ReplayOp& op);
  void record(const ReplayOp& op, TimePoint start, Errno result);
  Duration since_origin(TimePoint t) const { return t - context_.origin; }

  WritebackContext& context_;
  Flusher& flusher_;
  const ReplayConfig& config_;
  int number_;
  std::vector<ReplayFile> files_;
  TaskStruct task_;
  WriterSummary summary_;
  LatencyRecorder writes_, reads_, fsyncs_;
  bool finished_ = false;
};

}  // namespace wbsim
