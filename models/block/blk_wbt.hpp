// Write-back throttling: how many buffered writes may be in flight, scaled by the latency of reads.
// MODELS:   6.1 block/blk-wbt.c, block/blk-rq-qos.c: rq_depth_calc_max_depth(), wbt_wait(),
//           get_limit(), rq_qos_wait(), wbt_rqw_done(), wb_timer_fn(), latency_exceeded()
// DEVIATES: no discards, nothing written by kswapd, no REQ_HIPRIO.
#pragma once

#include <cstdint>
#include <deque>

#include "models/block/request.hpp"
#include "sim/simulator.hpp"
#include "sim/wait_queue.hpp"

namespace wbsim {

struct WbtDepth {
  int max, normal, background;
  bool scaled_max;  // a further step up changes nothing
};
// Of a queue of this depth; steps above 0 are fewer requests, below 0 more.
WbtDepth wbt_depth(int queue_depth, int scale_step);
// How long latencies are watched before the next step.
Duration wbt_window(int scale_step);
// wbt_default_latency_nsec()
Duration wbt_default_latency(bool rotational);

class BlkWbt {
 public:
  struct Params {
    int queue_depth;  // nr_requests of the queue
    Duration min_lat;
    bool write_cache;
  };
  // `dirty_sleep`: when a task last began to pause in balance_dirty_pages() for the device.
  BlkWbt(Simulator& sim, TickClock clock, const Params& params, const TimePoint& dirty_sleep);

  static bool tracks(const Bio& bio) { return bio.op == BioOp::kWrite && !bio.direct; }

  // wbt_wait(), for a bio that was not merged. False: it must wait().
  bool try_throttle(const Bio& bio);
  Task<> wait(const Bio& bio);

  void issue(const Request& rq);   // given to the driver
  void sample(const Request& rq);  // completed by it: its latency counts
  void done(const Request& rq);    // at its end, completed or merged into another

  int inflight() const { return inflight_; }
  int scale_step() const { return scale_step_; }
  const WbtDepth& depth() const { return depth_; }

 private:
  enum class Latency : std::uint8_t { kOk, kUnknown, kUnknownWrites, kExceeded };
  struct Waiter {
    bool background;
  };

  static bool is_background(const Bio& bio) {  // REQ_BACKGROUND
    return !bio.sync &&
           (bio.reason == WriteReason::kBackground || bio.reason == WriteReason::kPeriodic);
  }
  bool inc_below_limit(bool background);
  bool within(TimePoint past, Jiffies jiffies) const;
  bool recent_wait() const { return within(dirty_sleep_, Jiffies(clock_.hz())); }
  void write_done();
  void wake_all();
  void arm_timer();
  void timer_fn();
  Latency latency_exceeded() const;
  void scale_up();
  void scale_down(bool hard);
  void set_step(int step);

  Simulator& sim_;
  TickClock clock_;
  Params params_;
  const TimePoint& dirty_sleep_;
  WbtDepth depth_;
  int scale_step_ = 0;
  bool scaled_max_ = false;
  int unknown_cnt_ = 0;
  int inflight_ = 0;
  std::deque<Waiter> waiters_;  // in the order of the wait queue
  WaitQueue wait_;
  EventQueue::Handle timer_;
  Duration window_{};
  TimePoint last_issue_, last_comp_;                   // of untracked I/O
  const Request* sync_cookie_ = nullptr;               // a read under way
  std::int64_t read_samples_ = 0, write_samples_ = 0;  // of this window
  Duration read_min_{};
};

}  // namespace wbsim
