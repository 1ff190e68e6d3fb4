#include "models/block/request_queue.hpp"

#include "models/block/blk_mq.hpp"
#include "models/block/linus_queue.hpp"
#include "models/block/single_queue.hpp"

namespace wbsim {

std::unique_ptr<RequestQueue> make_request_queue(Simulator& sim, TickClock clock, Device& device,
                                                 const QueueParams& params, const QueueRules& rules,
                                                 BlockLayer& layer, TraceSink& trace) {
  if (rules.kind == QueueKind::kMulti)
    return std::make_unique<BlkMqQueue>(sim, clock, device, params, rules, layer, trace);
  if (is_linus(rules.kind))
    return std::make_unique<LinusQueue>(
        sim, clock, device, with_defaults(params, rules, device.depth()),
        rules.kind == QueueKind::kLinus240 ? LinusRelease::k240 : LinusRelease::k2417, layer,
        trace);
  return std::make_unique<SingleQueue>(sim, clock, device, params, rules, layer, trace);
}

}  // namespace wbsim
