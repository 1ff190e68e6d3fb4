// summary.json: the headline numbers of a run, and the same calls once more under fio's keys.
#pragma once

#include <string>
#include <vector>

#include "app/fio_json.hpp"
#include "app/json.hpp"
#include "models/scenario.hpp"
#include "models/summary.hpp"

namespace wbsim {

// A writer for each clone of each workload, in the order of the file: "dd", or "dd-0", "dd-1".
std::vector<std::string> writer_names(const Scenario& scenario);

// Over all writers together.
struct AggregateLatency {
  LatencySummary write, fsync;
};

Json summary_json(const Scenario& scenario, const RunSummary& run,
                  const AggregateLatency& aggregate, const FioRates& rates);

// Every number that a run of this scenario can have; the values mean nothing.
Json summary_skeleton(const Scenario& scenario);

}  // namespace wbsim
