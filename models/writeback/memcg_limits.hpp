// The arithmetic by which cgroups have part of the dirty limits, of a device's bandwidth and of its
// work. No engine, no state.
//
// MODELS: mm/page-writeback.c mdtc_calc_avail(), domain_dirty_limits() of a memory cgroup,
//         wb_min_max_ratio(); fs/fs-writeback.c wb_split_bdi_pages() of 6.1.
#pragma once

#include "models/mm/dirty_limits.hpp"

namespace wbsim {

// What can be dirty of the whole machine, and what is dirty or under write-back.
struct GlobalDirt {
  Pages avail{}, dirty{};
};

struct MemcgPages {
  Pages file{}, dirty{}, headroom{};
};

// What can be dirty of a cgroup: its file pages, and what it may still add if others have so much
// clean.
Pages mdtc_avail(const GlobalDirt& global, const MemcgPages& memcg);

// The limits on that; vm.dirty_bytes and dirty_background_bytes count as the ratio they are of the
// global memory that can be dirty. `domain_limit` is the cgroup's own L.
DirtyLimits memcg_dirty_limits(const VmParams& vm, Pages avail, Pages global_avail,
                               LimitBonus bonus = LimitBonus::kNone, Pages domain_limit = Pages(0));

// Bandwidth of one wb and of all of its device that have something to write, pages/s.
struct WbShare {
  std::int64_t bandwidth = 0, total = 0;
};

struct MinMaxRatio {
  int min, max;  // percent
};
MinMaxRatio wb_min_max_ratio(MinMaxRatio device, const WbShare& share);

// Its part of `nr` pages to write; "everything" stays.
std::int64_t wb_split_bdi_pages(std::int64_t nr, const WbShare& share);

}  // namespace wbsim
