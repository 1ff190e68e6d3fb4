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

// The base is what the device sees of it.
struct Request : DeviceRequest {
  using ListHook = boost::intrusive::list_member_hook<
      boost::intrusive::link_mode<boost::intrusive::normal_link>>;
  using TreeHook =
      boost::intrusive::set_member_hook<boost::intrusive::link_mode<boost::intrusive::normal_link>>;

  Bio* bio = nullptr;  // in order of sectors
  Bio* biotail = nullptr;
  int segments = 0;
  int bios = 0;
  bool sync = false;
  IoPriority ioprio{};
  bool no_merge = false;  // a bio did not fit: REQ_NOMERGE
  bool hashed = false;
  bool barrier = false;                // of the queue's order, not of a merge
  std::uint8_t slot_index = 0;         // of the request list it is counted in
  WriteReason reason{};                // of the bio it was allocated for
  std::int64_t elevator_sequence = 0;  // elevator_linus's: how much may still pass it
  Jiffies deadline{};                  // the deadline elevator's
  Sectors meta_sectors;
  TimePoint queued{};
  TimePoint issued{};  // given to the device
  int allocated_at_start = 0;
  std::string_view thread;
  std::int64_t ino = -1;
  TimePoint dirtied_when{};
  RequestQueue* q = nullptr;
  const IoContext* ioc = nullptr;  // of the task that allocated it: whose cfq queue it is in
  std::uint16_t hctx = 0;          // blk-mq: hardware queue, and
  std::uint16_t ctx = 0;           // software queue
  bool driver_tag = false;         // blk-mq: it holds a tag of the hardware queue
  bool tracked = false;            // counted by blk-wbt
  std::uint8_t flush_steps = 0;    // left to do, of the flush machine

  // A task's plug, the FIFO of the elevator, a list of the flush machine, then the free list.
  ListHook queue_hook;
  ListHook hash_hook;
  TreeHook sort_hook;
};

using QueueList = boost::intrusive::list<
    Request, boost::intrusive::member_hook<Request, Request::ListHook, &Request::queue_hook>,
    boost::intrusive::constant_time_size<false>>;

}  // namespace wbsim
