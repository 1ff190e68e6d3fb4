// A random order of 0 .. n-1 in which each comes once, without a table of n entries: what fio's
// random map does. A new order begins when all have come.
#pragma once

#include <array>
#include <cstdint>

#include "sim/random.hpp"

namespace wbsim {

class Permutation {
 public:
  std::uint64_t next(std::uint64_t n, RandomStream& random);

 private:
  static constexpr std::size_t kRounds = 4;
  std::uint64_t mixed(std::uint64_t value) const;  // a bijection of 0 .. 4^half_bits_ - 1

  std::array<std::uint64_t, kRounds> keys_{};
  unsigned half_bits_ = 0;
  std::uint64_t n_ = 0, counter_ = 0;
};

}  // namespace wbsim
