#include "app/number_text.hpp"

#include <charconv>
#include <cmath>
#include <cstddef>
#include <iterator>

namespace wbsim {

std::string number_text(double value) {
  char digits[64];
  const bool whole = value == std::trunc(value) && std::abs(value) < 1e15;
  const auto format = whole ? std::chars_format::fixed : std::chars_format::general;
  const auto end = std::to_chars(digits, digits + sizeof digits, value, format).ptr;
  return {digits, end};
}

std::string short_text(double value) {
  constexpr int kSignificant = 5;
  if (std::abs(value) >= 1e4 && std::abs(value) < 1e15)
    return fixed_text(value, 0);
  char digits[64];
  const auto end =
      std::to_chars(digits, digits + sizeof digits, value, std::chars_format::general, kSignificant)
          .ptr;
  return {digits, end};
}

std::string fixed_text(double value, int decimals) {
  char digits[512];
  const auto end =
      std::to_chars(digits, digits + sizeof digits, value, std::chars_format::fixed, decimals).ptr;
  return {digits, end};
}

std::string count_text(std::int64_t n, const std::string& thing) {
  return std::to_string(n) + " " + thing + (n == 1 ? "" : "s");
}

std::string human_bytes(double bytes) {
  constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  while (std::abs(bytes) >= 1024 && unit + 1 < std::size(kUnits)) {
    bytes /= 1024;
    ++unit;
  }
  return fixed_text(bytes, unit == 0 ? 0 : 1) + " " + kUnits[unit];
}

std::string human_time(double ns) {
  struct Scale {
    double ns;
    const char* unit;
  };
  constexpr Scale kScales[] = {{1e9, "s"}, {1e6, "ms"}, {1e3, "us"}};
  for (const Scale& scale : kScales) {
    const double value = ns / scale.ns;
    if (std::abs(value) >= 1)
      return fixed_text(value, std::abs(value) >= 100  ? 0
                               : std::abs(value) >= 10 ? 1
                                                       : 2) +
             " " + scale.unit;
  }
  return fixed_text(ns, 0) + " ns";
}

}  // namespace wbsim
