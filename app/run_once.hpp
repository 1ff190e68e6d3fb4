// One run of a scenario: the machine, its output files, its summary.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "app/expectation.hpp"
#include "app/json.hpp"
#include "app/scenario_file.hpp"
#include "app/trace_formats.hpp"

namespace wbsim {

struct RunOptions {
  std::string name;                      // as asked for: "pdflush"
  std::optional<std::string> directory;  // exists; unset: nothing is written
  bool calls = true;                     // writes.csv and reads.csv
  TraceOptions trace;                    // with a directory
  std::vector<TraceSink*> listeners;     // of the caller's
  std::function<void(Duration)> progress;
};

struct RunOutcome {
  std::string preset;
  Json summary;
  std::vector<ExpectResult> expect;
};

// Throws OutputError, SimulationBroken, or Interrupted.
RunOutcome run_once(const ScenarioFile& file, const RunOptions& options);

}  // namespace wbsim
