// The JSON value of this program: keys keep their order, so that output is stable.
#pragma once

#include <nlohmann/json_fwd.hpp>

namespace wbsim {

using Json = nlohmann::ordered_json;

}  // namespace wbsim
