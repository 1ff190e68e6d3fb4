#include "app/ftrace_sink.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <utility>

namespace wbsim {
namespace {

constexpr std::string_view kHeader =
    "# tracer: nop\n"
    "#\n"
    "#                                _-----=> irqs-off/BH-disabled\n"
    "#                               / _----=> need-resched\n"
    "#                              | / _---=> hardirq/softirq\n"
    "#                              || / _--=> preempt-depth\n"
    "#                              ||| / _-=> migrate-disable\n"
    "#                              |||| /     delay\n"
    "#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION\n"
    "#              | |         |   |||||     |         |\n";

// Completions arrive in an interrupt, mostly of the idle task.
const TaskId kIdleTask{"<idle>", 0};
constexpr KernelVersion kTaskPlugs{2, 6, 39};       // the tracepoints of plugs have other names
constexpr std::string_view kSwapper = "swapper/0";  // what the idle task calls itself

std::string_view tracepoint(BlockEvent::What what, bool task_plugs) {
  switch (what) {
    case BlockEvent::What::kBioQueue:
      return "block_bio_queue";
    case BlockEvent::What::kBioBackmerge:
      return "block_bio_backmerge";
    case BlockEvent::What::kBioFrontmerge:
      return "block_bio_frontmerge";
    case BlockEvent::What::kGetrq:
      return "block_getrq";
    case BlockEvent::What::kSleeprq:
      return "block_sleeprq";
    case BlockEvent::What::kRqInsert:
      return "block_rq_insert";
    case BlockEvent::What::kRqIssue:
      return "block_rq_issue";
    case BlockEvent::What::kRqComplete:
      return "block_rq_complete";
    case BlockEvent::What::kPlug:
      return "block_plug";
    case BlockEvent::What::kUnplug:
      return task_plugs ? "block_unplug" : "block_unplug_io";
    case BlockEvent::What::kUnplugTimer:
      return task_plugs ? "block_unplug" : "block_unplug_timer";
  }
  return "";
}

}  // namespace

const std::vector<std::string>& tracepoint_names() {
  static const std::vector<std::string> names = {"balance_dirty_pages",
                                                 "bdi_dirty_ratelimit",
                                                 "block_bio_backmerge",
                                                 "block_bio_frontmerge",
                                                 "block_bio_queue",
                                                 "block_dirty_buffer",
                                                 "block_getrq",
                                                 "block_plug",
                                                 "block_rq_complete",
                                                 "block_rq_insert",
                                                 "block_rq_issue",
                                                 "block_sleeprq",
                                                 "block_unplug",
                                                 "block_unplug_io",
                                                 "block_unplug_timer",
                                                 "folio_wait_writeback",
                                                 "global_dirty_state",
                                                 "wait_on_page_writeback",
                                                 "wbc_writepage",
                                                 "writeback_dirty_folio",
                                                 "writeback_dirty_inode",
                                                 "writeback_dirty_inode_start",
                                                 "writeback_dirty_page",
                                                 "writeback_exec",
                                                 "writeback_lazytime",
                                                 "writeback_mark_inode_dirty",
                                                 "writeback_pages_written",
                                                 "writeback_queue",
                                                 "writeback_queue_io",
                                                 "writeback_single_inode",
                                                 "writeback_single_inode_start",
                                                 "writeback_start",
                                                 "writeback_wait",
                                                 "writeback_write_inode",
                                                 "writeback_write_inode_start",
                                                 "writeback_written"};
  return names;
}

namespace {

constexpr std::string_view kEveryPage[] = {"block_dirty_buffer", "wbc_writepage",
                                           "writeback_dirty_folio", "writeback_dirty_page",
                                           "writeback_mark_inode_dirty"};

}  // namespace

FtraceSink::FtraceSink(const Scenario& scenario, std::unique_ptr<OutputFile> file,
                       std::vector<std::string> events)
    : file_(std::move(file)),
      tasks_(scenario),
      uptime_(scenario.run.uptime_at_start),
      ticks_(scenario.kernel.hz),
      version_(kernel_version(scenario.kernel.preset)),
      events_(std::move(events)) {
  for (const std::string& name : tracepoint_names()) {
    const auto matches = [&name](const std::string& pattern) {
      return fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
    };
    const bool by_default =
        std::find(std::begin(kEveryPage), std::end(kEveryPage), name) == std::end(kEveryPage);
    shown_[name] =
        events_.empty() ? by_default : std::any_of(events_.begin(), events_.end(), matches);
  }
  file_->write(kHeader);
}

bool FtraceSink::shows(std::string_view event) {
  return shown_.find(event)->second;
}

const TaskId& FtraceSink::task_of(std::string_view thread) {
  return thread.empty() ? kIdleTask : tasks_.of(thread);
}

TextLine& FtraceSink::begin(Duration time, const TaskId& task, std::string_view event) {
  constexpr std::int64_t kMicros = 1'000'000;
  const std::int64_t us = (uptime_ + time).count() / 1000;
  line_.clear();
  line_.right(task.comm, 16).text("-");
  const std::string pid = std::to_string(task.pid);
  line_.left(pid, 7).text(" [000] ").text(task.pid == 0 ? "..s1." : ".....").text(" ");
  TextLine fraction;
  fraction.decimal(us % kMicros, 6);
  line_.right(us / kMicros, 5).text(std::string_view(fraction.str()).substr(1)).text(": ");
  return line_.text(event).text(": ");
}

void FtraceSink::end() {
  file_->write(line_.text("\n").str());
}

void FtraceSink::on_block(const BlockEvent& e) {
  using What = BlockEvent::What;
  const bool interrupt = e.what == What::kRqComplete || e.thread.empty();
  const std::string_view name = tracepoint(e.what, version_ >= kTaskPlugs);
  if (!shows(name))
    return;
  const TaskId& task = interrupt ? kIdleTask : tasks_.of(e.thread);
  begin(e.time, task, name);
  const std::string_view comm = task.pid == 0 ? kSwapper : std::string_view(task.comm);
  if (e.what == What::kPlug || e.what == What::kUnplug || e.what == What::kUnplugTimer) {
    line_.text("[").text(comm).text("]");
    if (e.what != What::kPlug)
      line_.text(" ").number(e.requests);
    return end();
  }
  line_.number(TaskIds::kMajor).text(",").number(TaskIds::minor(e.device));
  line_.text(e.flush   ? " FF"
             : e.write ? " W"
                       : " R")
      .text(e.sync ? "S" : "")
      .text(e.meta ? "M" : "")
      .text(" ");
  const bool request = e.what == What::kRqInsert || e.what == What::kRqIssue;
  if (request)
    line_.number(to_bytes(e.sectors).count()).text(" ");
  if (request || e.what == What::kRqComplete)
    line_.text("() ");
  line_.number(e.sector.count()).text(" + ").number(e.sectors.count());
  if (e.what == What::kRqComplete)
    line_.text(" [0]");
  else
    line_.text(" [").text(comm).text("]");
  end();
}

}  // namespace wbsim
