#include "app/ftrace_sink.hpp"

#include <cstdlib>
#include <utility>

#include "models/kernel.hpp"

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
const TaskId kIdle{"<idle>", 0};
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

// The version of a preset, which may be given by another name.
std::string version_of(const std::string& preset) {
  const KernelRow* row = find_kernel(preset);
  return row ? std::string(row->name) : preset;
}

bool has_cgroup_writeback(const std::string& kernel) {
  return std::atoi(kernel.c_str()) > 3;
}

// From 2.6.39 on.
bool has_task_plugs(const std::string& kernel) {
  return kernel.compare(0, 2, "2.") != 0;
}

}  // namespace

FtraceSink::FtraceSink(const Scenario& scenario, std::unique_ptr<OutputFile> file)
    : file_(std::move(file)),
      tasks_(scenario),
      uptime_(scenario.run.uptime_at_start),
      ticks_(scenario.kernel.hz),
      cgroups_(has_cgroup_writeback(version_of(scenario.kernel.preset))),
      task_plugs_(has_task_plugs(version_of(scenario.kernel.preset))) {
  file_->write(kHeader);
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
  const TaskId& task = interrupt ? kIdle : tasks_.of(e.thread);
  begin(e.time, task, tracepoint(e.what, task_plugs_));
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
