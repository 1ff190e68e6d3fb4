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

void Device::attach(Simulator& sim, DeviceHost& host) {
  WB_ASSERT(!sim_);
  sim_ = &sim;
  host_ = &host;
}

void Device::submit(DeviceRequest& rq) {
  WB_ASSERT(sim_ && !full());
  WB_ASSERT((rq.op == BioOp::kFlush) == (rq.sectors == Sectors(0)));
  WB_ASSERT(rq.sector >= Sectors(0) && rq.end() <= capacity_);
  ++held_;
  rq.failed = false;
  accept(rq);
}

void Device::note_service(DeviceRequest& rq, TimePoint now, Duration service) {
  WB_ASSERT(service >= Duration::zero());
  const TimePoint end = now + service;
  rq.started = now;
  rq.service = service;
  rq.head_before = head_;
  if (rq.op != BioOp::kFlush) {
    rq.seek = is_seek(rq.sector);
    head_ = rq.end();
  }
  if (end > busy_until_) {
    busy_ += end - std::max(now, busy_until_);
    busy_until_ = end;
  }
}

void Device::finish(DeviceRequest& rq) {
  WB_ASSERT(held_ > 0);
  --held_;
  if (completion_latency_ == Duration::zero()) {
    host_->command_completed(rq);
  } else {
    completing_.push_back(rq);
    sim_->at(sim_->now() + completion_latency_, {&Device::deliver, this});
  }
  host_->device_ready();
}

void Device::deliver(void* context, std::uint64_t) {
  auto& self = *static_cast<Device*>(context);
  DeviceRequest& first = self.completing_.front();
  self.completing_.pop_front();
  self.host_->command_completed(first);
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
