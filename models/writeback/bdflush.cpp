#include "models/writeback/bdflush.hpp"

#include <algorithm>

#include "models/fs/buffer24_trace.hpp"

namespace wbsim {

using v24::CheckAge;
using v24::Release;
using v24::Scan;
using v24::Wait;

void Bdflush::start() {
  context_.sim().spawn("bdflush", bdflush(), ProcessKind::kDaemon);
  context_.sim().spawn("kupdated", kupdate(), ProcessKind::kDaemon);
}

Task<> Bdflush::bdflush() {
  TaskStruct& task = bdflush_task_;
  for (;;) {
    awake_ = true;
    const TimePoint since = context_.sim().now();
    Bytes written{};
    for (;;) {
      bool more = true;
      if (buffers_.release() == Release::k240)
        more = co_await flush_dirty_buffers(buffers_, CheckAge::kNo, WriteReason::kBackground, task,
                                            written) > 0;
      else
        more = co_await write_some_buffers(buffers_, nullptr, WriteReason::kBackground, task,
                                           written) == Scan::kAgain;
      if (!more || (buffers_.balance_dirty_state() < 0 && written >= asked_for_))
        break;
    }
    asked_for_ = Bytes(0);
    co_await context_.vfs.cpu.settle(task);
    if (written > Bytes(0))
      context_.trace_work(since, task.name(), WriteReason::kBackground,
                          round_up_pages(written).count());
    if (buffers_.release() == Release::k240)
      buffers_.tq_disk.run();
    else
      co_await wait_for_some_buffers(buffers_, nullptr, task);
    co_await context_.vfs.cpu.settle(task);
    awake_ = false;
    co_await buffers_.bdflush_wait.wait("bdflush_wait");
    co_await context_.vfs.cpu.woken(task);
  }
}

Task<> Bdflush::kupdate() {
  TaskStruct& task = kupdate_task_;
  Simulator& sim = context_.sim();
  co_await sim.delay_until(std::max(sim.now(), context_.periodic_start), "boot");
  for (;;) {
    if (buffers_.release() == Release::k2417)
      co_await wait_for_some_buffers(buffers_, nullptr, task);
    co_await context_.vfs.cpu.settle(task);
    const Jiffies interval = buffers_.bdf_prm.interval;
    if (interval.count() == 0)
      co_await stopped_.wait("SIGCONT");
    co_await sim.delay(context_.timeout(interval), "kupdate interval");
    co_await context_.vfs.cpu.woken(task);
    const TimePoint since = sim.now();
    const Bytes written = co_await sync_old_buffers();
    co_await context_.vfs.cpu.settle(task);
    context_.trace_work(since, task.name(), WriteReason::kPeriodic,
                        round_up_pages(written).count());
  }
}

// How much it sent to the disk.
Task<Bytes> Bdflush::sync_old_buffers() {
  TaskStruct& task = kupdate_task_;
  Bytes written{};
  if (buffers_.release() == Release::k240)
    context_.sync_supers();
  co_await inodes_.sync_inodes(task);
  if (buffers_.release() == Release::k240) {
    co_await flush_dirty_buffers(buffers_, CheckAge::kYes, WriteReason::kPeriodic, task, written);
    buffers_.tq_disk.run();
    co_return written;
  }
  context_.sync_supers();
  auto& dirty = buffers_.cache.lru_list(v24::BUF_DIRTY);
  // The oldest decides, and then takes a whole batch with it, young ones too.
  while (!dirty.empty() && context_.now() >= dirty.front().b_flushtime) {
    const Scan scan =
        co_await write_some_buffers(buffers_, nullptr, WriteReason::kPeriodic, task, written);
    if (scan == Scan::kEnd)
      break;
  }
  if (!dirty.empty() && context_.now() < dirty.front().b_flushtime)
    trace_buffer(buffers_, BufferCacheEvent::What::kNotExpired, dirty.front());
  co_return written;
}

Task<> Bdflush::writeback_inodes(WritebackControl& wbc, TaskStruct& task) {
  Bytes written{};
  if (buffers_.release() == Release::k240)
    co_await flush_dirty_buffers(buffers_, CheckAge::kNo, wbc.reason, task, written);
  else
    co_await write_some_buffers(buffers_, nullptr, wbc.reason, task, written);
  wbc.nr_to_write -= round_up_pages(written).count();
}

void Bdflush::wakeup_pdflush(Pages scanned) {
  asked_for_ = to_bytes(scanned);
  buffers_.wakeup_bdflush();
  buffers_.tq_disk.run();
}

Task<Errno> Bdflush::sync(TaskStruct& task) {
  task.charge(context_.vfs.costs.write_syscall);
  const Errno started = co_await sync_buffers(buffers_, nullptr, Wait::kNo, task);
  co_await inodes_.sync_inodes(task);
  context_.sync_supers();
  const Errno waited = co_await sync_buffers(buffers_, nullptr, Wait::kYes, task);
  co_await context_.vfs.cpu.settle(task);
  co_return started == Errno::kOk ? waited : started;
}

}  // namespace wbsim
