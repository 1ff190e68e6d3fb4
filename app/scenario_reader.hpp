// From JSON to a scenario: unknown keys, wrong types, missing units and values out of range are
// all reported.
#pragma once

#include "app/json.hpp"
#include "app/problems.hpp"
#include "app/scenario_file.hpp"

namespace wbsim {

ScenarioFile read_scenario(const Json& document, Problems& problems);

}  // namespace wbsim
