// How long a disk was busy, as /proc/diskstats says it.
//
// MODELS:   part_round_stats() up to 4.20: while there are requests. update_io_ticks() of 6.1: in
//           whole ticks, at the begin of a request only if others are under way. Those are counted
//           where they were sent: a disk that is used by its partitions knows of none, and loses
//           the ticks between the end of a request and the begin of the next.
// DEVIATES: up to 4.20 to the nanosecond, not to the jiffy.
#pragma once

#include "sim/units.hpp"

namespace wbsim {

class IoTime {
 public:
  // Rounded down to `resolution`.
  IoTime(Duration resolution, bool sees_requests)
      : resolution_(resolution), sees_requests_(sees_requests) {}

  // `others`: requests that are under way besides.
  void begin(TimePoint now, int others) { bring_up_to(now, sees_requests_ && others > 0); }
  void end(TimePoint now) { bring_up_to(now, true); }
  // diskstats_show()
  Duration read(TimePoint now, int requests) {
    bring_up_to(now, requests > 0);
    return total_;
  }

 private:
  void bring_up_to(TimePoint now, bool busy) {
    const TimePoint at{now.time_since_epoch() / resolution_ * resolution_};
    if (busy)
      total_ += at - stamp_;
    stamp_ = at;
  }

  Duration resolution_;
  bool sees_requests_;
  TimePoint stamp_{};
  Duration total_{0};
};

}  // namespace wbsim
