#include "app/problems.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "app/edit_distance.hpp"
#include "app/number_text.hpp"

namespace wbsim {
namespace {

// Is `inner` the pointer `outer` or something below it?
bool is_at_or_below(std::string_view inner, std::string_view outer) {
  return inner.starts_with(outer) && (inner.size() == outer.size() || inner[outer.size()] == '/');
}

}  // namespace

void Problems::error(std::string pointer, std::string message, std::string hint) {
  spoilt_.push_back(pointer);
  list_.push_back({std::move(pointer), std::move(message), std::move(hint), false});
  ++errors_;
}

void Problems::warn(std::string pointer, std::string message, std::string hint) {
  list_.push_back({std::move(pointer), std::move(message), std::move(hint), true});
}

bool Problems::usable(std::string_view pointer) const {
  return std::none_of(spoilt_.begin(), spoilt_.end(), [&](const std::string& bad) {
    return !bad.empty() && is_at_or_below(pointer, bad);
  });
}

bool Problems::usable_below(std::string_view pointer, std::string_view key) const {
  const std::string ending = "/" + std::string(key);
  return usable(pointer) && std::none_of(spoilt_.begin(), spoilt_.end(), [&](const auto& bad) {
           if (!is_at_or_below(bad, pointer))
             return false;
           const std::string_view last = std::string_view(bad).substr(bad.rfind('/') + 1);
           const bool is_element = last.find_first_not_of("0123456789") == std::string_view::npos;
           return bad.ends_with(ending) || is_element;
         });
}

std::string Problems::text(std::string_view file) const {
  std::string out;
  for (const Problem& p : list_) {
    out.append(file).append(": ");
    if (!p.pointer.empty())
      out.append(p.pointer).append(": ");
    out.append(p.warning ? "warning: " : "").append(p.message).append("\n");
    if (!p.hint.empty())
      out.append("    ").append(p.hint).append("\n");
  }
  return out;
}

std::string name_hint(std::string_view word, const std::vector<std::string>& allowed) {
  std::string hint;
  if (const std::optional<std::string> near = nearest_name(word, allowed))
    hint = "did you mean \"" + *near + "\"?   ";
  hint += "allowed:";
  for (const std::string& name : allowed)
    hint += " " + name;
  return hint;
}

std::string counted_errors(int n) {
  return count_text(n, "error");
}

std::string child(std::string_view pointer, std::string_view key) {
  std::string out(pointer);
  out += '/';
  for (const char c : key) {
    if (c == '~')
      out += "~0";
    else if (c == '/')
      out += "~1";
    else
      out += static_cast<unsigned char>(c) < 0x20 ? '?' : c;
  }
  return out;
}

std::string child(std::string_view pointer, std::size_t index) {
  return std::string(pointer) + "/" + std::to_string(index);
}

std::string shown(std::string_view text) {
  constexpr std::size_t kLongest = 60;
  std::size_t end = std::min(text.size(), kLongest);
  while (end < text.size() && (text[end] & 0xc0) == 0x80)  // within a character of UTF-8
    --end;
  std::string out = "\"";
  for (const char c : text.substr(0, end))
    out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  return out + (end < text.size() ? "...\"" : "\"");
}

}  // namespace wbsim
