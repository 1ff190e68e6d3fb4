// Devices that serve one command after the other in order of arrival, the next one at the very
// moment the last one ends. A model gives the service time.
#pragma once

#include "models/device/device.hpp"

namespace wbsim {

class SingleServer : public Device {
 public:
  // Serves a command that is begun at `now`: the time it takes. Plain arithmetic without an engine.
  Duration serve(DeviceRequest& rq, TimePoint now);

 protected:
  using Device::Device;
  virtual Duration service_time(const DeviceRequest& rq, TimePoint now) = 0;

 private:
  void accept(DeviceRequest& rq) override;
  void start_next();
  void end_service();

  CommandList waiting_;
  DeviceRequest* serving_ = nullptr;
  bool ending_ = false;  // between two commands: what comes now waits until the host was asked
};

}  // namespace wbsim
