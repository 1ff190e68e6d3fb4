// I/O schedulers: which queued request goes to the driver next. Merging is the queue's job; an
// elevator only knows its own order. Plain data structures without an engine.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

#include "models/block/request.hpp"
#include "sim/units.hpp"

namespace wbsim {

// What differs between the versions of the deadline scheduler.
struct DeadlineRules {
  bool batch_needs_contiguous = false;    // a gap ends the batch
  bool lowest_sector_restart = false;     // without a next request: lowest sector, not FIFO head
  bool reselect_resets_batching = false;  // also when the re-selection goes on with the next one
  bool keeps_other_direction = false;     // a dispatch does not forget the other side's position
  bool expired_inclusive = false;         // now >= deadline, not now > deadline
  bool priority_levels = false;           // realtime, best effort and idle apart
  bool operator==(const DeadlineRules&) const = default;
};

inline constexpr DeadlineRules kDeadline2618{true, true, false, false, false};
inline constexpr DeadlineRules kDeadline2624{true, false, true, false, false};
inline constexpr DeadlineRules kDeadline2631{false, false, true, false, false};
inline constexpr DeadlineRules kDeadline310{false, false, true, false, true};
inline constexpr DeadlineRules kDeadline61{false, false, true, true, true, true};

// What differs between the versions of cfq.
struct CfqRules {
  bool async_waits_for_sync = true;  // no asynchronous request while a synchronous one is in flight
  int alone_quanta = 4;              // in flight of a queue that is alone, in quanta
  bool realtime_preempts = true;     // a task of that class cuts the slice of any other short
};

inline constexpr CfqRules kCfq2618{
    .async_waits_for_sync = false, .alone_quanta = 1, .realtime_preempts = false};

class Elevator {
 public:
  virtual ~Elevator() = default;

  virtual void add(Request& rq, Jiffies now) = 0;
  // Takes the request to dispatch out; nullptr when there is none.
  virtual Request* next(Jiffies now) = 0;
  // The same, without holding anything back.
  virtual Request* force(Jiffies now) { return next(now); }
  virtual bool empty() const = 0;
  virtual std::size_t size() const = 0;

  // A request that starts where the bio ends: the candidate of a front merge.
  virtual Request* find_start(const Bio& bio, const IoContext& ioc) = 0;
  // The start of `rq` moved down by a front merge.
  virtual void front_merged(Request& rq) = 0;
  // The neighbours of `rq` in the elevator's order of sectors.
  virtual Request* former(Request& rq) = 0;
  virtual Request* latter(Request& rq) = 0;
  // `gone` was joined to `into` and leaves the elevator.
  virtual void joined(Request& into, Request& gone) = 0;

  // Whether a bio of this task, or the request `next`, may go into `rq`.
  virtual bool allow_merge(const Request&, const Bio&, const IoContext&) const { return true; }
  virtual bool allow_join(const Request&, const Request&) const { return true; }
  // A request that next() gave out is complete.
  virtual void completed(const Request&, Jiffies) {}
  // next() gives nothing before this, though it is not empty: it idles for a task to come back.
  // 0: it does not.
  virtual Jiffies idles_until() const { return Jiffies(0); }
};

struct QueueRules;

// The schedulers the queues of a kernel may be given, the default first.
const std::vector<std::string_view>& scheduler_names(const QueueRules& rules);
// What it stands for there, itself if for nothing else: elevator_alias, "deadline" of blk-mq.
std::string_view scheduler_of(std::string_view name, const QueueRules& rules);
// All there are, in the order in which they are listed to the user.
const std::vector<std::string_view>& scheduler_names();

// `may_wait`: cfq may let the disk idle. Throws std::invalid_argument for one that these queues do
// not have, and for "none".
std::unique_ptr<Elevator> make_elevator(std::string_view name, const QueueRules& rules,
                                        TickClock clock, bool may_wait = true);

}  // namespace wbsim
