// Numbers as text, without a locale.
#pragma once

#include <cstdint>
#include <string>

namespace wbsim {

std::string number_text(double value);  // shortest that reads back; 100000, not 1e+05
std::string short_text(double value);   // 5 significant digits, of 1e4 to 1e15 all before the point
std::string fixed_text(double value, int decimals);

std::string count_text(std::int64_t n, const std::string& thing);  // "1 thread", "2 threads"

// For people: "2.0 GiB", "45 us", "1.37 s".
std::string human_bytes(double bytes);
std::string human_time(double ns);

}  // namespace wbsim
