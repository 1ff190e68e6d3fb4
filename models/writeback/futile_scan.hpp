// Reclaim that meets pages which cannot be freed: up to 2.6.27 those of an initramfs and mlocked
// ones lie on the inactive list, the oldest there when memory fills for the first time.
//
// MODELS:   mm/vmscan.c balance_pgdat() and try_to_free_pages() of 2.6.18 - 2.6.24. They look at
//           1/4096 of the inactive pages, then at 1/2048, and so on, and what cannot be freed goes
//           to the active list. From the fourth time on they wait after each, until a queue is no
//           longer congested or for 100 ms. A task that has looked at more than 48 pages for
//           nothing has pdflush write as many.
// DEVIATES: one zone; what is on the active list stays there; kswapd writes no page itself.
#pragma once

#include "models/writeback/flusher.hpp"
#include "models/writeback/writeback_context.hpp"

namespace wbsim {

class FutileScan {
 public:
  FutileScan(WritebackContext& context, Flusher& flusher)
      : context_(context),
        flusher_(flusher),
        unfreeable_(context.vfs.cache.params().unfreeable_at_start) {}

  bool is_due() const { return unfreeable_ > Pages(0); }
  Pages unfreeable() const { return unfreeable_; }  // on the inactive list
  // Both return when there are none left, or the task has looked at all of memory.
  Task<> balance_pgdat(Thread& kswapd);
  Task<> try_to_free_pages(TaskStruct& task);

 private:
  Task<Pages> shrink_inactive_list(int priority, Thread& thread);  // so many for nothing
  Task<> wait_after(int priority, Thread& thread);

  WritebackContext& context_;
  Flusher& flusher_;
  Pages unfreeable_;
};

}  // namespace wbsim
