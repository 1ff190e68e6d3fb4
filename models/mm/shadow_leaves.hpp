// Leaves of a page tree that hold no page any more, but what reclaim leaves in its place: shadow
// entries, which keep the node.
// MODELS:   mm/workingset.c workingset_eviction(), count_shadow_nodes(), as of 3.15
// DEVIATES: only leaves; once there are as many as the kernel allows no more are kept, where the
//           kernel drops the oldest; an entry does not make a page active that comes back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "models/mm/page.hpp"

namespace wbsim {

class ShadowLeaves {
 public:
  // The leaf of this page is empty now.
  void keep(PageIndex index) {
    const PageIndex leaf = index / kSlots;
    if (leaf >= kept_.size())
      kept_.resize(std::size_t{leaf} + leaf / 2 + kSlots);
    kept_[leaf] = true;
  }
  // The leaf gets a page again, or goes. Whether it had been kept.
  bool take(PageIndex index) {
    const PageIndex leaf = index / kSlots;
    if (leaf >= kept_.size() || !kept_[leaf])
      return false;
    kept_[leaf] = false;
    return true;
  }
  // All leaves from that of this page on go. How many.
  std::int64_t truncate(PageIndex first) {
    std::int64_t gone = 0;
    for (PageIndex leaf = first / kSlots; leaf < kept_.size(); ++leaf)
      gone += take(leaf * kSlots) ? 1 : 0;
    return gone;
  }

 private:
  static constexpr PageIndex kSlots = 64;
  std::vector<bool> kept_;
};

}  // namespace wbsim
