// Flash drives: `ssd` (one link for both directions, as SATA) and `nvme` (a link each way).
//   A command passes the controller, one after the other; a read then its units, in pieces of a
//   stripe, and the link; a write the link, then the write buffer, or the units without one.
// The buffer drains at the sustained rate. A write that finds it full waits for room; a flush waits
// for what is in it, unless the drive protects it from power loss. A read that finds the buffer
// draining waits for the rest of a page program in its unit. Garbage collection stops the drive:
// after gc_after bytes, at exponentially distributed distances, for exponentially distributed
// times. Left out: mapping tables, wear, the arbitration between several submission queues (first
// come, first served), power states but for idle_latency.
#pragma once

#include <deque>
#include <vector>

#include "models/device/device.hpp"
#include "models/device/write_cache.hpp"
#include "sim/random.hpp"

namespace wbsim {

class FlashDrive final : public Device {
 public:
  explicit FlashDrive(const DeviceConfig& config);

  void attach(Simulator& sim, DeviceHost& host) override;
  // What it holds in its buffer.
  Bytes buffered(TimePoint now) const;

 private:
  void accept(DeviceRequest& rq) override;
  void send_back(DeviceRequest& rq);
  void finish_command(DeviceRequest& rq);
  void note_buffered(const DeviceRequest& rq);
  void settle(TimePoint now) override;
  TimePoint through_controller(const DeviceRequest& rq, TimePoint now);
  TimePoint read(const DeviceRequest& rq, TimePoint start);
  TimePoint write(DeviceRequest& rq, TimePoint start);
  TimePoint program(const DeviceRequest& rq, TimePoint start);
  TimePoint into_buffer(DeviceRequest& rq, TimePoint start);
  TimePoint flush(TimePoint start);
  TimePoint over_link(TimePoint& link, TimePoint start, Sectors sectors);
  TimePoint use_unit(std::size_t unit, TimePoint start, Duration time);
  Duration unit_time(Duration base, Bytes bytes) const;
  Duration drain_time(Bytes bytes) const;
  std::size_t freest_unit() const;
  void collect_garbage(Bytes written, TimePoint now);
  bool volatile_buffer() const {
    return config_.write_buffer > Bytes(0) && !config_.power_loss_protection;
  }

  FlashConfig config_;
  bool duplex_;                   // reads and writes do not share the link
  std::vector<TimePoint> units_;  // each is busy until then
  TimePoint controller_{};
  TimePoint read_link_{}, write_link_{};
  TimePoint drained_{};  // when the buffer will be empty
  TimePoint barrier_{};  // the end of the last flush: later commands begin after it
  Bytes written_{0}, next_gc_{0};
  RandomStream random_;

  // What is in the volatile buffer, in the order it drains, kept only when somebody looks at it.
  struct Buffered {
    Sectors start, length;
    TimePoint drained;
  };
  std::deque<Buffered> contents_;
};

}  // namespace wbsim
