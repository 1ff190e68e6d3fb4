// Free pages that a processor keeps at hand: struct per_cpu_pages.
#pragma once

#include <algorithm>
#include <cstdint>

namespace wbsim {

// MODELS:   mm/page_alloc.c rmqueue_pcplist(), free_unref_page_commit(), nr_pcp_free() of 6.1: a
//           list takes `batch` pages when it is empty, and gives back from `high` on, twice as many
//           each time until somebody allocates.
// DEVIATES: one list for all processors, kinds and orders of pages; the lists are no shorter while
//           kswapd runs.
class PerCpuPages {
 public:
  PerCpuPages(std::int64_t batch, std::int64_t high, std::int64_t count)
      : batch_(batch), high_(std::max(high, 4 * batch)), count_(count) {}
  // Returns how many batches the allocation of n pages had to fetch.
  int allocate(std::int64_t n) {
    int fetched = 0;
    for (count_ -= n; count_ < 0; count_ += batch_)
      ++fetched;
    give_back_ = std::max(give_back_ >> std::min<std::int64_t>(n, 62), batch_);
    return fetched;
  }
  void free_page() {
    if (++count_ < high_)
      return;
    count_ -= std::min(give_back_, high_ - batch_);
    if (give_back_ < high_ - batch_)
      give_back_ *= 2;
  }
  std::int64_t count() const { return count_; }

 private:
  std::int64_t batch_;
  std::int64_t high_;
  std::int64_t count_;
  std::int64_t give_back_ = batch_;
};

}  // namespace wbsim
