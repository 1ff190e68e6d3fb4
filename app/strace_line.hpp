// One completed system call of strace(1) output.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/problems.hpp"
#include "sim/units.hpp"

namespace wbsim {

struct StraceCall {
  std::string pid;  // "1" where strace printed none
  Duration start{};
  Duration duration{};  // zero without -T
  std::string name;
  std::vector<std::string> arguments;  // as printed, strings in their quotes
  std::int64_t result = -1;
};

// Puts the halves of interrupted lines together. Times: -ttt, -tt or -t; without them the text is
// refused.
class StraceReader {
 public:
  // Unset: the line completes no call (signals, exits, first halves), or is refused.
  std::optional<StraceCall> line(std::string_view text, int number, Problems& problems);

  // The pid of a process whose fork, vfork or clone has begun and not returned; empty: none.
  std::string forking() const;

 private:
  std::map<std::string, std::string> unfinished_;  // by pid: the time and the first half
  Duration last_clock_{}, days_{};
};

}  // namespace wbsim
