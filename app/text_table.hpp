// Columns of text for a terminal: the first flush left, the others flush right.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace wbsim {

class TextTable {
 public:
  explicit TextTable(std::vector<std::string> header) { rows_.push_back(std::move(header)); }
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  // Columns that are words, not numbers.
  void left(std::size_t column) { left_.push_back(column); }
  // Where the words of the last column do not fit the terminal they are folded, beside the other
  // columns or, where little room is left there, below them.
  std::string text(std::size_t indent) const;

 private:
  bool is_left(std::size_t column) const;
  std::vector<std::size_t> widths() const;
  std::string row_text(const std::vector<std::string>& row, std::size_t indent,
                       const std::vector<std::size_t>& widths) const;
  std::string folded_row(const std::vector<std::string>& row, std::size_t indent,
                         const std::vector<std::size_t>& widths, std::size_t limit) const;

  std::vector<std::vector<std::string>> rows_;
  std::vector<std::size_t> left_{0};
};

}  // namespace wbsim
