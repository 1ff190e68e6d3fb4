#include "models/block/elevator.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "models/block/bfq.hpp"
#include "models/block/cfq.hpp"
#include "models/block/deadline.hpp"
#include "models/block/noop.hpp"
#include "models/block/queue_settings.hpp"

namespace wbsim {

const std::vector<std::string_view>& scheduler_names(const QueueRules& rules) {
  static const std::vector<std::string_view> single{"cfq", "deadline", "noop"};
  static const std::vector<std::string_view> multi{"mq-deadline", "none", "bfq"};
  static const std::vector<std::string_view> linus{"linus"};
  if (is_linus(rules.kind))
    return linus;
  return rules.kind == QueueKind::kMulti ? multi : single;
}

std::string_view scheduler_of(std::string_view name, const QueueRules& rules) {
  return rules.kind == QueueKind::kMulti && name == "deadline" ? "mq-deadline" : name;
}

const std::vector<std::string_view>& scheduler_names() {
  static const std::vector<std::string_view> names{"linus", "noop",        "deadline", "cfq",
                                                   "none",  "mq-deadline", "bfq"};
  return names;
}

std::unique_ptr<Elevator> make_elevator(std::string_view name, const QueueRules& rules,
                                        TickClock clock, bool may_wait) {
  const auto& known = scheduler_names(rules);
  if (std::find(known.begin(), known.end(), name) != known.end()) {
    if (name == "noop")
      return std::make_unique<NoopElevator>();
    if (name == "cfq")
      return std::make_unique<CfqElevator>(rules.cfq, clock, may_wait);
    if (name == "bfq")
      return std::make_unique<BfqElevator>(clock);
    if (name == "deadline" || name == "mq-deadline")
      return std::make_unique<DeadlineElevator>(rules.deadline, clock);
  }
  throw std::invalid_argument("unknown scheduler: " + std::string(name));
}

}  // namespace wbsim
