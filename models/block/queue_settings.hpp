// What a request queue is told: the rules of its kernel and the attributes of its device; and what
// it counts.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "models/block/bio.hpp"
#include "models/block/elevator.hpp"
#include "models/scenario.hpp"
#include "models/sched/processors.hpp"
#include "sim/units.hpp"

namespace wbsim {

class TaskQueueDisk;

enum class QueueKind : std::uint8_t {
  kSingle,     // one queue with request slots per direction: 2.6.18 to 4.x
  kMulti,      // blk-mq
  kLinus240,   // elevator_linus and tq_disk: 2.4.0
  kLinus2417,  // the same of 2.4.17
};
inline bool is_linus(QueueKind kind) {
  return kind == QueueKind::kLinus240 || kind == QueueKind::kLinus2417;
}

// The plug of a task, from 2.6.39 on.
struct PlugRules {
  bool per_task = false;            // instead of a plug of the queue
  int max_requests = 16;            // on the plug when one more comes
  bool counts_own_queue = true;     // only those of its queue; else all, twice as many of several
  Sectors flush_sectors{0};         // or the newest is this large; 0: whatever its size
  bool merges_newest_only = false;  // of the queue; else into any
  bool newest_queue_first = false;  // when it is flushed; else sorted by queue and sector
};
inline constexpr PlugRules kPlug310{.per_task = true};
inline constexpr PlugRules kPlug61{.per_task = true,
                                   .max_requests = 32,
                                   .counts_own_queue = false,
                                   .flush_sectors = Sectors(256),
                                   .merges_newest_only = true,
                                   .newest_queue_first = true};

// What differs between kernels.
struct QueueRules {
  QueueKind kind = QueueKind::kSingle;
  bool split_by_sync = true;  // 2.6.31: slots per async/sync; before: per read/write
  int batch_requests = 32;
  int unplug_threshold = 4;  // requests allocated and not with the driver
  Duration unplug_delay{3'000'000};
  PlugRules plug;
  bool knows_rotational = true;  // from 2.6.29 on
  int most_nomerges = 1;         // largest nomerges it takes
  DeadlineRules deadline = kDeadline2631;
  CfqRules cfq;
  Sectors max_sectors{1024};  // of a request, unless max_sectors_kb is set

  // Whether it pays to let a disk of this depth wait for more requests: if it has an arm, or takes
  // one command at a time. queue_should_plug(), cfq_arm_slice_timer()
  bool may_wait(bool rotational, int depth) const {
    return rotational || depth == 1 || !knows_rotational;
  }
  // The index of the slots, and of the congestion, that a bio belongs to.
  std::size_t index(BioOp op, bool sync) const {
    if (split_by_sync)
      return op == BioOp::kRead || sync ? 1 : 0;
    return op != BioOp::kRead ? 1 : 0;
  }
  // The one write-back looks at and waits for: bdi_write_congested(), congestion_wait(WRITE).
  std::size_t write_index() const { return index(BioOp::kWrite, false); }
};

// The single queue of 3.10, and the blk-mq of 6.1.
QueueRules queue_rules_310();
QueueRules queue_rules_61();

struct QueueParams {
  // What each bio needs comes first.
  Sectors max_sectors{0};  // 0: the default
  int max_segments = 128;
  int nomerges = 0;  // 1: only into the last merged request and on a plug; 2: not at all
  bool rotational = true;
  bool partitioned = false;             // it is used by its partitions
  bool write_cache = false;             // the drive has a volatile one: flushes are sent
  bool fua = false;                     // and takes FUA writes
  int device_index = 0;                 // in the trace
  TimePoint origin{};                   // the trace's times are relative to this
  Duration interrupt_cost{0};           // processor time of ending a request,
  Pages kept_pages{0};                  // RunConfig's: and more
  Duration kept_pages_search{0};        // for each page beyond these,
  Processors* processors = nullptr;     // taken from these if there are any
  std::string scheduler;                // empty: the default of the kernel's queues
  int nr_requests = 0;                  // 0: the default
  int async_depth = 0;                  // of mq-deadline: of nr_requests, for writes; 0: all
  int nr_hw_queues = 1;                 // blk-mq
  int cpus = 1;                         // of the machine: one software queue each
  Bytes memory{std::int64_t{1} << 30};  // of the machine: 2.4.17 has fewer slots in a small one
  Duration wbt_lat{-1};                 // blk-wbt's target; 0: off; negative: the default
  TaskQueueDisk* tq_disk = nullptr;     // 2.4
};

// As the attributes of a device say it; what they leave open stays open.
QueueParams queue_params(const DeviceConfig& device);
// Fills in what the kernel chooses for a device that takes so many requests.
QueueParams with_defaults(QueueParams params, const QueueRules& rules, int device_depth);
// Whether single queues, with this scheduler, ask for it.
bool asks_for_rotational(const QueueRules& rules, std::string_view scheduler);
// nr_requests of blk-mq when nobody sets it: blk_mq_init_sched(), or the hardware's tags.
int blk_mq_default_nr_requests(int hw_queue_depth, bool has_scheduler);

// Counted from boot; arrays are indexed by BioOp.
struct QueueStats {
  std::array<std::int64_t, 2> ios{}, merges{};  // as /proc/diskstats
  std::array<Sectors, 2> sectors{};             // of the completed requests
  std::array<Duration, 2> time{};               // queued to completed
  Sectors meta_sectors{};
  Duration io_time{};  // requests were allocated, as IoTime counts it
  std::array<std::int64_t, 2> started{};
  Duration service_started{};      // service time of all requests started, overlaps once
  std::int64_t seeks = 0;          // starts outside the device's near window
  std::int64_t allocated_sum = 0;  // requests allocated, summed over the starts
  std::int64_t flushes = 0;        // completed
  std::int64_t failed = 0;         // of ios
  // Meaningful once a write was started, and completed.
  TimePoint first_write_start{}, last_write_end{};
};

}  // namespace wbsim
