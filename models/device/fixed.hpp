// A disk whose service time is a formula: overhead, a cost of distance if the request does not
// follow closely on the last one, and bytes over bandwidth. In integers, each term truncated.
#pragma once

#include "models/device/single_server.hpp"

namespace wbsim {

class FixedDisk final : public SingleServer {
 public:
  explicit FixedDisk(const DeviceConfig& config);

 private:
  Duration service_time(const DeviceRequest& request, TimePoint now) override;

  FixedDiskConfig config_;
};

}  // namespace wbsim
