#include "models/workload/permutation.hpp"

namespace wbsim {

// A Feistel network: whatever the round function, each value has one image.
std::uint64_t Permutation::mixed(std::uint64_t value) const {
  const std::uint64_t mask = (std::uint64_t{1} << half_bits_) - 1;
  std::uint64_t left = value >> half_bits_, right = value & mask;
  for (const std::uint64_t key : keys_) {
    std::uint64_t hash = (right ^ key) * 0x9E3779B97F4A7C15U;
    hash ^= hash >> 32;
    const std::uint64_t next = left ^ (hash & mask);
    left = right;
    right = next;
  }
  return left << half_bits_ | right;
}

std::uint64_t Permutation::next(std::uint64_t n, RandomStream& random) {
  if (n != n_ || counter_ == n_) {
    n_ = n;
    counter_ = 0;
    half_bits_ = 1;
    while (half_bits_ < 31 && (std::uint64_t{1} << (2 * half_bits_)) < n)
      ++half_bits_;
    for (std::uint64_t& key : keys_)
      key = random();
  }
  // Images beyond n are walked through: the walk from each value below n ends at another one.
  std::uint64_t value = mixed(counter_++);
  while (value >= n)
    value = mixed(value);
  return value;
}

}  // namespace wbsim
