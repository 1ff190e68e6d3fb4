// Whoever frees memory waits while more pages are under write-back than a tenth above the dirty
// limit, and while there is nothing but dirty pages and such that cannot be freed.
//
// MODELS:   mm/page-writeback.c throttle_vm_writeout() of 2.6.18 - 3.10, called by shrink_zone();
//           mm/vmscan.c try_to_free_pages() where it finds nothing: it has the flushers write, and
//           waits for 100 ms at most.
// DEVIATES: 2.4, which writes pages itself, waits in the same way; where the kernel would kill a
//           process for its memory the run ends (OutOfMemory). kswapd frees nothing while it waits,
//           and not a few pages between two sleeps. Of tasks that free memory themselves, below the
//           lowest watermark, those wait that add a page to a file or lock memory; not who
//           allocates buffers or nodes.
#pragma once

#include "models/mm/reclaim_throttle.hpp"
#include "models/writeback/futile_scan.hpp"
#include "models/writeback/writeback_context.hpp"

namespace wbsim {

class VmWriteoutThrottle : public ReclaimThrottle {
 public:
  VmWriteoutThrottle(WritebackContext& context, Flusher& flusher)
      : context_(context), flusher_(flusher), futile_(context, flusher) {}

  bool must_wait(const TaskStruct* task) const override;
  Task<> try_to_free_pages(TaskStruct& task) override;
  bool is_futile() const override { return futile_.is_due(); }
  Task<> balance_pgdat(Thread& kswapd) override { return futile_.balance_pgdat(kswapd); }

  const FutileScan& futile() const { return futile_; }

 private:
  bool too_much_under_writeback(const TaskStruct* task) const;
  Task<> throttle_vm_writeout(TaskStruct& task);  // frees a few pages first
  Task<> wait_for_clean_pages(TaskStruct& task);

  WritebackContext& context_;
  Flusher& flusher_;
  FutileScan futile_;
};

}  // namespace wbsim
