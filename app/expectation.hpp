// Expectations of a scenario, held against the summaries of its runs.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/json.hpp"
#include "app/scenario_file.hpp"

namespace wbsim {

struct ExpectResult {
  std::string metric;
  std::string scope;  // the runs it was held against: "pdflush", "pdflush / bdi"
  std::optional<double> value;
  std::string bound;  // ">= 40MB/s"
  bool ok = false;
};

// The bound as a number in the unit of the metric: bytes, ns, bytes per second; seconds where the
// metric's name ends in _s. Empty: the unit is of another kind than the metric can be.
std::optional<double> bound_value(const QuantityText& bound, std::string_view metric);

// A run and its name in the comparison.
struct NamedSummary {
  std::string name;    // as asked for: "pdflush"
  std::string preset;  // "2.6.31"
  const Json* summary;
};

// Those that concern a single run.
std::vector<ExpectResult> check_single(const std::vector<Expectation>& expect,
                                       const NamedSummary& run);
// Those that compare two of the runs.
std::vector<ExpectResult> check_ratios(const std::vector<Expectation>& expect,
                                       const std::vector<NamedSummary>& runs);

Json expect_json(const std::vector<ExpectResult>& results);
bool all_ok(const std::vector<ExpectResult>& results);
// One line for each, "ok" or "FAILED" first.
std::string expect_text(const std::vector<ExpectResult>& results);

}  // namespace wbsim
