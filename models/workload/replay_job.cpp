#include "models/workload/replay_job.hpp"

#include <algorithm>

#include "models/fs/direct_io.hpp"
#include "models/fs/sync_file_range.hpp"
#include "models/fs/truncate.hpp"
#include "models/writeback/single_inode.hpp"

namespace wbsim {

ReplayJob::ReplayJob(WritebackContext& context, Flusher& flusher, const ReplayConfig& config,
                     int number, std::vector<ReplayFile> files)
    : Workload(context, number, config.name),
      flusher_(flusher),
      config_(config),
      files_(std::move(files)) {}

// What lies between two calls: the recorded think time, the recorded moment, or nothing.
Task<> ReplayJob::pace(std::size_t index) {
  Simulator& sim = context_.sim();
  const ReplayOp& op = config_.ops[index];
  task_.charge(context_.vfs.costs.user_call);
  co_await context_.vfs.cpu.settle(task_);
  TimePoint when = sim.now();
  if (config_.pace == ReplayPace::kTimestamps || (config_.pace == ReplayPace::kThink && index == 0))
    when = context_.origin + op.start;
  else if (config_.pace == ReplayPace::kThink)
    when += op.start - config_.ops[index - 1].start - config_.ops[index - 1].duration;
  if (when <= sim.now())
    co_return;
  co_await sim.delay_until(when, "think time");
  co_await context_.vfs.cpu.woken(task_);
}

Task<Errno> ReplayJob::perform(const ReplayOp& op) {
  Vfs& vfs = context_.vfs;
  if (op.kind == ReplayCall::kSync)
    co_return co_await flusher_.sync(task_);
  ReplayFile& target = files_[op.file];
  File& file = target.file;
  Inode& inode = *file.f_inode;
  switch (op.kind) {
    case ReplayCall::kWrite:
      if (op.direct)
        co_return co_await direct_io(vfs, inode, op.offset, op.length, BioOp::kWrite, task_);
      co_return co_await context_.files->write(inode, op.offset, op.length, task_);
    case ReplayCall::kRead:
      if (op.direct)
        co_return co_await direct_io(vfs, inode, op.offset, op.length, BioOp::kRead, task_);
      co_return co_await context_.files->read(inode, op.offset, op.length, file.f_ra,
                                              target.ra_pages, task_);
    case ReplayCall::kFsync:
      co_return co_await context_.files->fsync(file, SyncWhat::kFsync, task_);
    case ReplayCall::kFdatasync:
      co_return co_await context_.files->fsync(file, SyncWhat::kFdatasync, task_);
    case ReplayCall::kSyncFileRange:
      co_return co_await sync_file_range(vfs, file, op.offset, op.length, op.range_flags, task_);
    case ReplayCall::kTruncate:
      co_return co_await truncate(vfs, inode, op.length, task_);
    case ReplayCall::kOpen:
      file.open();
      break;
    case ReplayCall::kClose:
    case ReplayCall::kSync:
      break;
  }
  task_.charge(vfs.costs.write_syscall);
  co_await vfs.cpu.settle(task_);
  co_return Errno::kOk;
}

void ReplayJob::note(const ReplayOp& op, TimePoint start, Errno result) {
  switch (op.kind) {
    case ReplayCall::kRead:
      return note_read(start, op.offset, Bytes(op.length), result);
    case ReplayCall::kWrite:
      note_write(start, op.offset, Bytes(op.length), result);
      return;
    case ReplayCall::kFsync:
    case ReplayCall::kFdatasync:
    case ReplayCall::kSync:
      return note_fsync(start, result);
    case ReplayCall::kSyncFileRange:
    case ReplayCall::kTruncate:
    case ReplayCall::kOpen:
    case ReplayCall::kClose:
      return note_result(result);
  }
}

Task<> ReplayJob::call(const ReplayOp& op) {
  const TimePoint start = now();
  const Errno result = co_await perform(op);
  note(op, start, result);
}

Task<> ReplayJob::run() {
  Simulator& sim = context_.sim();
  co_await sim.delay_until(context_.origin, "startdelay");
  co_await context_.vfs.cpu.wake_up_new_task(task_);
  for (std::size_t i = 0; i < config_.ops.size(); ++i) {
    co_await pace(i);
    if (i == 0)
      note_begin();
    co_await call(config_.ops[i]);
  }
  note_end();
}

}  // namespace wbsim
