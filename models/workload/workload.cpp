#include "models/workload/workload.hpp"

namespace wbsim {

namespace {
constexpr Duration kStall = std::chrono::milliseconds(1);
}  // namespace

Workload::Workload(WritebackContext& context, int number, const std::string& name)
    : context_(context), number_(number), task_(name) {
  summary_.name = name;
  context.vfs.cpu.forked(task_);
}

void Workload::note_end() {
  summary_.end = since_origin(now());
  finished_ = true;
}

CallRecord Workload::call_record(TimePoint start, std::int64_t offset, Bytes bytes,
                                 Errno result) const {
  CallRecord record;
  record.writer = number_;
  record.start = since_origin(start);
  record.latency = now() - start;
  record.failed = result != Errno::kOk;
  record.bytes = record.failed ? Bytes(0) : bytes;
  record.offset = offset;
  return record;
}

void Workload::note_read(TimePoint start, std::int64_t offset, Bytes bytes, Errno result) {
  const CallRecord record = call_record(start, offset, bytes, result);
  note_result(result);
  summary_.read += record.bytes;
  reads_.add(record.latency);
  context_.trace.on_read(record);
}

CallRecord Workload::note_write(TimePoint start, std::int64_t offset, Bytes bytes, Errno result) {
  const CallRecord record = call_record(start, offset, bytes, result);
  note_result(result);
  summary_.written += record.bytes;
  summary_.stalls += record.latency > kStall ? 1 : 0;
  writes_.add(record.latency);
  context_.trace.on_write(record);
  return record;
}

void Workload::note_fsync(TimePoint start, Errno result, const CallRecord* write) {
  note_result(result);
  FsyncRecord record;
  record.writer = number_;
  record.fsync_start = since_origin(start);
  record.start = write ? write->start : record.fsync_start;
  record.write_latency = write ? write->latency : Duration::zero();
  record.latency = now() - start;
  fsyncs_.add(record.latency);
  context_.trace.on_fsync(record);
}

WriterSummary Workload::summary() const {
  WriterSummary result = summary_;
  if (!finished_)
    result.end = since_origin(now());
  result.write = writes_.summary();
  result.read_latency = reads_.summary();
  result.fsync = fsyncs_.summary();
  result.throttled = task_.throttled;
  result.throttle_calls = task_.throttle_calls;
  result.vm_writeout = task_.vm_writeout;
  result.vm_writeout_calls = task_.vm_writeout_calls;
  return result;
}

}  // namespace wbsim
