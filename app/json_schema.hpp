// The scenario format as a JSON schema (draft-07), for editors.
#pragma once

#include "app/json.hpp"

namespace wbsim {

Json scenario_json_schema();

}  // namespace wbsim
