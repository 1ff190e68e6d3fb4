// From a file and the command line to a scenario that can be run.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "app/scenario_file.hpp"

namespace wbsim {

struct Overrides {
  // Replaces the preset, and takes away the file's own flusher and throttle.
  std::optional<std::string> kernel;
  std::vector<std::string> sets;  // "/pointer=value", in order, after the kernel
  std::optional<std::int64_t> seed;
  // Texts of replay files that are not on disk yet, by their name in the scenario.
  std::map<std::string, std::string> replay_texts;
};

struct LoadedScenario {
  ScenarioFile file;  // every default that the kernel or the machine gives is filled in
  std::string warnings;
};

// The text of a file. Throws InvalidScenario when it cannot be read.
std::string read_scenario_text(const std::string& path);

// `path` is for messages, and device profiles are looked for beside it. Throws InvalidScenario with
// every problem, UsageError for a malformed override.
LoadedScenario load_scenario(const std::string& path, const std::string& text,
                             const Overrides& overrides);

}  // namespace wbsim
