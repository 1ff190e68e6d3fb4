// JSON as text: two spaces, arrays of plain values on one line, floats by std::to_chars.
#pragma once

#include <string>

#include "app/json.hpp"

namespace wbsim {

// Ends with a newline.
std::string json_text(const Json& value);

}  // namespace wbsim
