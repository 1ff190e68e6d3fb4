// Assertions that stay on in every build. A failed one throws, so that the program can print the
// simulated time and the table of processes before it exits with code 4.
#pragma once

#include <stdexcept>
#include <string>

namespace wbsim {

struct InvariantBroken : std::logic_error {
  using std::logic_error::logic_error;
};

// File names go into messages without their folder, so that these are the same in every build.
constexpr const char* base_name(const char* path) {
  const char* base = path;
  for (; *path != '\0'; ++path)
    if (*path == '/')
      base = path + 1;
  return base;
}

[[noreturn, gnu::cold, gnu::noinline]] inline void fail_invariant(const char* expression,
                                                                  const char* file, int line) {
  throw InvariantBroken(std::string(base_name(file)) + ":" + std::to_string(line) + ": " +
                        expression);
}

}  // namespace wbsim

#define WB_ASSERT(expression)                                                                    \
  (__builtin_expect(!(expression), 0) ? ::wbsim::fail_invariant(#expression, __FILE__, __LINE__) \
                                      : void())
