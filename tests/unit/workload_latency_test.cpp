// Latencies and their exact percentiles.
#include <catch2/catch.hpp>

#include "models/workload/latency.hpp"

namespace wbsim {
namespace {

std::int64_t percentile(const LatencySummary& summary, double percent) {
  for (const auto& p : summary.percentiles)
    if (p.percent == percent)
      return p.value;
  FAIL("no such percentile");
  return 0;
}

TEST_CASE("no latencies: everything is zero and there are no percentiles", "[workload]") {
  const LatencySummary summary = LatencyRecorder().summary();
  CHECK(summary.count == 0);
  CHECK(summary.sum == 0);
  CHECK(summary.percentiles.empty());
}

TEST_CASE("one latency is every percentile", "[workload]") {
  LatencyRecorder recorder;
  recorder.add(Duration(42));
  const LatencySummary summary = recorder.summary();
  CHECK(summary.min == 42);
  CHECK(summary.max == 42);
  CHECK(summary.mean == 42);
  CHECK(summary.stddev == 0);
  REQUIRE(summary.percentiles.size() == 17);
  for (const auto& p : summary.percentiles)
    CHECK(p.value == 42);
}

TEST_CASE("percentiles are the nearest rank, rounded up", "[workload]") {
  LatencyRecorder recorder;
  for (int value = 100; value >= 1; --value)
    recorder.add(Duration(value * 10));
  const LatencySummary summary = recorder.summary();
  CHECK(summary.count == 100);
  CHECK(summary.sum == 50'500);
  CHECK(summary.mean == Approx(505));
  CHECK(summary.stddev == Approx(290.11491975882016));  // of a sample
  CHECK(percentile(summary, 1) == 10);
  CHECK(percentile(summary, 50) == 500);
  CHECK(percentile(summary, 99) == 990);
  CHECK(percentile(summary, 99.5) == 1000);
  CHECK(percentile(summary, 99.99) == 1000);
}

TEST_CASE("with few latencies the high percentiles are the largest", "[workload]") {
  LatencyRecorder recorder;
  for (const int value : {1, 2, 3})
    recorder.add(Duration(value));
  const LatencySummary summary = recorder.summary();
  CHECK(percentile(summary, 1) == 1);
  CHECK(percentile(summary, 30) == 1);
  CHECK(percentile(summary, 40) == 2);
  CHECK(percentile(summary, 60) == 2);
  CHECK(percentile(summary, 70) == 3);
}

}  // namespace
}  // namespace wbsim
