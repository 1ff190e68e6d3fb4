#include "app/text_line.hpp"

#include <charconv>

namespace wbsim {
namespace {

constexpr int kMostDigits = 24;

std::size_t padding(std::size_t length, int width) {
  const auto wanted = static_cast<std::size_t>(width);
  return wanted > length ? wanted - length : 0;
}

}  // namespace

TextLine& TextLine::number(std::int64_t value) {
  char digits[kMostDigits];
  line_.append(digits, std::to_chars(digits, digits + kMostDigits, value).ptr);
  return *this;
}

TextLine& TextLine::decimal(std::int64_t value, int digits) {
  std::int64_t scale = 1;
  for (int i = 0; i < digits; ++i)
    scale *= 10;
  if (value < 0)
    line_ += '-';
  const std::int64_t size = value < 0 ? -value : value;
  number(size / scale);
  line_ += '.';
  char fraction[kMostDigits];
  char* const end = std::to_chars(fraction, fraction + kMostDigits, size % scale).ptr;
  line_.append(padding(static_cast<std::size_t>(end - fraction), digits), '0');
  line_.append(fraction, end);
  return *this;
}

TextLine& TextLine::right(std::string_view words, int width) {
  line_.append(padding(words.size(), width), ' ').append(words);
  return *this;
}

TextLine& TextLine::right(std::int64_t value, int width) {
  char digits[kMostDigits];
  const char* const end = std::to_chars(digits, digits + kMostDigits, value).ptr;
  return right({digits, static_cast<std::size_t>(end - digits)}, width);
}

TextLine& TextLine::left(std::string_view words, int width) {
  line_.append(words).append(padding(words.size(), width), ' ');
  return *this;
}

}  // namespace wbsim
