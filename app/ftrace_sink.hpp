// trace.ftrace.txt: the run as /sys/kernel/tracing/trace would have shown it, with the kernel's
// tracepoint names, fields and their order.
#pragma once

#include <memory>
#include <string_view>

#include "app/output_file.hpp"
#include "app/output_sink.hpp"
#include "app/task_ids.hpp"
#include "app/text_line.hpp"
#include "models/scenario.hpp"

namespace wbsim {

// Times are seconds since boot, as in the kernel: the jobs start at run.uptime_at_start.
class FtraceSink : public OutputSink {
 public:
  FtraceSink(const Scenario& scenario, std::unique_ptr<OutputFile> file);

  bool wants_block_events() const override { return true; }
  void on_block(const BlockEvent& event) override;
  // ftrace_writeback.cpp
  void on_balance_dirty_pages(const BalanceDirtyPagesEvent& event) override;
  void on_bdi_dirty_ratelimit(const BdiDirtyRatelimitEvent& event) override;
  void on_global_dirty_state(const GlobalDirtyStateEvent& event) override;
  void on_writeback_work(const WritebackWorkEvent& event) override;
  void on_writeback_queue_io(const WritebackQueueIoEvent& event) override;
  void on_writeback_single_inode(const WritebackSingleInodeEvent& event) override;
  void on_writeback_pages_written(const WritebackPagesWrittenEvent& event) override;
  bool failed() const override { return file_->failed(); }
  void close() override { file_->close(); }

 private:
  // "          dd-2001    [000] .....     2.000123: EVENT: "
  TextLine& begin(Duration time, const TaskId& task, std::string_view event);
  TextLine& field(std::string_view name, std::int64_t value);
  TextLine& bdi(int device);
  void end();
  void end_writeback();

  std::unique_ptr<OutputFile> file_;
  TaskIds tasks_;
  TextLine line_;
  Duration uptime_;
  TickClock ticks_;
  bool cgroups_;     // 4.2: each event of write-back says its cgroup
  bool task_plugs_;  // 2.6.39: the tracepoints of plugs have other names
};

}  // namespace wbsim
