// Several runs of one scenario side by side.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/run_once.hpp"

namespace wbsim {

struct ComparedRun {
  std::string name;
  RunOutcome outcome;
};

struct ComparedMetric {
  std::string name;
  std::string unit;
  std::string better_is;  // "higher", "lower", or "" when neither is
  int decimals = 0;
  std::vector<std::optional<double>> values;  // of each run
  std::vector<std::optional<double>> ratios;  // to the first run
  std::string best;  // a run, "same" within 1 %, or "" when there is no better
};

struct Comparison {
  std::string scenario;
  std::vector<ComparedRun> runs;
  std::vector<ComparedMetric> metrics;
  std::vector<ExpectResult> expect;  // of every run, and between runs
};

Comparison compare_runs(const ScenarioFile& file, std::vector<ComparedRun> runs);

std::string comparison_text(const Comparison& comparison);
// Everything the text says, and the summaries.
Json comparison_json(const Comparison& comparison);

}  // namespace wbsim
