// The counts of dirty memory that the kernel decides by, and shows in /proc/vmstat: a processor
// keeps the last few changes to itself.
//
// MODELS:   mm/vmstat.c mod_node_page_state(), calculate_normal_threshold(), 6.1.
// DEVIATES: one processor counts; the counters of free and cached pages are exact.
#pragma once

#include <algorithm>
#include <bit>

#include "models/mm/percpu_counter.hpp"
#include "sim/units.hpp"

namespace wbsim {

// Changes of one page at a time that are kept back at most, without CONFIG_SMP none. `zone`: the
// managed pages of the largest one.
constexpr std::int64_t stat_threshold(Pages zone, int cpus) {
  const auto fls = [](std::int64_t n) {
    return static_cast<std::int64_t>(std::bit_width(static_cast<std::uint64_t>(n)));
  };
  constexpr std::int64_t kMost = 125, kPagesOf128MiB = (128 << 20) / kPageSize;
  return std::min<std::int64_t>(kMost, 2 * fls(cpus) * (1 + fls(zone.count() / kPagesOf128MiB)));
}

class NodeStats {
 public:
  explicit NodeStats(std::int64_t threshold = 0) : batch_(threshold + 1) {}

  Pages nr_file_dirty() const { return Pages(dirty_.read_positive()); }
  Pages nr_writeback() const { return Pages(writeback_.read_positive()); }

  Pages unclean() const { return nr_file_dirty() + nr_writeback(); }

  void dirtied(std::int64_t pages) { dirty_.increment(pages, batch_); }
  void cleaned(std::int64_t pages) { dirty_.decrement(pages, batch_); }
  void writeback_started(std::int64_t pages) { writeback_.increment(pages, batch_); }
  void writeback_ended(std::int64_t pages) { writeback_.decrement(pages, batch_); }
  // refresh_cpu_vm_stats(). Returns whether anything was kept back.
  bool fold() {
    const bool kept = dirty_.read() != dirty_.sum() || writeback_.read() != writeback_.sum();
    dirty_.set(dirty_.sum());
    writeback_.set(writeback_.sum());
    return kept;
  }

 private:
  std::int64_t batch_;
  PercpuCounter dirty_, writeback_;
};

}  // namespace wbsim
