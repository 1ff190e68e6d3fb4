#include "app/strace_line.hpp"

#include <charconv>

#include "app/import.hpp"

namespace wbsim {
namespace {

constexpr std::string_view kUnfinished = "<unfinished ...>";

// Takes "[pid 12] " or "12 " off.
std::string take_pid(std::string_view& text) {
  if (text.starts_with("[pid")) {
    const std::size_t end = text.find(']');
    const std::string pid(trimmed(text.substr(4, end == std::string_view::npos ? 0 : end - 4)));
    text = trimmed(text.substr(std::min(text.size(), end + 1)));
    return pid;
  }
  const std::string_view word = text.substr(0, text.find(' '));
  std::int64_t pid = 0;
  if (!parse_count(word, pid))
    return "1";
  text = trimmed(text.substr(word.size()));
  return std::string(word);
}

// "1700000000.123456" or "12:34:56.123456".
bool parse_clock(std::string_view word, Duration& value, bool& of_day) {
  of_day = word.size() >= 8 && word[2] == ':' && word[5] == ':';
  if (!of_day)
    return word.find('.') != std::string_view::npos && parse_seconds(word, value);
  std::int64_t hours = 0, minutes = 0;
  if (!parse_count(word.substr(0, 2), hours) || !parse_count(word.substr(3, 2), minutes) ||
      !parse_seconds(word.substr(6), value))
    return false;
  value += std::chrono::hours(hours) + std::chrono::minutes(minutes);
  return true;
}

// Splits "a, "b,c", {d, e}) = 3" at the commas of the outer level; returns what follows ")".
std::optional<std::string_view> split_arguments(std::string_view text,
                                                std::vector<std::string>& arguments) {
  int depth = 0;
  std::size_t from = 0;
  const auto add = [&](std::size_t end) {
    const std::string_view argument = trimmed(text.substr(from, end - from));
    if (!argument.empty())
      arguments.emplace_back(argument);
    from = end + 1;
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') {
      for (++i; i < text.size() && text[i] != '"'; ++i)
        i += text[i] == '\\' ? 1 : 0;
    } else if (c == '(' || c == '[' || c == '{') {
      ++depth;
    } else if (depth > 0 && (c == ')' || c == ']' || c == '}')) {
      --depth;
    } else if (c == ',' && depth == 0) {
      add(i);
    } else if (c == ')') {
      add(i);
      return text.substr(i + 1);
    }
  }
  return std::nullopt;
}

// " = 4096 <0.000012>"
bool parse_result(std::string_view text, StraceCall& call) {
  text = trimmed(text);
  if (!text.starts_with("="))
    return false;
  text = trimmed(text.substr(1));
  const bool hex = text.starts_with("0x");
  const char* const end = text.data() + text.size();
  const auto [after, code] =
      std::from_chars(text.data() + (hex ? 2 : 0), end, call.result, hex ? 16 : 10);
  if (code != std::errc())
    call.result = -1;  // "?": the process ended in it
  const std::size_t open = text.rfind('<');
  if (open != std::string_view::npos && text.ends_with('>'))
    parse_seconds(text.substr(open + 1, text.size() - open - 2), call.duration);
  return true;
}

}  // namespace

std::string StraceReader::forking() const {
  for (const auto& [pid, half] : unfinished_) {
    const std::string_view call = std::string_view(half).substr(half.find(' ') + 1);
    if (call.starts_with("fork") || call.starts_with("vfork") || call.starts_with("clone"))
      return pid;
  }
  return "";
}

std::optional<StraceCall> StraceReader::line(std::string_view text, int number,
                                             Problems& problems) {
  text = trimmed(text);
  if (text.empty() || text.starts_with("strace: "))
    return std::nullopt;
  const auto fail = [&](const std::string& message, const std::string& hint = {}) {
    problems.error("line " + std::to_string(number), message, hint);
    return std::nullopt;
  };
  StraceCall call;
  call.pid = take_pid(text);
  const std::string_view clock = text.substr(0, text.find(' '));
  bool of_day = false;
  if (!parse_clock(clock, call.start, of_day))
    return fail(shown(text) + " does not begin with a time", "strace -f -ttt -T prints it");
  if (of_day && call.start < last_clock_ - std::chrono::hours(12))
    days_ += std::chrono::hours(24);
  last_clock_ = call.start;
  call.start += of_day ? days_ : Duration{};
  text = trimmed(text.substr(clock.size()));
  if (text.starts_with("+++") || text.starts_with("---"))
    return std::nullopt;
  std::string whole;
  if (text.ends_with(kUnfinished)) {
    unfinished_[call.pid] = std::to_string(call.start.count()) + " " +
                            std::string(text.substr(0, text.size() - kUnfinished.size()));
    return std::nullopt;
  }
  if (text.starts_with("<... ")) {
    const auto first = unfinished_.find(call.pid);
    const std::size_t rest = text.find("resumed>");
    if (first == unfinished_.end() || rest == std::string_view::npos)
      return std::nullopt;  // it began before the recording
    const std::size_t blank = first->second.find(' ');
    call.start = Duration(std::stoll(first->second.substr(0, blank)));
    whole = first->second.substr(blank + 1) + std::string(text.substr(rest + 8));
    unfinished_.erase(first);
    text = whole;
  }
  const std::size_t open = text.find('(');
  if (open == std::string_view::npos)
    return fail(shown(text) + " is no system call");
  call.name = trimmed(text.substr(0, open));
  const auto rest = split_arguments(text.substr(open + 1), call.arguments);
  if (!rest || !parse_result(*rest, call))
    return fail(shown(text) + " is cut off");
  return call;
}

}  // namespace wbsim
