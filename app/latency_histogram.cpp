#include "app/latency_histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "sim/assert.hpp"

namespace wbsim {

void LatencyHistogram::add(Duration latency) {
  const std::int64_t value = latency.count();
  WB_ASSERT(value >= 0);
  const int top_bit = static_cast<int>(std::bit_width(static_cast<std::uint64_t>(value))) - 1;
  const int shift = std::max(top_bit - bits_, 0);
  // Below the top bit there are bits_ more; the shift says which doubling it is.
  ++counts_[static_cast<int>((value >> shift) + (std::int64_t{shift} << bits_))];
  ++count_;
  max_ = std::max(max_, value);
}

std::int64_t LatencyHistogram::lowest(int bucket) const {
  const int shift = std::max((bucket >> bits_) - 1, 0);
  return (bucket - (std::int64_t{shift} << bits_)) << shift;
}

std::int64_t LatencyHistogram::highest(int bucket) const {
  return lowest(bucket + 1) - 1;
}

std::int64_t LatencyHistogram::middle(int bucket) const {
  return (lowest(bucket) + lowest(bucket + 1)) / 2;
}

double LatencyHistogram::mean() const {
  double sum = 0;
  for (const auto& [bucket, n] : counts_)
    sum += static_cast<double>(middle(bucket)) * static_cast<double>(n);
  return count_ > 0 ? sum / static_cast<double>(count_) : 0;
}

double LatencyHistogram::stddev() const {
  const double center = mean();
  double squares = 0;
  for (const auto& [bucket, n] : counts_) {
    const double distance = static_cast<double>(middle(bucket)) - center;
    squares += distance * distance * static_cast<double>(n);
  }
  return count_ > 0 ? std::sqrt(squares / static_cast<double>(count_)) : 0;
}

}  // namespace wbsim
