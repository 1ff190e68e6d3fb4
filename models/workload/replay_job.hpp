// A simulated process that makes the calls of a recorded one, in their order.
//
// DEVIATES: calls that overlapped in one thread (asynchronous I/O) follow each other.
#pragma once

#include <vector>

#include "models/fs/file.hpp"
#include "models/scenario.hpp"
#include "models/workload/workload.hpp"
#include "models/writeback/flusher.hpp"

namespace wbsim {

struct ReplayFile {
  File file;
  std::int64_t ra_pages = 0;
};

class ReplayJob : public Workload {
 public:
  // `files`: those of config.files, in their order.
  ReplayJob(WritebackContext& context, Flusher& flusher, const ReplayConfig& config, int number,
            std::vector<ReplayFile> files);

  Task<> run() override;

 private:
  Task<> pace(std::size_t index);
  Task<> call(const ReplayOp& op);
  Task<Errno> perform(const ReplayOp& op);
  void note(const ReplayOp& op, TimePoint start, Errno result);

  Flusher& flusher_;
  const ReplayConfig& config_;
  std::vector<ReplayFile> files_;
};

}  // namespace wbsim
