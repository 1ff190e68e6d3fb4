#include "models/block/elevator.hpp"

#include <stdexcept>
#include <string>

#include "models/block/deadline.hpp"
#include "models/block/noop.hpp"

namespace wbsim {

const std::vector<std::string_view>& elevator_names() {
  static const std::vector<std::string_view> names{"noop", "deadline"};
  return names;
}

std::unique_ptr<Elevator> make_elevator(std::string_view name, const DeadlineRules& rules,
                                        TickClock clock) {
  if (name == "noop")
    return std::make_unique<NoopElevator>();
  if (name == "deadline")
    return std::make_unique<DeadlineElevator>(rules, clock);
  throw std::invalid_argument("unknown scheduler: " + std::string(name));
}

}  // namespace wbsim
