// What is wrong with a scenario file: everything, not only the first.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace wbsim {

struct Problem {
  std::string pointer;  // JSON pointer; empty: the whole file
  std::string message;
  std::string hint;
  bool warning = false;
};

class Problems {
 public:
  void error(std::string pointer, std::string message, std::string hint = {});
  void warn(std::string pointer, std::string message, std::string hint = {});
  // A key that is probably this one was misspelt: its value is not known either.
  void spoil(std::string pointer) { spoilt_.push_back(std::move(pointer)); }

  bool any_error() const { return errors_ > 0; }
  int errors() const { return errors_; }
  const std::vector<Problem>& all() const { return list_; }

  // A profile brought this key: no error where it does not apply to the device.
  void excuse(std::string pointer) { excused_.insert(std::move(pointer)); }
  bool excused(const std::string& pointer) const { return excused_.contains(pointer); }

  // False when the value at the pointer, or what holds it, was refused: what follows from it is
  // not worth a message.
  bool usable(std::string_view pointer) const;
  // The same for every value of this key below the pointer.
  bool usable_below(std::string_view pointer, std::string_view key) const;

  // "FILE: /pointer: message", the hint indented below it.
  std::string text(std::string_view file) const;

 private:
  std::vector<Problem> list_;
  std::vector<std::string> spoilt_;
  std::set<std::string> excused_;
  int errors_ = 0;
};

// "did you mean "x"?   allowed: a b c"
std::string name_hint(std::string_view word, const std::vector<std::string>& allowed);

// "2 errors"
std::string counted_errors(int n);

// A JSON pointer one level deeper, with the escapes of RFC 6901.
std::string child(std::string_view pointer, std::string_view key);
std::string child(std::string_view pointer, std::size_t index);

// The text in double quotes, on one line, shortened when it is very long.
std::string shown(std::string_view text);

}  // namespace wbsim
