// Reading back the CSV files of a run.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace wbsim {

class CsvFile {
 public:
  // Throws UsageError when the file cannot be read or has no header.
  explicit CsvFile(const std::string& path);

  // The next row; false at the end. Rows that are cut off end the file.
  bool next();
  // The place of a column; throws UsageError when there is none of that name.
  std::size_t column(std::string_view name) const;
  bool has(std::string_view name) const;
  const std::vector<std::string>& header() const { return header_; }

  std::string_view text(std::size_t column) const { return fields_[column]; }
  double number(std::size_t column) const;  // 0 when it is none

 private:
  static void split(std::string_view line, std::vector<std::string_view>& fields);

  std::string path_, text_;
  std::size_t at_ = 0;
  std::vector<std::string> header_;
  std::vector<std::string_view> fields_;
};

}  // namespace wbsim
