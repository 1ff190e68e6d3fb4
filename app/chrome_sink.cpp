#include "app/chrome_sink.hpp"

#include <utility>

namespace wbsim {
namespace {

constexpr int kJobs = 1, kFlushers = 2, kMemory = 3, kFirstDevice = 10;

}  // namespace

ChromeSink::ChromeSink(const Scenario& scenario, std::unique_ptr<OutputFile> file)
    : file_(std::move(file)), tasks_(scenario), ends_(scenario.devices.size()) {
  file_->write("{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n");
  name_process(kJobs, "jobs");
  name_process(kFlushers, "kernel threads");
  name_process(kMemory, "memory");
  for (const DeviceConfig& device : scenario.devices) {
    name_process(kFirstDevice + static_cast<int>(devices_.size()), device.name);
    devices_.push_back(device.name);
  }
}

void ChromeSink::close_event() {
  line_.text("}}");
  file_->write(first_ ? "" : ",\n");
  file_->write(line_.str());
  first_ = false;
}

void ChromeSink::name_process(int pid, std::string_view name) {
  line_.clear();
  line_.text("{\"ph\":\"M\",\"name\":\"process_name\",\"pid\":").number(pid);
  line_.text(",\"args\":{\"name\":\"").text(name).text("\"");
  close_event();
}

void ChromeSink::name_thread(Track track, std::string_view name) {
  line_.clear();
  line_.text("{\"ph\":\"M\",\"name\":\"thread_name\",\"pid\":").number(track.pid);
  line_.text(",\"tid\":").number(track.tid);
  line_.text(",\"args\":{\"name\":\"").text(name).text("\"");
  close_event();
}

TextLine& ChromeSink::slice(std::string_view name, Track track, Duration start, Duration length) {
  line_.clear();
  line_.text("{\"ph\":\"X\",\"name\":\"").text(name).text("\",\"pid\":").number(track.pid);
  line_.text(",\"tid\":").number(track.tid);
  line_.text(",\"ts\":").decimal(start.count(), 3);
  line_.text(",\"dur\":").decimal(length.count(), 3);
  return line_.text(",\"args\":{");
}

TextLine& ChromeSink::counter(std::string_view name, int pid, Duration time) {
  line_.clear();
  line_.text("{\"ph\":\"C\",\"name\":\"").text(name).text("\",\"pid\":").number(pid);
  line_.text(",\"ts\":").decimal(time.count(), 3);
  return line_.text(",\"args\":{");
}

ChromeSink::Track ChromeSink::thread_track(const TaskId& id) {
  const Track track{id.pid < tasks_.of_writer(0).pid ? kFlushers : kJobs, id.pid};
  if (named_.insert(id.pid).second)
    name_thread(track, id.comm);
  return track;
}

void ChromeSink::call(std::string_view name, const CallRecord& record) {
  const Track track = thread_track(tasks_.of_writer(record.writer));
  slice(name, track, record.start, record.latency)
      .text("\"offset\":")
      .number(record.offset)
      .text(",\"bytes\":")
      .number(record.bytes.count());
  close_event();
}

void ChromeSink::on_write(const CallRecord& record) {
  call("write", record);
}

void ChromeSink::on_read(const CallRecord& record) {
  call("read", record);
}

void ChromeSink::on_fsync(const FsyncRecord& record) {
  slice("fsync", thread_track(tasks_.of_writer(record.writer)), record.fsync_start, record.latency);
  close_event();
}

void ChromeSink::on_work(const WorkRecord& work) {
  slice(to_string(work.reason), thread_track(tasks_.of(work.thread)), work.start,
        work.end - work.start)
      .text("\"pages\":")
      .number(work.written.count());
  close_event();
}

// Requests come as they complete. Of the slots that were free when this one was queued, the one
// that became free last: then no more slots are used than requests were there at a time.
ChromeSink::Track ChromeSink::slot_track(const RequestRecord& request) {
  const auto device = static_cast<std::size_t>(request.device);
  std::vector<Duration>& ends = ends_[device];
  std::size_t best = ends.size();
  for (std::size_t slot = 0; slot < ends.size(); ++slot) {
    if (ends[slot] <= request.queued && (best == ends.size() || ends[slot] > ends[best]))
      best = slot;
  }
  const Track track{kFirstDevice + request.device, static_cast<int>(best) + 1};
  if (best == ends.size()) {
    ends.emplace_back();
    TextLine name;
    name_thread(track, name.text("slot ").number(track.tid).str());
  }
  ends[best] = request.completed;
  return track;
}

void ChromeSink::on_request(const RequestRecord& r) {
  const Track track = slot_track(r);
  slice(r.write ? "write" : "read", track, r.queued, r.completed - r.queued);
  line_.text("\"sector\":")
      .number(r.sector.count())
      .text(",\"sectors\":")
      .number(r.sectors.count());
  line_.text(",\"sync\":").number(r.sync ? 1 : 0).text(",\"bios\":").number(r.bios);
  line_.text(",\"reason\":\"").text(to_string(r.reason));
  line_.text("\",\"thread\":\"").text(tasks_.of(r.thread).comm).text("\"");
  close_event();
  slice("device", track, r.started, r.completed - r.started);
  close_event();
}

void ChromeSink::on_sample(const Sample& s) {
  counter("pages", kMemory, s.time).text("\"nr_dirty\":").number(s.nr_dirty.count());
  line_.text(",\"nr_writeback\":").number(s.nr_writeback.count());
  close_event();
  counter("nr_dirty_threshold", kMemory, s.time)
      .text("\"pages\":")
      .number(s.dirty_threshold.count());
  close_event();
  counter("nr_dirty_background_threshold", kMemory, s.time)
      .text("\"pages\":")
      .number(s.background_threshold.count());
  close_event();
  for (std::size_t i = 0; i < s.devices.size(); ++i) {
    const DeviceSample& d = s.devices[i];
    const int pid = kFirstDevice + static_cast<int>(i);
    counter("in_flight", pid, s.time).text("\"requests\":").number(d.in_flight);
    close_event();
    counter("bdi pages", pid, s.time)
        .text("\"BdiReclaimable\":")
        .number(d.bdi_reclaimable.count())
        .text(",\"BdiWriteback\":")
        .number(d.bdi_writeback.count());
    close_event();
    counter("BdiDirtyThresh", pid, s.time).text("\"pages\":").number(d.bdi_dirty_thresh.count());
    close_event();
  }
}

void ChromeSink::close() {
  file_->write("\n]}\n");
  file_->close();
}

}  // namespace wbsim
