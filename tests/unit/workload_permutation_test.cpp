// A random order without repetition.
#include <catch2/catch.hpp>
#include <vector>

#include "models/workload/permutation.hpp"

namespace wbsim {
namespace {

std::vector<std::uint64_t> round_of(Permutation& permutation, std::uint64_t n,
                                    RandomStream& random) {
  std::vector<std::uint64_t> values;
  for (std::uint64_t i = 0; i < n; ++i)
    values.push_back(permutation.next(n, random));
  return values;
}

TEST_CASE("each value comes once a round", "[workload]") {
  RandomStream random(1, "job");
  for (const std::uint64_t n : {1U, 2U, 3U, 4U, 5U, 1000U, 65536U, 65537U}) {
    Permutation permutation;
    for (int round = 0; round < 2; ++round) {
      std::vector<bool> seen(n);
      for (const std::uint64_t value : round_of(permutation, n, random)) {
        REQUIRE(value < n);
        REQUIRE_FALSE(seen[value]);
        seen[value] = true;
      }
    }
  }
}

TEST_CASE("the next round has another order, and so has another seed", "[workload]") {
  RandomStream one(1, "job"), two(2, "job");
  Permutation a, b;
  const auto first = round_of(a, 1000, one);
  CHECK(first != round_of(a, 1000, one));
  CHECK(first != round_of(b, 1000, two));
}

TEST_CASE("neighbours in the order are far apart as at random", "[workload]") {
  RandomStream random(1, "job");
  Permutation permutation;
  const auto values = round_of(permutation, 100'000, random);
  double distance = 0;
  for (std::size_t i = 1; i < values.size(); ++i)
    distance += values[i] > values[i - 1] ? static_cast<double>(values[i] - values[i - 1])
                                          : static_cast<double>(values[i - 1] - values[i]);
  distance /= 100'000.0 * static_cast<double>(values.size());
  CHECK(distance == Approx(1.0 / 3).margin(0.02));
}

}  // namespace
}  // namespace wbsim
