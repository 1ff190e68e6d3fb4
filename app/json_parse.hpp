// Strict JSON: what nlohmann::json lets pass silently (duplicate keys, integers beyond 64 bits) is
// an error here.
#pragma once

#include <string_view>

#include "app/json.hpp"
#include "app/problems.hpp"

namespace wbsim {

// Malformed text is one problem with line and column, and the result is null.
Json parse_json(std::string_view text, Problems& problems);

}  // namespace wbsim
