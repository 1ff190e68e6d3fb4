// A workload in fio's words, run as one simulated process.
#pragma once

#include <string>
#include <vector>

#include "models/fs/file.hpp"
#include "models/scenario.hpp"
#include "models/workload/positions.hpp"
#include "models/workload/workload.hpp"
#include "models/writeback/flusher.hpp"
#include "models/writeback/single_inode.hpp"
#include "sim/wait_queue.hpp"

namespace wbsim {

// What the calls of a job go to.
struct JobTarget {
  std::vector<File> files;  // one after the other; none for sync
  std::int64_t ra_pages = 0;
};

class Job : public Workload {
 public:
  // `clone` counts from 0 up to numjobs.
  Job(WritebackContext& context, Flusher& flusher, const JobConfig& config, int number, int clone,
      JobTarget target);

  // Jobs that must have ended before this one begins.
  void wait_for(Job& job) { waits_for_.push_back(&job); }
  Task<> run() override;

 private:
  struct Call {
    std::int64_t pos, length;
  };
  File& file() { return target_.files[file_]; }
  Call next_call();
  bool wants_more() const;
  Task<> begin();
  Task<> lock_memory();
  Task<> one_call();
  Task<Errno> transfer(Call call, BioOp op);
  Task<> transfer_call(BioOp op);
  Task<> sync_call();
  Task<> fsync_call(File& file, SyncWhat what);
  Task<> sleep_until(TimePoint when);
  Task<> pace();

  Flusher& flusher_;
  JobConfig config_;
  JobTarget target_;
  std::int64_t region_start_;
  Positions positions_;
  std::vector<Job*> waits_for_;
  WaitQueue ended_;
  std::size_t file_ = 0;      // of the target's
  std::int64_t in_file_ = 0;  // bytes done of it, if there are several
  std::int64_t done_ = 0;     // bytes
  std::int64_t calls_ = 0;
  std::int64_t calls_at_once_ = 0;  // in one instant
  std::int64_t round_ = 0;          // periods begun
  TimePoint due_{};                 // when it may begin
  TimePoint started_{};
  CallRecord last_write_;
};

}  // namespace wbsim
