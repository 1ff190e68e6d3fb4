#include "models/writeback/futile_scan.hpp"

#include <algorithm>

namespace wbsim {

namespace {
constexpr int kDefPriority = 12;         // DEF_PRIORITY
constexpr Pages kScannedForNothing{48};  // SWAP_CLUSTER_MAX and a half
}  // namespace

Task<Pages> FutileScan::shrink_inactive_list(int priority, Thread& thread) {
  Vfs& vfs = context_.vfs;
  const Pages looked_at{(vfs.cache.inactive_pages().count() >> priority) + 1};
  const Pages futile = std::min(unfreeable_, looked_at);
  unfreeable_ -= futile;
  thread.charge(vfs.costs.reclaim_page * futile.count());
  co_await vfs.cpu.settle(thread);
  co_return futile;
}

Task<> FutileScan::wait_after(int priority, Thread& thread) {
  if (is_due() && priority < kDefPriority - 2)
    co_await context_.congestion_wait(thread, context_.hz(10));
}

Task<> FutileScan::balance_pgdat(Thread& kswapd) {
  for (int priority = kDefPriority; is_due(); priority = std::max(priority - 1, 0)) {
    co_await shrink_inactive_list(priority, kswapd);
    co_await wait_after(priority, kswapd);
  }
}

Task<> FutileScan::try_to_free_pages(TaskStruct& task) {
  Pages scanned{};
  for (int priority = kDefPriority; is_due() && priority >= 0; --priority) {
    scanned += co_await shrink_inactive_list(priority, task);
    if (is_due() && scanned > kScannedForNothing)
      flusher_.wakeup_pdflush(scanned);
    co_await wait_after(priority, task);
  }
}

}  // namespace wbsim
