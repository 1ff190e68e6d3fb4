#include "models/writeback/balance_dirty.hpp"

#include <algorithm>

namespace wbsim {

using v24::Release;

Task<> BalanceDirty::balance_dirty_pages(TaskStruct& task, AddressSpace&) {
  const int state = buffers_.balance_dirty_state();
  if (state < 0)
    co_return;
  const bool early = buffers_.release() == Release::k240;
  const bool pays = !early || state > 0;
  const TimePoint since = context_.sim().now();
  if (pays)
    task.throttled_by = ThrottledBy::kGlobalLimit;
  Bytes written{};
  if (early)
    co_await balance_240(task, state, written);
  else
    co_await balance_2417(task, state, written);
  if (written > Bytes(0))
    context_.trace_work(since, task.name(), WriteReason::kBalanceDirty,
                        round_up_pages(written).count());
  task.throttled_by = ThrottledBy::kNobody;
  if (!pays)
    co_return;
  first_throttle_ = std::min(first_throttle_, since);
  task.throttled += context_.sim().now() - since;
  ++task.throttle_calls;
}

// Beyond nfract the daemon writes; beyond nfract_sync the writer does as well.
Task<> BalanceDirty::balance_240(TaskStruct& task, int state, Bytes& written) {
  buffers_.wakeup_bdflush();
  if (state > 0)
    co_await flush_dirty_buffers(buffers_, v24::CheckAge::kNo, WriteReason::kBalanceDirty, task,
                                 written);
}

// Beyond nfract the writer submits; beyond nfract_sync it waits for a buffer, and wakes the daemon.
Task<> BalanceDirty::balance_2417(TaskStruct& task, int state, Bytes& written) {
  co_await write_some_buffers(buffers_, nullptr, WriteReason::kBalanceDirty, task, written);
  if (state == 0)
    co_return;
  co_await wait_for_some_buffers(buffers_, nullptr, task);
  buffers_.wakeup_bdflush();
}

}  // namespace wbsim
