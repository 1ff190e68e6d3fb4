// Devices that serve one command after the other, the next one at the very moment the last one
// ends. A model gives the service time, and the order if it is not that of arrival.
#pragma once

#include "models/device/device.hpp"

namespace wbsim {

class SingleServer : public Device {
 public:
  // Serves a command that is begun at `now`: the time it takes. Plain arithmetic without an engine.
  Duration serve(DeviceRequest& rq, TimePoint now);

 protected:
  using Device::Device;
  using Waiting =
      boost::intrusive::list<DeviceRequest,
                             boost::intrusive::member_hook<DeviceRequest, DeviceRequest::DeviceHook,
                                                           &DeviceRequest::device_hook>>;

  virtual Duration service_time(const DeviceRequest& rq, TimePoint now) = 0;
  virtual Waiting::iterator pick(Waiting& waiting) { return waiting.begin(); }

 private:
  void accept(DeviceRequest& rq) override;
  void start_next();
  void end_service();

  Waiting waiting_;
  DeviceRequest* serving_ = nullptr;
  bool ending_ = false;  // between two commands: what comes now waits until the host was asked
};

}  // namespace wbsim
