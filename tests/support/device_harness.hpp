// A device without anything above it: commands arrive on their own or a fixed number is kept in it.
#pragma once

#include <boost/random/exponential_distribution.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "models/device/device.hpp"
#include "sim/random.hpp"

namespace wbsim {

class DeviceHarness final : public DeviceHost {
 public:
  struct Shape {  // of the next command
    Sectors sector, sectors;
    BioOp op = BioOp::kRead;
    bool fua = false;
  };
  struct Done {
    DeviceRequest rq;
    TimePoint arrived, completed;
  };

  explicit DeviceHarness(std::unique_ptr<Device> d) : device(std::move(d)) {
    device->attach(sim, *this);
  }
  ~DeviceHarness() { sim.destroy_processes(); }

  // Keeps `depth` commands in the device until `count` are complete: completions a second.
  template <class F>
  double closed(int depth, std::int64_t count, F next) {
    next_ = next;
    left_ = count - depth;
    const TimePoint start = sim.now();
    completed_ = 0;
    for (int i = 0; i < depth; ++i)
      arrive(next());
    sim.run_until(TimePoint::max());
    return static_cast<double>(completed_) / to_seconds(sim.now() - start);
  }
  // Poisson arrivals at this mean distance: the mean time from arrival to completion.
  template <class F>
  Duration open(Duration mean_gap, std::int64_t count, F next) {
    next_ = next;
    to_arrive_ = count;
    gap_ns_ = static_cast<double>(mean_gap.count());
    completed_ = 0;
    total_ = Duration{0};
    arrival();
    sim.run_until(TimePoint::max());
    return total_ / completed_;
  }
  // One command now; it completes when the simulation runs.
  void arrive(const Shape& shape) {
    if (free_.empty())
      free_.push_back(&slab_.emplace_back());
    Command& rq = *free_.back();
    free_.pop_back();
    rq.sector = shape.sector;
    rq.sectors = shape.sectors;
    rq.op = shape.op;
    rq.fua = shape.fua;
    rq.arrived = sim.now();
    waiting_.push_back(&rq);
    device_ready();
  }
  void run_until(Duration time) { sim.run_until(TimePoint(time)); }

  Simulator sim;
  std::unique_ptr<Device> device;
  bool keep = false;  // every completed command, in `done`
  std::vector<Done> done;

 private:
  struct Command : DeviceRequest {
    TimePoint arrived{};
  };
  void command_started(DeviceRequest&) override {}
  void command_completed(DeviceRequest& command) override {
    auto& rq = static_cast<Command&>(command);
    ++completed_;
    total_ += sim.now() - rq.arrived;
    if (keep) {
      done.push_back({{}, rq.arrived, sim.now()});
      DeviceRequest& copy = done.back().rq;
      copy.sector = rq.sector, copy.sectors = rq.sectors, copy.op = rq.op;
      copy.failed = rq.failed, copy.started = rq.started, copy.service = rq.service;
    }
    free_.push_back(&rq);
    if (left_ > 0) {
      --left_;
      arrive(next_());
    }
  }
  void device_ready() override {
    while (!waiting_.empty() && !device->full()) {
      DeviceRequest& rq = *waiting_.front();
      waiting_.pop_front();
      device->submit(rq);
    }
  }
  void arrival() {
    if (to_arrive_-- == 0)
      return;
    arrive(next_());
    boost::random::exponential_distribution<double> unit(1.0);
    const Duration gap(static_cast<std::int64_t>(unit(arrivals_) * gap_ns_));
    sim.at(sim.now() + gap,
           {[](void* self, std::uint64_t) { static_cast<DeviceHarness*>(self)->arrival(); }, this});
  }

  std::deque<Command> slab_;
  std::vector<Command*> free_;
  std::deque<DeviceRequest*> waiting_;
  std::function<Shape()> next_;
  RandomStream arrivals_{7, "arrivals"};
  std::int64_t left_ = 0, to_arrive_ = 0, completed_ = 0;
  double gap_ns_ = 0;
  Duration total_{0};
};

}  // namespace wbsim
