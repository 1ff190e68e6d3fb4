// Random numbers: one independent stream per named component, so that adding a device does not
// shift another one's numbers. Use with the Boost.Random distributions, which are the same on every
// platform.
#pragma once

#include <cstdint>
#include <limits>
#include <string_view>

namespace wbsim {

// SplitMix64 over a start value derived from (seed, name). A UniformRandomBitGenerator.
class RandomStream {
 public:
  using result_type = std::uint64_t;
  RandomStream(std::uint64_t seed, std::string_view name);
  static constexpr result_type min() { return 0; }
  static constexpr result_type max() { return std::numeric_limits<result_type>::max(); }
  result_type operator()();

 private:
  std::uint64_t state_;
};

}  // namespace wbsim
