// trace.ftrace.txt: the run as /sys/kernel/tracing/trace would have shown it, with the kernel's
// tracepoint names, fields and their order.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "app/kernel_version.hpp"
#include "app/output_file.hpp"
#include "app/output_sink.hpp"
#include "app/task_ids.hpp"
#include "app/text_line.hpp"
#include "models/scenario.hpp"

namespace wbsim {

inline constexpr KernelVersion kWritebackTracepoints{2, 6, 36};  // the first of writeback.h

// The names of every tracepoint that some simulated kernel has.
const std::vector<std::string>& tracepoint_names();

// Times are seconds since boot, as in the kernel: the jobs start at run.uptime_at_start.
class FtraceSink : public OutputSink {
 public:
  // `events`: names of tracepoints, in which * stands for anything; empty: all but those that come
  // with every page.
  FtraceSink(const Scenario& scenario, std::unique_ptr<OutputFile> file,
             std::vector<std::string> events = {});

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
  // ftrace_pages.cpp
  bool wants_page_events() const override;
  void on_page(const PageEvent& event) override;
  void on_buffer_dirty(const BufferDirtyEvent& event) override;
  void on_inode(const InodeEvent& event) override;
  void on_wbc_writepage(const WbcWritepageEvent& event) override;
  bool failed() const override { return file_->failed(); }
  void close() override { file_->close(); }

 private:
  bool shows(std::string_view event);
  const TaskId& task_of(std::string_view thread);  // the idle task in an interrupt
  // "          dd-2001    [000] .....     2.000123: EVENT: "
  TextLine& begin(Duration time, const TaskId& task, std::string_view event);
  TextLine& field(std::string_view name, std::int64_t value);
  TextLine& bdi(int device);
  void end();
  void end_writeback();
  static void put_inode_state(TextLine& line, unsigned state);
  void put_lazytime(const InodeEvent& e);
  void put_inode(const InodeEvent& event, std::string_view name);

  std::unique_ptr<OutputFile> file_;
  TaskIds tasks_;
  TextLine line_;
  Duration uptime_;
  TickClock ticks_;
  KernelVersion version_;
  std::vector<std::string> events_;
  std::map<std::string, bool, std::less<>> shown_;
};

}  // namespace wbsim
