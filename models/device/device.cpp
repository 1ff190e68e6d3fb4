#include "models/device/device.hpp"

#include <stdexcept>
#include <string>

#include "models/device/fixed.hpp"
#include "models/device/hdd.hpp"
#include "sim/assert.hpp"

namespace wbsim {

Device::Device(const Traits& traits)
    : capacity_(traits.capacity),
      depth_(traits.depth),
      completion_latency_(traits.completion_latency),
      near_sectors_(traits.near_sectors) {
  WB_ASSERT(capacity_ > Sectors(0));
  WB_ASSERT(depth_ >= 1);
  WB_ASSERT(completion_latency_ >= Duration::zero());
}

Duration Device::serve(const DeviceRequest& request, TimePoint now) {
  WB_ASSERT(request.sector >= Sectors(0) && request.sectors > Sectors(0));
  WB_ASSERT(request.end() <= capacity_);
  const Duration service = service_time(request, now);
  WB_ASSERT(service > Duration::zero());
  head_ = request.end();
  return service;
}

const std::vector<std::string_view>& device_models() {
  static const std::vector<std::string_view> models{"fixed", "hdd"};
  return models;
}

std::unique_ptr<Device> make_device(const DeviceConfig& config) {
  if (config.model == "fixed")
    return std::make_unique<FixedDisk>(config);
  if (config.model == "hdd")
    return std::make_unique<HardDisk>(config);
  throw std::invalid_argument("unknown device model: " + config.model);
}

}  // namespace wbsim
