#include "app/edit_distance.hpp"

#include <algorithm>
#include <utility>

namespace wbsim {

namespace {
// Of ASCII, whatever the locale.
char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
}  // namespace

int edit_distance(std::string_view a, std::string_view b) {
  std::vector<int> before_last(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j)
    last[j] = static_cast<int>(j);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = static_cast<int>(i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const int replace = last[j - 1] + (lower(a[i - 1]) == lower(b[j - 1]) ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, replace});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
    before_last = last;
    last = row;
  }
  return last[b.size()];
}

std::vector<std::string> nearest_names(std::string_view word, const std::vector<std::string>& names,
                                       std::size_t most) {
  constexpr std::size_t kLongestWord = 64;
  if (word.size() > kLongestWord)
    return {};
  std::vector<std::pair<int, std::string>> found;
  for (const std::string& name : names) {
    const int distance = edit_distance(word, name);
    const auto length = static_cast<int>(std::max(word.size(), name.size()));
    // A third of the letters may be wrong, or one name begins with the other.
    const bool begins = word.size() >= 3 && (name.starts_with(word) || word.starts_with(name));
    if (distance * 3 <= length + 1 || begins)
      found.emplace_back(distance, name);
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  if (found.size() > most)
    found.resize(most);
  std::vector<std::string> result;
  for (auto& [distance, name] : found)
    result.push_back(std::move(name));
  return result;
}

std::optional<std::string> nearest_name(std::string_view word,
                                        const std::vector<std::string>& names) {
  std::vector<std::string> found = nearest_names(word, names, 1);
  if (found.empty())
    return std::nullopt;
  return std::move(found.front());
}

}  // namespace wbsim
