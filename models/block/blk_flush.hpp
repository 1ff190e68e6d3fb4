// The flush machine: what a REQ_PREFLUSH or REQ_FUA request becomes on a drive with a volatile
// cache, and one FLUSH for all that ask for it meanwhile.
// MODELS:   2.6.39 to 6.1 block/blk-flush.c blk_insert_flush(), blk_flush_complete_seq(),
//           blk_kick_flush(), flush_end_io()
#pragma once

#include <array>

#include "models/block/queue_settings.hpp"
#include "models/block/request.hpp"

namespace wbsim {

class FlushHost {
 public:
  // To the driver before all that waits; a data step even before other steps.
  virtual void queue_flush_step(Request& rq, bool front) = 0;
  virtual void flush_done(Request& rq) = 0;

 protected:
  ~FlushHost() = default;
};

class FlushMachine {
 public:
  FlushMachine(FlushHost& host, TickClock clock, const QueueParams& params);

  // False when it needs no flush: it goes like any other request.
  bool insert(Request& rq, const Bio& bio, Jiffies now);
  // A barrier that has the drained queue to itself: flush, write, and flush again or FUA, as far as
  // there is a cache. MODELS: 2.6.18 to 2.6.36 block/blk-barrier.c start_ordered().
  void start_ordered(Request& rq, Jiffies now);
  // Takes over a request the device has completed: true when it was a step of this machine.
  bool completed(Request& rq, Jiffies now);

 private:
  enum Step : std::uint8_t { kPreflush = 1, kData = 2, kPostflush = 4 };

  void next_step(Request& rq, Jiffies now);
  void kick_flush(Jiffies now);
  void flush_end(Jiffies now);

  FlushHost& host_;
  const QueueParams& params_;
  Jiffies pending_timeout_;
  Request flush_rq_;
  QueueList pending_, running_;
  Jiffies pending_since_{};
  bool flushing_ = false;
  int data_in_flight_ = 0;
};

}  // namespace wbsim
