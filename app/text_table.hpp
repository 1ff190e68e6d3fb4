// Columns of text for a terminal: the first flush left, the others flush right.
#pragma once

#include <string>
#include <vector>

namespace wbsim {

class TextTable {
 public:
  explicit TextTable(std::vector<std::string> header) { rows_.push_back(std::move(header)); }
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  // Columns that are words, not numbers.
  void left(std::size_t column) { left_.push_back(column); }
  std::string text(std::size_t indent) const;

 private:
  std::vector<std::vector<std::string>> rows_;
  std::vector<std::size_t> left_{0};
};

}  // namespace wbsim
