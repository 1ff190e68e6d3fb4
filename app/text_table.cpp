#include "app/text_table.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <limits>
#include <numeric>

namespace wbsim {
namespace {

constexpr std::size_t kGap = 2;           // between columns
constexpr std::size_t kFoldedLeast = 30;  // letters of a column that is folded
constexpr std::size_t kTerminalLeast = 40;

// What is read by a program is never folded.
std::size_t terminal_columns() {
  winsize size{};
  if (::isatty(STDOUT_FILENO) == 0 || ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 ||
      size.ws_col == 0)
    return std::numeric_limits<std::size_t>::max();
  return std::max<std::size_t>(size.ws_col, kTerminalLeast);
}

// In lines of at most `width`, unless a single word is longer.
std::vector<std::string> folded(const std::string& text, std::size_t width) {
  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin < text.size();) {
    std::size_t end = text.size();
    if (end - begin > width) {
      end = text.rfind(' ', begin + width);
      if (end == std::string::npos || end <= begin)
        end = std::min(text.find(' ', begin), text.size());
    }
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

// Lines one below the other, the first where `text` ends.
void append_below(std::string& text, const std::vector<std::string>& lines, std::size_t start) {
  for (std::size_t i = 0; i < lines.size(); ++i)
    text += (i == 0 ? "" : "\n" + std::string(start, ' ')) + lines[i];
}

}  // namespace

bool TextTable::is_left(std::size_t column) const {
  return std::find(left_.begin(), left_.end(), column) != left_.end();
}

std::vector<std::size_t> TextTable::widths() const {
  std::vector<std::size_t> widths;
  for (const std::vector<std::string>& row : rows_) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], row[i].size());
  }
  return widths;
}

std::string TextTable::row_text(const std::vector<std::string>& row, std::size_t indent,
                                const std::vector<std::size_t>& widths) const {
  std::string line(indent, ' ');
  for (std::size_t i = 0; i < row.size(); ++i) {
    const std::string blank(widths[i] - row[i].size(), ' ');
    line += (i == 0 ? "" : std::string(kGap, ' ')) + (is_left(i) ? row[i] + blank : blank + row[i]);
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

std::string TextTable::folded_row(const std::vector<std::string>& row, std::size_t indent,
                                  const std::vector<std::size_t>& widths, std::size_t limit) const {
  const std::size_t last = widths.size() - 1;
  const auto start_of = [&](std::size_t column) {
    return std::accumulate(widths.begin(), widths.begin() + static_cast<std::ptrdiff_t>(column),
                           indent + kGap * column);
  };
  const auto cells = [&](std::size_t count) {
    const std::vector<std::string> first(row.begin(),
                                         row.begin() + static_cast<std::ptrdiff_t>(count));
    std::string line = row_text(first, indent, widths);
    return line + std::string(start_of(count) - std::min(start_of(count), line.size()), ' ');
  };
  std::string text;
  if (start_of(last) + kFoldedLeast <= limit) {
    text = cells(last);
    append_below(text, folded(row[last], limit - start_of(last)), start_of(last));
  } else {
    const std::size_t start = start_of(last - 1);
    const std::size_t room = std::max(kFoldedLeast, limit - std::min(limit, start));
    text = cells(last - 1);
    append_below(text, folded(row[row[last - 1].empty() ? last : last - 1], room), start);
    if (!row[last - 1].empty() && !row[last].empty()) {
      text += "\n" + std::string(start + kGap, ' ');
      append_below(text, folded(row[last], room - kGap), start + kGap);
    }
  }
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

std::string TextTable::text(std::size_t indent) const {
  const std::vector<std::size_t> wide = widths();
  const std::size_t limit = terminal_columns();
  const std::size_t last = wide.size() - 1;
  const std::size_t total = std::accumulate(wide.begin(), wide.end(), indent + kGap * last);
  const bool folds = total > limit && last > 0 && is_left(last) && wide[last] > kFoldedLeast;
  std::string out;
  for (const std::vector<std::string>& row : rows_) {
    const bool whole = folds && row.size() == wide.size();
    out += (whole ? folded_row(row, indent, wide, limit) : row_text(row, indent, wide)) + "\n";
  }
  return out;
}

}  // namespace wbsim
