#include "models/workload/latency.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace wbsim {

namespace {
constexpr std::array kFioPercentiles{1.0,  5.0,  10.0, 20.0, 30.0, 40.0, 50.0,  60.0, 70.0,
                                     80.0, 90.0, 95.0, 99.0, 99.5, 99.9, 99.95, 99.99};
}  // namespace

LatencySummary LatencyRecorder::summary() const {
  LatencySummary result;
  if (values_.empty())
    return result;
  std::vector<std::int64_t> sorted = values_;
  std::sort(sorted.begin(), sorted.end());
  const auto n = static_cast<double>(sorted.size());
  result.count = static_cast<std::int64_t>(sorted.size());
  result.min = sorted.front();
  result.max = sorted.back();
  for (const std::int64_t value : sorted)
    result.sum += value;
  result.mean = static_cast<double>(result.sum) / n;
  double squares = 0;
  for (const std::int64_t value : sorted) {
    const double distance = static_cast<double>(value) - result.mean;
    squares += distance * distance;
  }
  result.stddev = sorted.size() > 1 ? std::sqrt(squares / (n - 1)) : 0;
  for (const double percent : kFioPercentiles) {
    const double rank = std::ceil(percent / 100 * n);
    const auto index = static_cast<std::size_t>(std::max(rank, 1.0)) - 1;
    result.percentiles.push_back({percent, sorted[std::min(index, sorted.size() - 1)]});
  }
  return result;
}

}  // namespace wbsim
