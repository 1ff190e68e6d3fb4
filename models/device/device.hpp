// Service-time models: how long the hardware takes for a request, nothing else. One server; the
// driver feeds it one request after the other.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "models/scenario.hpp"
#include "sim/units.hpp"

namespace wbsim {

struct DeviceRequest {
  Sectors sector, sectors;
  bool write = false;
  Sectors end() const { return sector + sectors; }
};

class Device {
 public:
  virtual ~Device() = default;

  // The service time of a request that starts now; moves the head to its end.
  Duration serve(const DeviceRequest& request, TimePoint now);

  Sectors capacity() const { return capacity_; }
  int depth() const { return depth_; }  // requests the driver holds at a time
  Duration completion_latency() const { return completion_latency_; }
  Sectors head() const { return head_; }  // the end of the last request
  // A start this far behind the last end, at most, is no seek.
  Sectors near_sectors() const { return near_sectors_; }
  bool is_seek(Sectors start) const { return start < head_ || start - head_ > near_sectors_; }

 protected:
  struct Traits {
    Sectors capacity;
    int depth = 1;
    Duration completion_latency{0};
    Sectors near_sectors{128};
  };
  explicit Device(const Traits& traits);
  virtual Duration service_time(const DeviceRequest& request, TimePoint now) = 0;

 private:
  Sectors capacity_;
  int depth_;
  Duration completion_latency_;
  Sectors near_sectors_;
  Sectors head_;
};

// Names of make_device(), in the order in which they are listed to the user.
const std::vector<std::string_view>& device_models();

// Throws std::invalid_argument for an unknown model.
std::unique_ptr<Device> make_device(const DeviceConfig& config);

}  // namespace wbsim
