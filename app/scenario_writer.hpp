// A scenario as JSON with every default filled in; the reader reads it back.
#pragma once

#include "app/json.hpp"
#include "app/scenario_file.hpp"

namespace wbsim {

Json resolved_json(const ScenarioFile& file);

// One value in the spelling of its kind.
Json scalar_json(const KeySpec& spec, const Scalar& value);

}  // namespace wbsim
