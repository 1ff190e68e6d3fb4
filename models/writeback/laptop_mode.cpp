#include "models/writeback/laptop_mode.hpp"

namespace wbsim {

LaptopMode::LaptopMode(WritebackContext& context, Flusher& flusher, Jiffies delay,
                       LaptopTimers timers)
    : context_(context),
      flusher_(flusher),
      delay_(delay),
      timers_(timers == LaptopTimers::kOne ? 1 : context.bdis.size()) {
  WB_ASSERT(delay > Jiffies(0));
  for (BackingDevInfo* bdi : context.bdis)
    bdi->queue->set_io_listener(*this);
}

void LaptopMode::io_completed(int device) {
  Simulator& sim = context_.sim();
  const std::size_t i = timers_.size() == 1 ? 0 : static_cast<std::size_t>(device);
  sim.cancel(timers_[i]);
  const EventAction expire{
      [](void* self, std::uint64_t timer) {
        static_cast<LaptopMode*>(self)->expired(static_cast<std::size_t>(timer));
      },
      this, i};
  timers_[i] = sim.at(context_.wheel.expiry(sim.now(), delay_), expire);
}

void LaptopMode::expired(std::size_t timer) {
  flusher_.laptop_flush(*context_.bdis[timer]);
}

void LaptopMode::sync_completed() {
  for (EventQueue::Handle& timer : timers_)
    context_.sim().cancel(timer);
}

void sync_completed(WritebackContext& context) {
  if (context.laptop)
    context.laptop->sync_completed();
}

}  // namespace wbsim
