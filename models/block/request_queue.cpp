#include "models/block/request_queue.hpp"

#include "models/block/blk_mq.hpp"
#include "models/block/single_queue.hpp"

namespace wbsim {

std::unique_ptr<RequestQueue> make_request_queue(Simulator& sim, TickClock clock, Device& device,
                                                 const QueueParams& params, const QueueRules& rules,
                                                 CongestionWaits& congestion, TraceSink& trace) {
  if (rules.kind == QueueKind::kMulti)
    return std::make_unique<BlkMqQueue>(sim, clock, device, params, rules, trace);
  return std::make_unique<SingleQueue>(sim, clock, device, params, rules, congestion, trace);
}

}  // namespace wbsim
