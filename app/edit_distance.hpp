// "Did you mean": the nearest of a list of names.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace wbsim {

// Insertions, deletions, replacements and swaps of neighbours that turn one word into the other;
// capitals are no difference.
int edit_distance(std::string_view a, std::string_view b);

// The names that are near enough to be what was meant, nearest first, at most `most`.
std::vector<std::string> nearest_names(std::string_view word, const std::vector<std::string>& names,
                                       std::size_t most);
std::optional<std::string> nearest_name(std::string_view word,
                                        const std::vector<std::string>& names);

}  // namespace wbsim
