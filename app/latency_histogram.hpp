// Latencies counted in buckets that grow with the value: exact below 2^(bits+1), then 2^bits
// buckets for each doubling. With 6 bits fio's buckets, with 10 those of an HdrHistogram of three
// digits.
#pragma once

#include <cstdint>
#include <map>

#include "sim/units.hpp"

namespace wbsim {

class LatencyHistogram {
 public:
  static constexpr int kFioBits = 6, kHdrBits = 10;

  explicit LatencyHistogram(int bits) : bits_(bits) {}

  void add(Duration latency);

  // Buckets that hold something, by index, which grows with the value.
  const std::map<int, std::int64_t>& buckets() const { return counts_; }
  std::int64_t lowest(int bucket) const;   // ns
  std::int64_t highest(int bucket) const;  // ns, inclusive
  // As fio names a bucket: its middle, rounded down.
  std::int64_t middle(int bucket) const;

  std::int64_t count() const { return count_; }
  std::int64_t max() const { return max_; }
  double mean() const;
  double stddev() const;  // of the population, from the buckets' middles as HdrHistogram has it

 private:
  int bits_;
  std::map<int, std::int64_t> counts_;
  std::int64_t count_ = 0, max_ = 0;
};

}  // namespace wbsim
