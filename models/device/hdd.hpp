// A hard disk: two-piece seek curve, rotation that never stops, and a media rate that falls
// linearly from the outer to the inner cylinders. A request takes
//   overhead + seek + rotational wait + transfer.
// Left out: the drive's own reordering and write cache, head switches, settling.
#pragma once

#include "models/device/single_server.hpp"

namespace wbsim {

class HardDisk final : public SingleServer {
 public:
  explicit HardDisk(const DeviceConfig& config);

  // The parts of the model, for tests.
  Duration seek_time(std::int64_t cylinders) const;
  std::int64_t cylinder_of(Sectors sector) const;
  // Revolutions needed to read from sector 0 up to here without a pause; its fraction is the angle
  // at which the sector lies.
  double revolutions_to(Sectors sector) const;
  Duration rotation() const { return to_duration(rotation_ns_); }

 private:
  Duration service_time(const DeviceRequest& request, TimePoint now) override;
  double depth_of(Sectors sector) const;
  double rotational_wait_ns(Sectors sector, TimePoint arrival) const;
  static Duration to_duration(double ns) { return Duration(static_cast<Duration::rep>(ns + 0.5)); }

  HddConfig config_;
  double rotation_ns_;
  double revolutions_;  // over all of the capacity
  TimePoint last_end_{};
};

}  // namespace wbsim
