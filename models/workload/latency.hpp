// Collects latencies and gives their exact percentiles.
#pragma once

#include <cstdint>
#include <vector>

#include "models/summary.hpp"
#include "sim/units.hpp"

namespace wbsim {

class LatencyRecorder {
 public:
  void add(Duration latency) { values_.push_back(latency.count()); }
  LatencySummary summary() const;  // percentiles by nearest rank, fio's default list

 private:
  std::vector<std::int64_t> values_;
};

}  // namespace wbsim
