// trace.json in the trace event format of Chrome, for the Perfetto UI: a track for each thread with
// its calls and jobs, a track for each request slot of a device, counters for dirty memory, limits
// and queue depths.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "app/output_file.hpp"
#include "app/output_sink.hpp"
#include "app/task_ids.hpp"
#include "app/text_line.hpp"
#include "models/scenario.hpp"

namespace wbsim {

// Times are microseconds since the start of the jobs, with the nanoseconds as decimals. Events of
// one track nest or follow each other, as Perfetto wants them. The JSON viewer of Perfetto holds
// the file in memory: beyond some 100 MB it is slow.
class ChromeSink : public OutputSink {
 public:
  ChromeSink(const Scenario& scenario, std::unique_ptr<OutputFile> file);

  void on_sample(const Sample& sample) override;
  void on_write(const CallRecord& call) override;
  void on_read(const CallRecord& call) override;
  void on_fsync(const FsyncRecord& call) override;
  bool wants_requests() const override { return true; }
  void on_request(const RequestRecord& request) override;
  void on_work(const WorkRecord& work) override;
  bool failed() const override { return file_->failed(); }
  void close() override;

 private:
  struct Track {
    int pid = 0, tid = 0;
  };
  // A slice's beginning up to its arguments; close_event() ends it.
  TextLine& slice(std::string_view name, Track track, Duration start, Duration length);
  TextLine& counter(std::string_view name, int pid, Duration time);
  void close_event();
  void name_process(int pid, std::string_view name);
  void name_thread(Track track, std::string_view name);
  void call(std::string_view name, const CallRecord& record);
  Track thread_track(const TaskId& id);
  Track slot_track(const RequestRecord& request);

  std::unique_ptr<OutputFile> file_;
  TaskIds tasks_;
  TextLine line_;
  std::vector<std::string> devices_;
  std::set<int> named_;                      // threads whose name has been written
  std::vector<std::vector<Duration>> ends_;  // by device, by slot: when its last request ended
  bool first_ = true;
};

}  // namespace wbsim
