#include "models/workload/replay_job.hpp"

#include <algorithm>

#include "models/fs/direct_io.hpp"
#include "models/fs/sync_file_range.hpp"
#include "models/fs/truncate.hpp"
#include "models/writeback/single_inode.hpp"

namespace wbsim {

namespace {
constexpr Duration kStall = std::chrono::milliseconds(1);
}  // namespace

ReplayJob::ReplayJob(WritebackContext& context, Flusher& flusher, const ReplayConfig& config,
                     int number, std::vector<ReplayFile> files)
    : context_(context),
      flusher_(flusher),
      config_(config),
      number_(number),
      files_(std::move(files)),
      task_(config.name) {
  summary_.name = config.name;
}

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
  ReplayFile& file = files_[op.file];
  Inode& inode = *file.inode;
  switch (op.kind) {
    case ReplayCall::kWrite:
      if (op.direct)
        co_return co_await direct_io(vfs, inode, op.offset, op.length, BioOp::kWrite, task_);
      co_return co_await generic_file_write(vfs, inode, op.offset, op.length, task_);
    case ReplayCall::kRead:
      if (op.direct)
        co_return co_await direct_io(vfs, inode, op.offset, op.length, BioOp::kRead, task_);
      co_return co_await generic_file_read(vfs, inode, op.offset, op.length, file.ra, file.ra_pages,
                                           task_);
    case ReplayCall::kFsync:
      co_return co_await vfs_fsync(context_, inode, SyncWhat::kFsync, task_);
    case ReplayCall::kFdatasync:
      co_return co_await vfs_fsync(context_, inode, SyncWhat::kFdatasync, task_);
    case ReplayCall::kSyncFileRange:
      co_return co_await sync_file_range(vfs, inode, op.offset, op.length, op.range_flags, task_);
    case ReplayCall::kTruncate:
      co_return co_await truncate(vfs, inode, op.length, task_);
    case ReplayCall::kOpen:
      file.ra = FileRaState{};
      break;
    case ReplayCall::kClose:
    case ReplayCall::kSync:
      break;
  }
  task_.charge(vfs.costs.write_syscall);
  co_await vfs.cpu.settle(task_);
  co_return Errno::kOk;
}

void ReplayJob::record(const ReplayOp& op, TimePoint start, Errno result) {
  const Duration latency = context_.sim().now() - start;
  const Bytes bytes(op.length);
  summary_.errors += result == Errno::kOk ? 0 : 1;
  if (op.kind == ReplayCall::kWrite || op.kind == ReplayCall::kRead) {
    CallRecord call;
    call.writer = number_;
    call.start = since_origin(start);
    call.latency = latency;
    call.bytes = bytes;
    call.offset = op.offset;
    if (op.kind == ReplayCall::kRead) {
      reads_.add(latency);
      summary_.read += result == Errno::kOk ? bytes : Bytes(0);
      context_.trace.on_read(call);
      return;
    }
    writes_.add(latency);
    summary_.written += result == Errno::kOk ? bytes : Bytes(0);
    summary_.stalls += latency > kStall ? 1 : 0;
    context_.trace.on_write(call);
  } else if (op.kind == ReplayCall::kFsync || op.kind == ReplayCall::kFdatasync) {
    fsyncs_.add(latency);
    FsyncRecord record;
    record.writer = number_;
    record.start = since_origin(start);
    record.latency = latency;
    context_.trace.on_fsync(record);
  } else if (op.kind == ReplayCall::kSync) {
    fsyncs_.add(latency);
  }
}

Task<> ReplayJob::call(const ReplayOp& op) {
  const TimePoint start = context_.sim().now();
  const Errno result = co_await perform(op);
  record(op, start, result);
}

Task<> ReplayJob::run() {
  Simulator& sim = context_.sim();
  co_await sim.delay_until(context_.origin, "startdelay");
  co_await context_.vfs.cpu.woken(task_);
  for (std::size_t i = 0; i < config_.ops.size(); ++i) {
    co_await pace(i);
    if (i == 0)
      summary_.start = since_origin(sim.now());
    co_await call(config_.ops[i]);
  }
  summary_.end = since_origin(sim.now());
  finished_ = true;
}

WriterSummary ReplayJob::summary() const {
  WriterSummary result = summary_;
  if (!finished_)
    result.end = since_origin(context_.sim().now());
  result.write = writes_.summary();
  result.read_latency = reads_.summary();
  result.fsync = fsyncs_.summary();
  result.throttled = task_.throttled;
  result.throttle_calls = task_.throttle_calls;
  return result;
}

}  // namespace wbsim
