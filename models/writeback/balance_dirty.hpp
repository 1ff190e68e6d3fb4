// The throttle of 2.4: one check per page that was dirtied. No limit of its own for a device, and
// no pause: a writer is held up by the request slots of what it must write.
//
// MODELS:   fs/buffer.c balance_dirty() of 2.4.0 and 2.4.17.
#pragma once

#include "models/writeback/bdflush.hpp"

namespace wbsim {

class BalanceDirty : public DirtyThrottle {
 public:
  BalanceDirty(WritebackContext& context, v24::Buffers& buffers)
      : context_(context), buffers_(buffers) {}

  bool ratelimit(TaskStruct&, const AddressSpace&, Pages) override {
    return buffers_.balance_dirty_state() >= 0;
  }
  Task<> balance_dirty_pages(TaskStruct& task, AddressSpace& mapping) override;
  TimePoint first_throttle() const override { return first_throttle_; }

 private:
  Task<> balance_240(TaskStruct& task, int state, Bytes& written);
  Task<> balance_2417(TaskStruct& task, int state, Bytes& written);

  WritebackContext& context_;
  v24::Buffers& buffers_;
  TimePoint first_throttle_ = TimePoint::max();
};

}  // namespace wbsim
