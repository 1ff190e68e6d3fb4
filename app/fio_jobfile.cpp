#include "app/fio_jobfile.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "app/import.hpp"

namespace wbsim {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

constexpr std::pair<std::string_view, std::string_view> kAliases[] = {
    {"blocksize", "bs"},
    {"readwrite", "rw"},
    {"timeout", "runtime"},
    {"io_limit", "io_size"},
    {"start_delay", "startdelay"},
    {"nr_files", "nrfiles"},
    {"ba", "blockalign"},
    {"iodepth_batch", "iodepth_batch_submit"},
    {"wait_for_previous", "stonewall"},
};

std::string_view without_alias(std::string_view key) {
  const auto* const found = std::find_if(std::begin(kAliases), std::end(kAliases),
                                         [key](const auto& alias) { return alias.first == key; });
  return found == std::end(kAliases) ? key : found->second;
}

class Parser {
 public:
  explicit Parser(Problems& problems) : problems_(problems) {}

  void line(std::string_view text) {
    ++number_;
    text = trimmed(text.substr(0, text.find_first_of(";#")));
    if (text.empty())
      return;
    if (text.front() == '[')
      section(text);
    else if (text.starts_with("include "))
      problems_.error(place(), "include: other files are not read", "put its lines here");
    else
      option(text);
  }

  std::vector<FioSection> sections;

 private:
  std::string place() const { return "line " + std::to_string(number_); }

  void section(std::string_view text) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos || trimmed(text.substr(1, end - 1)).empty()) {
      problems_.error(place(), shown(text) + " is no section");
      return;
    }
    const std::string name(trimmed(text.substr(1, end - 1)));
    in_global_ = lower(name) == "global";
    if (!in_global_)
      sections.push_back({name, number_, global_});
    seen_section_ = true;
  }

  void option(std::string_view text) {
    const std::size_t equals = text.find('=');
    FioOption option;
    option.key = without_alias(trimmed(text.substr(0, equals)));
    option.line = number_;
    if (equals != std::string_view::npos)
      option.value = std::string(trimmed(text.substr(equals + 1)));
    if (!seen_section_) {
      problems_.error(place(), shown(text) + " stands before any [section]");
      return;
    }
    if (option.value && option.value->find("${") != std::string::npos) {
      problems_.error(place(), option.key + ": the environment is not read",
                      "write the value of " + *option.value);
      return;
    }
    (in_global_ ? global_ : sections.back().options).push_back(std::move(option));
  }

  Problems& problems_;
  std::vector<FioOption> global_;
  bool in_global_ = false, seen_section_ = false;
  int number_ = 0;
};

// The number in front, and what follows it in small letters.
struct Number {
  std::int64_t value = 0;
  std::string suffix;
};

std::optional<Number> leading_number(std::string_view text) {
  Number number;
  const bool hex = text.starts_with("0x") || text.starts_with("0X");
  const char* const end = text.data() + text.size();
  const auto [after, code] =
      std::from_chars(text.data() + (hex ? 2 : 0), end, number.value, hex ? 16 : 10);
  if (code != std::errc() || number.value < 0)
    return std::nullopt;
  number.suffix = lower(trimmed({after, static_cast<std::size_t>(end - after)}));
  return number;
}

std::optional<std::int64_t> scaled(std::int64_t value, std::int64_t scale) {
  std::int64_t result = 0;
  if (__builtin_mul_overflow(value, scale, &result))
    return std::nullopt;
  return result;
}

}  // namespace

const FioOption* FioSection::find(std::string_view key) const {
  const auto found = std::find_if(options.rbegin(), options.rend(),
                                  [key](const FioOption& option) { return option.key == key; });
  return found == options.rend() ? nullptr : &*found;
}

std::vector<FioSection> parse_fio_jobfile(std::string_view text, Problems& problems) {
  Parser parser(problems);
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    parser.line(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  if (parser.sections.empty())
    problems.error("", "has no job");
  return parser.sections;
}

std::string fio_place(const FioSection& section, const FioOption& option) {
  return "line " + std::to_string(option.line) + " [" + section.name + "] " + option.key;
}

std::optional<std::int64_t> fio_bytes(std::string_view text, int kb_base) {
  const std::optional<Number> number = leading_number(text);
  if (!number)
    return std::nullopt;
  std::string suffix = number->suffix;
  if (suffix.ends_with('b'))
    suffix.pop_back();
  if (suffix.empty())
    return number->value;
  const std::size_t power = std::string_view("kmgtp").find(suffix.front());
  if (power == std::string_view::npos || (suffix.size() > 1 && suffix.substr(1) != "i"))
    return std::nullopt;
  const std::int64_t base = (suffix.size() > 1) == (kb_base == 1024) ? 1000 : 1024;
  std::optional<std::int64_t> value = number->value;
  for (std::size_t i = 0; value && i <= power; ++i)
    value = scaled(*value, base);
  return value;
}

std::optional<std::int64_t> fio_time(std::string_view text, std::int64_t unit_ns) {
  constexpr std::pair<std::string_view, std::int64_t> kUnits[] = {
      {"us", 1'000},         {"usec", 1'000},          {"ms", 1'000'000},
      {"msec", 1'000'000},   {"s", 1'000'000'000},     {"sec", 1'000'000'000},
      {"m", 60'000'000'000}, {"h", 3'600'000'000'000}, {"d", 86'400'000'000'000}};
  const std::optional<Number> number = leading_number(text);
  if (!number)
    return std::nullopt;
  if (number->suffix.empty())
    return scaled(number->value, unit_ns);
  for (const auto& [name, ns] : kUnits) {
    if (number->suffix == name)
      return scaled(number->value, ns);
  }
  return std::nullopt;
}

}  // namespace wbsim
