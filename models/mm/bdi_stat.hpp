// A count of a device's pages, of which each processor keeps the last few to itself.
//
// MODELS:   bdi_stat() and wb_stat() of linux/backing-dev.h, with their _sum(), 2.6.24 - 6.1.
// DEVIATES: one processor counts, so that bdi_stat_error() is one batch.
#pragma once

#include <bit>
#include <cstdint>

#include "models/mm/percpu_counter.hpp"
#include "sim/units.hpp"

namespace wbsim {

// WB_STAT_BATCH, of a kernel with CONFIG_SMP: 8 * (1 + ilog2(nr_cpus)).
constexpr std::int64_t bdi_stat_batch(int cpus) {
  return std::int64_t{8} * static_cast<std::int64_t>(std::bit_width(static_cast<unsigned>(cpus)));
}

class BdiStat {
 public:
  Pages read() const { return Pages(count_.read_positive()); }
  Pages sum() const { return Pages(count_.sum()); }
  // wb_dirty_limits(), wb_over_bg_thresh(): summed up where the count may be as wrong as the limit
  // it is held against is large.
  Pages read_for(Pages limit) const { return limit < Pages(2 * batch_) ? sum() : read(); }

  std::int64_t batch() const { return batch_; }
  void count_in(std::int64_t batch) { batch_ = batch; }
  void set(Pages pages) { count_.set(pages.count()); }
  // One page after the other.
  void operator+=(Pages pages) { count_.increment(pages.count(), batch_); }
  void operator-=(Pages pages) { count_.decrement(pages.count(), batch_); }

 private:
  PercpuCounter count_;
  std::int64_t batch_ = 1;
};

}  // namespace wbsim
