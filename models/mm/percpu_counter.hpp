// A counter that each processor keeps a part of: who reads it without summing up misses less than a
// batch for each.
//
// MODELS:   lib/percpu_counter.c, 2.6.32 - 6.1. With a batch of 1 it is exact, as without
// CONFIG_SMP. DEVIATES: one processor counts.
#pragma once

#include <algorithm>
#include <cstdint>

namespace wbsim {

class PercpuCounter {
 public:
  PercpuCounter() = default;
  explicit PercpuCounter(std::int64_t amount) : count_(amount) {}

  std::int64_t read() const { return count_; }
  std::int64_t read_positive() const { return std::max<std::int64_t>(count_, 0); }
  std::int64_t sum() const { return count_ + own_; }
  void set(std::int64_t amount) {
    count_ = amount;
    own_ = 0;
  }
  // At once.
  void add(std::int64_t amount, std::int64_t batch) {
    own_ += amount;
    if (own_ >= batch || -own_ >= batch)
      set(sum());
  }
  // `times` times 1.
  void increment(std::int64_t times, std::int64_t batch) {
    own_ += times;
    if (own_ >= batch)
      keep_rest(batch);
  }
  void decrement(std::int64_t times, std::int64_t batch) {
    own_ -= times;
    if (-own_ >= batch)
      keep_rest(batch);
  }

 private:
  void keep_rest(std::int64_t batch) {
    count_ += own_ - own_ % batch;
    own_ %= batch;
  }

  std::int64_t count_ = 0;
  std::int64_t own_ = 0;
};

}  // namespace wbsim
