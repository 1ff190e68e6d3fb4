#include "app/csv_file.hpp"

#include <algorithm>
#include <charconv>

#include "app/errors.hpp"
#include "app/scenario_load.hpp"

namespace wbsim {

void CsvFile::split(std::string_view line, std::vector<std::string_view>& fields) {
  fields.clear();
  for (;;) {
    const std::size_t comma = line.find(',');
    fields.push_back(line.substr(0, comma));
    if (comma == std::string_view::npos)
      return;
    line.remove_prefix(comma + 1);
  }
}

CsvFile::CsvFile(const std::string& path) : path_(path), text_(read_scenario_text(path)) {
  at_ = text_.find('\n');
  if (at_ == std::string::npos)
    throw UsageError(path + ": has no header");
  split(std::string_view(text_).substr(0, at_++), fields_);
  header_.assign(fields_.begin(), fields_.end());
}

bool CsvFile::next() {
  const std::size_t end = text_.find('\n', at_);
  if (end == std::string::npos)
    return false;
  split(std::string_view(text_).substr(at_, end - at_), fields_);
  at_ = end + 1;
  return fields_.size() == header_.size();
}

bool CsvFile::has(std::string_view name) const {
  return std::find(header_.begin(), header_.end(), name) != header_.end();
}

std::size_t CsvFile::column(std::string_view name) const {
  const auto found = std::find(header_.begin(), header_.end(), name);
  if (found == header_.end())
    throw UsageError(path_ + ": has no column " + std::string(name));
  return static_cast<std::size_t>(found - header_.begin());
}

double CsvFile::number(std::size_t column) const {
  const std::string_view text = fields_[column];
  double value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace wbsim
