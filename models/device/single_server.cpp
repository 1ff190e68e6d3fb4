#include "models/device/single_server.hpp"

#include "sim/assert.hpp"

namespace wbsim {

Duration SingleServer::serve(DeviceRequest& rq, TimePoint now) {
  WB_ASSERT(rq.sector >= Sectors(0) && rq.end() <= capacity());
  // Without a volatile cache there is nothing to flush.
  const Duration service = rq.op == BioOp::kFlush ? Duration::zero() : service_time(rq, now);
  return note_service(rq, now, service);
}

void SingleServer::accept(DeviceRequest& rq) {
  waiting_.push_back(rq);
  if (!ending_)
    start_next();
}

void SingleServer::start_next() {
  if (serving_ || waiting_.empty())
    return;
  DeviceRequest& rq = waiting_.front();
  waiting_.pop_front();
  serving_ = &rq;
  rq.idle_start = !ending_;
  const Duration service = serve(rq, sim().now());
  tell_started(rq);
  const EventAction end{
      [](void* self, std::uint64_t) { static_cast<SingleServer*>(self)->end_service(); }, this};
  sim().at(sim().now() + service, end);
}

void SingleServer::end_service() {
  DeviceRequest& rq = *serving_;
  serving_ = nullptr;
  ending_ = true;
  finish(rq);
  start_next();
  ending_ = false;
}

}  // namespace wbsim
