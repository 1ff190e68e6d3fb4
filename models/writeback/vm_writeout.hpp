// Whoever frees memory waits while more pages are under write-back than a tenth above the dirty
// limit.
//
// MODELS:   mm/page-writeback.c throttle_vm_writeout() of 2.6.18 - 3.10, called by shrink_zone().
// DEVIATES: kswapd frees nothing while it waits, and not a few pages between two sleeps. Of tasks
//           that free memory themselves, below the lowest watermark, those wait that add a page to
//           a file or lock memory; not who allocates buffers or nodes.
#pragma once

#include "models/mm/reclaim_throttle.hpp"
#include "models/writeback/writeback_context.hpp"

namespace wbsim {

class VmWriteoutThrottle : public ReclaimThrottle {
 public:
  explicit VmWriteoutThrottle(WritebackContext& context) : context_(context) {}

  bool must_wait(const TaskStruct* task) const override;
  Task<> throttle_vm_writeout(TaskStruct& task) override;  // frees a few pages first

 private:
  WritebackContext& context_;
};

}  // namespace wbsim
