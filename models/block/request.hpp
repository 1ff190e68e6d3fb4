// A run of adjacent bios of one direction: what the elevator sorts and the driver takes.
#pragma once

#include <boost/intrusive/list.hpp>
#include <boost/intrusive/set_hook.hpp>
#include <cstdint>
#include <string_view>

#include "models/block/bio.hpp"
#include "models/block/io_context.hpp"
#include "models/trace.hpp"
#include "sim/units.hpp"

namespace wbsim {

class RequestQueue;
struct TaskQueue;

// The base is what the device sees of it; its hook is that of a task's plug, of the elevator's
// FIFO, of a list of the flush machine or of the free list before.
struct Request : DeviceRequest {
  using TreeHook =
      boost::intrusive::set_member_hook<boost::intrusive::link_mode<boost::intrusive::normal_link>,
                                        boost::intrusive::optimize_size<true>>;

  bool sync = false;
  bool no_merge = false;         // a bio did not fit: REQ_NOMERGE
  bool hashed = false;           // it is in the elevator's MergeHash
  bool noidle = false;           // a write somebody waits for: cfq expects no next one of it
  bool barrier = false;          // of the queue's order, not of a merge
  bool driver_tag = false;       // blk-mq: it holds a tag of the hardware queue
  bool tracked = false;          // counted by blk-wbt
  std::uint8_t flush_steps = 0;  // left to do, of the flush machine
  std::uint8_t slot_index = 0;   // of the request list it is counted in
  IoPriority ioprio{};
  WriteReason reason{};    // of the bio it was allocated for
  std::uint16_t hctx = 0;  // blk-mq: hardware queue, and
  std::uint16_t ctx = 0;   // software queue
  int segments = 0;
  int bios = 0;
  int allocated_at_start = 0;
  Bio* bio = nullptr;  // in order of sectors
  Bio* biotail = nullptr;
  TreeHook sort_hook;
  Request* hash_next = nullptr;          // MergeHash's, of one chain
  Sectors hash_end;                      // which is that of this sector
  union {                                // its elevator's
    std::int64_t elevator_sequence = 0;  // linus: how much may still pass it
    TaskQueue* task_queue;               // cfq, bfq: the one it is in
  };
  Jiffies deadline{};  // until then it is not late
  TimePoint queued{};
  Sectors meta_sectors;
  RequestQueue* q = nullptr;
  const IoContext* ioc = nullptr;  // of the task that allocated it: whose cfq queue it is in
  // As they were in it then; only when somebody records requests.
  std::int64_t ino = -1;
  TimePoint dirtied_when{};

  std::string_view thread() const { return ioc ? ioc->thread : std::string_view{}; }
};

using QueueList = boost::intrusive::list<Request, boost::intrusive::constant_time_size<false>>;

}  // namespace wbsim
