// The parameters of bdflush and kupdate: union bdflush_param, /proc/sys/vm/bdflush of 2.4.
#pragma once

#include "models/fs/buffer24_cache.hpp"
#include "models/scenario.hpp"

namespace wbsim::v24 {

struct BdfPrm {
  int nfract;        // percent of buffer memory dirty: bdflush (2.4.0), the writer (2.4.17) writes
  int ndirty;        // 2.4.0: buffers of one cycle of bdflush
  Jiffies interval;  // between two runs of kupdate; 0: it is stopped
  Jiffies age_buffer;  // a dirty buffer this old is written; for those dirtied from now on
  int nfract_sync;     // percent: the writer takes part (2.4.0), waits (2.4.17)
};

inline BdfPrm default_bdf_prm(Release release, int hz) {
  const bool early = release == Release::k240;
  return {early ? 30 : 40, early ? 64 : 0, Jiffies(5 * hz), Jiffies(30 * hz), 60};
}
// With what a scenario sets. The ages are those of vm.dirty_*_centisecs unless they are given in
// jiffies.
BdfPrm bdf_prm(const VmSysctl& vm, Release release, int hz);

// What memory management says, in pages.
struct MemoryState {
  Pages free_buffer_pages{};  // nr_free_buffer_pages()
  // 2.4.0 only:
  Pages free_shortage{};
  Pages inactive_dirty{};
  Pages freepages_high{};
};

// -1: nothing to do; 0: writing should start; 1: whoever dirties must take part.
int balance_dirty_state(const BufferCache& cache, const BdfPrm& prm, const MemoryState& memory);

}  // namespace wbsim::v24
