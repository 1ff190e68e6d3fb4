// The tracepoints of write-back and throttling: include/trace/events/writeback.h of 3.10 and 6.1.
#include <iterator>

#include "app/ftrace_sink.hpp"

namespace wbsim {
namespace {

constexpr KernelVersion kCgroups{4, 2, 0};  // each event of write-back says its cgroup

std::string_view tracepoint(WritebackWorkEvent::What what) {
  switch (what) {
    case WritebackWorkEvent::What::kQueue:
      return "writeback_queue";
    case WritebackWorkEvent::What::kExec:
      return "writeback_exec";
    case WritebackWorkEvent::What::kStart:
      return "writeback_start";
    case WritebackWorkEvent::What::kWritten:
      return "writeback_written";
    case WritebackWorkEvent::What::kWait:
      return "writeback_wait";
  }
  return "";
}

// enum wb_reason, as the kernel prints it.
std::string_view wb_reason(WriteReason reason) {
  return reason == WriteReason::kReclaim ? "vmscan" : to_string(reason);
}

}  // namespace

TextLine& FtraceSink::field(std::string_view name, std::int64_t value) {
  return line_.text(" ").text(name).text("=").number(value);
}

TextLine& FtraceSink::bdi(int device) {
  return line_.text("bdi ")
      .number(TaskIds::kMajor)
      .text(":")
      .number(TaskIds::minor(device))
      .text(":");
}

// show_inode_state()
void FtraceSink::put_inode_state(TextLine& line, unsigned state) {
  constexpr std::string_view kFlags[] = {"I_DIRTY_SYNC", "I_DIRTY_DATASYNC", "I_DIRTY_PAGES",
                                         "I_SYNC", "I_DIRTY_TIME"};
  bool any = false;
  for (unsigned bit = 0; bit < std::size(kFlags); ++bit) {
    if ((state & (1U << bit)) == 0)
      continue;
    line.text(any ? "|" : "").text(kFlags[bit]);
    any = true;
  }
}

// The root's, whichever cgroup it is: their inode numbers are not simulated.
void FtraceSink::end_writeback() {
  if (version_ >= kCgroups)
    line_.text(" cgroup_ino=1");
  end();
}

void FtraceSink::on_balance_dirty_pages(const BalanceDirtyPagesEvent& e) {
  if (!shows("balance_dirty_pages"))
    return;
  begin(e.time, tasks_.of(e.thread), "balance_dirty_pages");
  bdi(e.bdi);
  field("limit", e.limit.count());
  field("setpoint", e.setpoint.count());
  field("dirty", e.dirty.count());
  field("bdi_setpoint", e.bdi_setpoint.count());
  field("bdi_dirty", e.bdi_dirty.count());
  field("dirty_ratelimit", e.dirty_ratelimit);
  field("task_ratelimit", e.task_ratelimit);
  field("dirtied", e.dirtied.count());
  field("dirtied_pause", e.dirtied_pause.count());
  field("paused", e.paused);
  field("pause", e.pause);
  field("period", e.period);
  field("think", e.think);
  end_writeback();
}

void FtraceSink::on_bdi_dirty_ratelimit(const BdiDirtyRatelimitEvent& e) {
  if (!shows("bdi_dirty_ratelimit"))
    return;
  begin(e.time, tasks_.of(e.thread), "bdi_dirty_ratelimit");
  bdi(e.bdi);
  field("write_bw", e.write_bw);
  field("awrite_bw", e.avg_write_bw);
  field("dirty_rate", e.dirty_rate);
  field("dirty_ratelimit", e.dirty_ratelimit);
  field("task_ratelimit", e.task_ratelimit);
  field("balanced_dirty_ratelimit", e.balanced_dirty_ratelimit);
  end_writeback();
}

void FtraceSink::on_global_dirty_state(const GlobalDirtyStateEvent& e) {
  if (!shows("global_dirty_state"))
    return;
  begin(e.time, tasks_.of(e.thread), "global_dirty_state");
  line_.text("dirty=").number(e.nr_dirty.count());
  field("writeback", e.nr_writeback.count());
  if (version_ < kCgroups)
    field("unstable", 0);
  field("bg_thresh", e.background_thresh.count());
  field("thresh", e.dirty_thresh.count());
  field("limit", e.dirty_limit.count());
  field("dirtied", e.nr_dirtied.count());
  field("written", e.nr_written.count());
  end();
}

void FtraceSink::on_writeback_work(const WritebackWorkEvent& e) {
  if (!shows(tracepoint(e.what)))
    return;
  begin(e.time, tasks_.of(e.thread), tracepoint(e.what));
  bdi(e.bdi).text(" sb_dev 0:0");
  field("nr_pages", e.nr_pages);
  field("sync_mode", e.sync_all ? 1 : 0);
  field("kupdate", e.for_kupdate ? 1 : 0);
  field("range_cyclic", e.range_cyclic ? 1 : 0);
  field("background", e.for_background ? 1 : 0);
  line_.text(" reason=").text(wb_reason(e.reason));
  end_writeback();
}

void FtraceSink::on_writeback_queue_io(const WritebackQueueIoEvent& e) {
  if (version_ < kWritebackTracepoints || !shows("writeback_queue_io"))
    return;
  begin(e.time, tasks_.of(e.thread), "writeback_queue_io");
  bdi(e.bdi);
  field("older", e.older.count());
  field("age", e.age);
  field("enqueue", e.moved);
  line_.text(" reason=").text(wb_reason(e.reason));
  end_writeback();
}

void FtraceSink::on_writeback_single_inode(const WritebackSingleInodeEvent& e) {
  const std::string_view name = e.start ? "writeback_single_inode_start" : "writeback_single_inode";
  if (version_ < kWritebackTracepoints || !shows(name))
    return;
  begin(e.time, tasks_.of(e.thread), name);
  bdi(e.bdi);
  field("ino", static_cast<std::int64_t>(e.ino));
  put_inode_state(line_.text(" state="), e.state);
  const Jiffies now = ticks_.jiffies_at(TimePoint(uptime_ + e.time));
  field("dirtied_when", e.dirtied_when.count());
  field("age", (now - e.dirtied_when).count() / ticks_.hz());
  field("index", static_cast<std::int64_t>(e.writeback_index));
  field("to_write", e.nr_to_write);
  field("wrote", e.wrote);
  end_writeback();
}

void FtraceSink::on_writeback_pages_written(const WritebackPagesWrittenEvent& e) {
  if (!shows("writeback_pages_written"))
    return;
  begin(e.time, tasks_.of(e.thread), "writeback_pages_written").number(e.pages);
  end();
}

}  // namespace wbsim
