// What the limits on dirty memory are tracked by: struct wb_domain, but for its shares.
//
// MODELS: include/linux/backing-dev-defs.h of 6.1; global_dirty_limit and its stamp of 3.2 - 3.18.
#pragma once

#include "sim/units.hpp"

namespace wbsim {

struct DirtyDomain {
  Pages dirty_limit{};  // L: follows the limit, slowly when that falls
  Jiffies dirty_limit_tstamp{};
  bool dirty_exceeded = false;  // 2.6.18, which knows no device's limit
};

}  // namespace wbsim
