#include "app/json_text.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string_view>

namespace wbsim {
namespace {

std::string quoted(const std::string& text) {
  return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

void write(const Json& value, int depth, std::string& out);

void write_float(double value, std::string& out) {
  // JSON has no word for them; an absent value says the same.
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  char digits[64];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  out.append(digits, end);
}

// A value without members of its own fits into a line with its neighbours.
bool is_plain(const Json& value) {
  return !value.is_structured() || value.empty();
}

void write_array(const Json& array, int depth, std::string& out) {
  const bool one_line = std::all_of(array.begin(), array.end(), is_plain);
  const std::string indent(static_cast<std::size_t>(depth + 1) * 2, ' ');
  out += '[';
  bool first = true;
  for (const Json& item : array) {
    if (!first)
      out += one_line ? ", " : ",";
    if (!one_line)
      out.append("\n").append(indent);
    write(item, depth + 1, out);
    first = false;
  }
  if (!one_line)
    out.append("\n").append(indent, 2);
  out += ']';
}

void write_object(const Json& object, int depth, std::string& out) {
  const std::string indent(static_cast<std::size_t>(depth + 1) * 2, ' ');
  out += '{';
  bool first = true;
  for (const auto& [key, member] : object.items()) {
    out.append(first ? "\n" : ",\n").append(indent).append(quoted(key)).append(": ");
    write(member, depth + 1, out);
    first = false;
  }
  if (!first)
    out.append("\n").append(indent, 2);
  out += '}';
}

void write(const Json& value, int depth, std::string& out) {
  if (value.is_object())
    write_object(value, depth, out);
  else if (value.is_array())
    write_array(value, depth, out);
  else if (value.is_number_float())
    write_float(value.get<double>(), out);
  else if (value.is_string())
    out += quoted(value.get_ref<const std::string&>());
  else
    out += value.dump();
}

}  // namespace

std::string json_text(const Json& value) {
  std::string out;
  write(value, 0, out);
  return out + "\n";
}

}  // namespace wbsim
