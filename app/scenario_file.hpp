// A scenario file: the scenario, what it says to people, and what it expects.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/key_spec.hpp"
#include "models/scenario.hpp"

namespace wbsim {

inline constexpr const char* kScenarioSchema = "wbsim-scenario/1";

// A bound on one number of summary.json, or on the ratio of two runs of a comparison.
struct Expectation {
  std::optional<std::string> kernel;                // only in runs of this preset or policy
  std::optional<std::string> since, until;          // only from this preset on, up to this one
  std::optional<std::vector<std::string>> compare;  // two: first's value / second's
  std::string metric;                               // JSON pointer into summary.json
  std::optional<QuantityText> at_least, at_most, equals;
  std::optional<double> ratio_at_least, ratio_at_most;
};

struct ScenarioFile {
  std::string schema = kScenarioSchema;
  std::optional<std::string> description, source, expected;
  Scenario scenario;
  std::vector<Expectation> expect;
};

}  // namespace wbsim
