// struct writeback_control: passed from whoever wants pages written down to the page scan.
#pragma once

#include <cstdint>
#include <optional>

#include "models/mm/page.hpp"
#include "models/trace.hpp"
#include "sim/units.hpp"

namespace wbsim {

struct BackingDevInfo;
class WbcOwners;

enum class SyncMode : std::uint8_t {
  WB_SYNC_NONE,
  WB_SYNC_ALL,
  WB_SYNC_HOLD,  // up to 2.6.24: everything once, and the inodes stay on s_dirty for WB_SYNC_ALL
};

struct WritebackControl {
  BackingDevInfo* bdi = nullptr;  // only this device
  SyncMode sync_mode = SyncMode::WB_SYNC_NONE;
  std::optional<Jiffies> older_than_this;
  std::int64_t nr_to_write = 0;  // signed: 2.6.24 overshoots
  std::int64_t pages_skipped = 0;
  PageIndex range_start = 0;  // pages, inclusive
  PageIndex range_end = ~PageIndex{0};
  bool nonblocking = false;
  bool encountered_congestion = false;
  bool for_kupdate = false;
  bool range_cyclic = false;
  bool more_io = false;
  bool for_sync = false;
  bool tagged_writepages = false;  // only pages dirty at the start, whatever the mode
  WbcOwners* owners = nullptr;     // with memory cgroups: whose pages were written
  WriteReason reason = WriteReason::kBackground;  // for traces

  bool whole_range() const { return range_start == 0 && range_end == ~PageIndex{0}; }
};

}  // namespace wbsim
