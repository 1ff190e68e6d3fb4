// What goes wrong with a device, and when. Plain arithmetic without an engine: a service that meets
// a slow period, a hang or the removal of the device ends at another time, and a command may fail.
#pragma once

#include <vector>

#include "models/device/device_request.hpp"
#include "models/scenario.hpp"
#include "sim/random.hpp"
#include "sim/units.hpp"

namespace wbsim {

class FaultPlan {
 public:
  // The times of the faults count from `origin`.
  FaultPlan(const std::vector<FaultConfig>& faults, TimePoint origin, RandomStream random);

  // When a command's service that begins at `start` and takes so long undisturbed really ends.
  TimePoint end_of(const DeviceRequest& rq, TimePoint start, Duration service) const;
  // Whether the command whose service ends at `end` fails. Draws from the random stream.
  bool fails(const DeviceRequest& rq, TimePoint end);

 private:
  struct Fault {
    FaultConfig config;
    TimePoint start, end;
    bool applies(const DeviceRequest& rq) const;
    bool active(TimePoint t) const { return t >= start && t < end; }
  };
  TimePoint next_change(TimePoint t) const;

  std::vector<Fault> faults_;
  RandomStream random_;
};

}  // namespace wbsim
