// What a request queue is told: the rules of its kernel and the attributes of its device; and what
// it counts.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "models/block/bio.hpp"
#include "models/block/elevator.hpp"
#include "models/sched/processors.hpp"
#include "sim/units.hpp"

namespace wbsim {

// What differs between kernels.
struct QueueRules {
  bool split_by_sync = true;  // 2.6.31: slots per async/sync; before: per read/write
  int batch_requests = 32;
  int unplug_threshold = 4;  // requests allocated and not with the driver
  Duration unplug_delay{3'000'000};
  DeadlineRules deadline = kDeadline2631;

  // The index of the slots, and of the congestion, that a bio belongs to.
  int index(BioOp op, bool sync) const {
    if (split_by_sync)
      return op == BioOp::kRead || sync ? 1 : 0;
    return op == BioOp::kWrite ? 1 : 0;
  }
  // The one write-back looks at and waits for: bdi_write_congested(), congestion_wait(WRITE).
  int write_index() const { return index(BioOp::kWrite, false); }
};

struct QueueParams {
  std::string scheduler = "deadline";
  int nr_requests = 128;
  Sectors max_sectors{1024};
  int max_segments = 128;
  int device_index = 0;              // in the trace
  TimePoint origin{};                // the trace's times are relative to this
  Duration interrupt_cost{0};        // processor time of ending a request,
  Processors* processors = nullptr;  // taken from these if there are any
};

// Counted from boot; arrays are indexed by BioOp.
struct QueueStats {
  std::array<std::int64_t, 2> ios{}, merges{};  // as /proc/diskstats
  std::array<Sectors, 2> sectors{};             // of the completed requests
  std::array<Duration, 2> time{};               // queued to completed
  Sectors meta_sectors{};
  Duration io_time{};  // requests were allocated
  std::array<std::int64_t, 2> started{};
  Duration service_started{};      // service time of all requests started, overlaps once
  std::int64_t seeks = 0;          // starts outside the device's near window
  std::int64_t allocated_sum = 0;  // requests allocated, summed over the starts
  // Meaningful once a write was started, and completed.
  TimePoint first_write_start{}, last_write_end{};
};

}  // namespace wbsim
