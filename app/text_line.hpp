// A line of output put together from integers and words, without a locale and without streams.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace wbsim {

class TextLine {
 public:
  TextLine& text(std::string_view words) {
    line_.append(words);
    return *this;
  }
  TextLine& number(std::int64_t value);
  // `value` in units of 10^-digits: decimal(1234567, 6) is "1.234567".
  TextLine& decimal(std::int64_t value, int digits);
  // On the right, or on the left, of a column at least `width` wide.
  TextLine& right(std::string_view words, int width);
  TextLine& right(std::int64_t value, int width);
  TextLine& left(std::string_view words, int width);

  const std::string& str() const { return line_; }
  bool empty() const { return line_.empty(); }
  void clear() { line_.clear(); }

 private:
  std::string line_;
};

}  // namespace wbsim
