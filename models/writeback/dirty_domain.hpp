// Global state of IO-less throttling, and the functions of mm/page-writeback.c that keep it: struct
// wb_domain and what looks at it.
//
// MODELS:   bdi_dirty_limits(), over_bground_thresh(), __bdi_update_bandwidth() of 3.10;
//           wb_over_bg_thresh(), __wb_update_bandwidth(), wb_bandwidth_estimate_start() of 6.1.
#pragma once

#include <string_view>

#include "models/writeback/rate_estimate.hpp"
#include "models/writeback/writeback_context.hpp"

namespace wbsim {

// Everything balance_dirty_pages() looks at for that task, as of now.
DirtyState dirty_state(const WritebackContext& context, BackingDevInfo& bdi,
                       const TaskStruct& task);

// There is enough to write for background write-back of this device: of all devices together, or
// of its share.
bool over_bground_thresh(const WritebackContext& context, BackingDevInfo& bdi,
                         std::string_view thread);

// From balance_dirty_pages(), when more than 200 ms have passed: limit, base rate and write
// bandwidth; of a wb of a cgroup the first two by the cgroup's state, too. `start` is when the call
// began: the time before it was idle and says nothing (3.10).
void update_bandwidth(WritebackContext& context, BackingDevInfo& bdi, const DirtyState& state,
                      const DirtyState* memcg_state, Jiffies start, std::string_view thread);
// The write bandwidth alone, whenever it is called: bw_dwork of 5.16.
void update_write_bandwidth(WritebackContext& context, BackingDevInfo& bdi);
// A flusher of 3.10 after a round, when 200 ms have passed: a tick before a writer would.
void round_written(WritebackContext& context, BackingDevInfo& bdi, Jiffies start);
// do_writepages() of 5.16, when more than 200 ms have passed.
void inode_written(WritebackContext& context, BackingDevInfo& bdi);
// 6.1, before pages are written: an idle time does not count.
void bandwidth_estimate_start(WritebackContext& context, BackingDevInfo& bdi);

}  // namespace wbsim
