// What an importer fills: a scenario, and for recorded calls a replay file beside it.
#pragma once

#include <string>
#include <vector>

#include "app/problems.hpp"
#include "app/recording.hpp"
#include "app/scenario_draft.hpp"

namespace wbsim {

struct Import {
  ScenarioDraft draft;
  Recording recording;
  std::vector<std::string> passed_over;  // what was left out without harm, for the user
};

// A list of thousands of lines that all lack the same helps nobody.
inline constexpr std::size_t kMostImportProblems = 20;

std::string_view trimmed(std::string_view text);  // of the blanks around it
// The words of a line, parted by blanks.
std::vector<std::string_view> words_of(std::string_view line);
// Calls `f(line, number)` for each line until it has found kMostImportProblems.
template <class F>
void for_each_line(std::string_view text, const Problems& problems, const F& f) {
  int number = 0;
  while (!text.empty() && problems.all().size() < kMostImportProblems) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r'))
      line.remove_suffix(1);
    f(line, ++number);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
}

// Decimal digits only.
bool parse_count(std::string_view text, std::int64_t& value);
// "12.000345" in nanoseconds.
bool parse_seconds(std::string_view text, Duration& value);

}  // namespace wbsim
