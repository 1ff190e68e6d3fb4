// How a run ends whose machine has no memory left: a fault of the scenario, not of the program.
#pragma once

#include <stdexcept>

namespace wbsim {

struct OutOfMemory : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace wbsim
