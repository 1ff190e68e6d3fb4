// Sizes, durations and rates as scenario files write them: "64KiB", "8.5ms", "50MB/s". Exact: a
// value that is not a whole number of bytes or nanoseconds is an error.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace wbsim {

struct UnitValue {
  std::int64_t value = 0;  // bytes, nanoseconds, or bytes per second
  std::string error;       // empty: value is good
  std::string hint;
};

UnitValue parse_size(std::string_view text);
UnitValue parse_duration(std::string_view text);
UnitValue parse_rate(std::string_view text);

// The shortest exact spelling that the functions above read back.
std::string size_text(std::int64_t bytes);
std::string duration_text(std::int64_t ns);
std::string rate_text(std::int64_t bytes_per_s);

// The spellings as a regular expression, for the JSON schema.
std::string_view size_pattern();
std::string_view duration_pattern();
std::string_view rate_pattern();

}  // namespace wbsim
