#include "app/import.hpp"

#include <charconv>

namespace wbsim {

namespace {
constexpr std::string_view kBlanks = " \t\r";
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos)
    return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  for (std::size_t at = line.find_first_not_of(kBlanks); at != std::string_view::npos;) {
    const std::size_t end = line.find_first_of(kBlanks, at);
    words.push_back(line.substr(at, end == std::string_view::npos ? end : end - at));
    at = line.find_first_not_of(kBlanks, end);
  }
  return words;
}

bool parse_count(std::string_view text, std::int64_t& value) {
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  return code == std::errc() && end == text.data() + text.size() && value >= 0;
}

bool parse_seconds(std::string_view text, Duration& value) {
  const std::size_t dot = text.find('.');
  std::int64_t seconds = 0, fraction = 0;
  constexpr std::int64_t kLongest = 9'000'000'000;
  if (!parse_count(text.substr(0, dot), seconds) || seconds > kLongest)
    return false;
  if (dot != std::string_view::npos) {
    std::string digits(text.substr(dot + 1, 9));
    digits.resize(9, '0');
    if (!parse_count(digits, fraction))
      return false;
  }
  value = std::chrono::seconds(seconds) + Duration(fraction);
  return true;
}

}  // namespace wbsim
