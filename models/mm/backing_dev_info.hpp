// What memory management knows of a device: struct backing_dev_info.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "models/mm/bdi_stat.hpp"
#include "models/mm/flex_proportions.hpp"
#include "models/mm/proportions.hpp"
#include "sim/units.hpp"

namespace wbsim {

class RequestQueue;
struct BackingDevInfo;
struct Memcg;

// What one cgroup writes to a device counts apart from 4.2 on: struct bdi_writeback. There is one
// BackingDevInfo for each; that of the root is the device's own.
struct CgroupWb {
  Memcg* memcg = nullptr;  // null: the root's
  FlexLocal memcg_completions;
  const std::vector<BackingDevInfo*>* wbs = nullptr;  // of the device, by Memcg::id; null: one
};

// What is known of a device's speed and of the rate its writers may have, from 3.1 on. Rates are in
// pages a second; a new device is taken for one of 100 MiB/s.
struct BdiRates {
  static constexpr std::int64_t kInitial = 25600;  // INIT_BW

  Jiffies bw_time_stamp{};  // when the counters were last looked at
  Pages dirtied_stamp{}, written_stamp{};
  std::int64_t write_bandwidth = kInitial;
  std::int64_t avg_write_bandwidth = kInitial;
  std::int64_t dirty_ratelimit = kInitial;
  std::int64_t balanced_dirty_ratelimit = kInitial;
};

struct BackingDevInfo : CgroupWb {
  int id = 0;        // of the device
  int wb_id = 0;     // of all there are
  std::string name;  // of the device, "d0"
  RequestQueue* queue = nullptr;
  BdiStat reclaimable;  // BDI_RECLAIMABLE: dirty pages
  BdiStat writeback;    // BDI_WRITEBACK
  BdiStat dirtied;      // BDI_DIRTIED: pages dirtied, those put back unwritten not counted
  BdiStat written;      // write-backs completed
  PropLocal completions;
  FlexLocal flex_completions;
  BdiRates rates;
  int writeback_inodes = 0;           // with pages under write-back
  std::array<int, 4> dirty_inodes{};  // of this device, by DirtyInodeLists::Which
  int min_ratio = 0;                  // percent
  int max_ratio = 100;
  bool strict_limit = false;  // BDI_CAP_STRICTLIMIT: its own limit counts, not the global one
  bool dirty_exceeded = false;
  bool pdflush_owner = false;  // BDI_pdflush: a pdflush thread works on it

  Pages unclean() const { return reclaimable.read() + writeback.read(); }
  Pages unclean(Pages limit) const {
    return reclaimable.read_for(limit) + writeback.read_for(limit);
  }
  void count_in(std::int64_t batch) {
    for (BdiStat* stat : {&reclaimable, &writeback, &dirtied, &written})
      stat->count_in(batch);
  }
};

}  // namespace wbsim
