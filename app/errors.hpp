// How a command ends early; main() turns each into its exit code.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace wbsim {

enum ExitCode : int {
  kExitOk = 0,
  kExitExpectationFailed = 1,
  kExitUsage = 2,
  kExitInvalidScenario = 3,
  kExitSimulationBroken = 4,  // deadlock or broken invariant
  kExitCannotWrite = 5,
  kExitInterrupted = 130,
};

struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};
// what() is complete lines: every problem of the file, and how many they are.
struct InvalidScenario : std::runtime_error {
  InvalidScenario(const std::string& text, std::string count)
      : std::runtime_error(text), summary(std::move(count)) {}
  std::string summary;  // "2 errors"
};
struct OutputError : std::runtime_error {
  using std::runtime_error::runtime_error;
};
// Deadlock or broken invariant, with the name of the run.
struct SimulationBroken : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace wbsim
