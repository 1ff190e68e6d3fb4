// What a file is that should have been text.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace wbsim {

struct NotText {
  std::string what;  // "is compressed by gzip"
  std::string hint;
};

// Unset for text, whatever its encoding of letters beyond ASCII is.
std::optional<NotText> not_text(std::string_view bytes);

}  // namespace wbsim
