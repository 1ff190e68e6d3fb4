#include "models/device/device.hpp"

#include <stdexcept>
#include <string>

#include "models/device/fixed.hpp"
#include "models/device/flash.hpp"
#include "models/device/hdd.hpp"
#include "models/device/raid.hpp"
#include "models/device/usb.hpp"
#include "sim/assert.hpp"

namespace wbsim {

Device::Device(const Traits& traits)
    : name_(traits.name),
      capacity_(traits.capacity),
      depth_(traits.depth),
      completion_latency_(traits.completion_latency),
      near_sectors_(traits.near_sectors),
      head_(traits.head_at_start),
      seeks_(traits.seeks) {
  WB_ASSERT(capacity_ > Sectors(0));
  WB_ASSERT(depth_ >= 1);
  WB_ASSERT(completion_latency_ >= Duration::zero());
}

void Device::attach(Simulator& sim, DeviceHost& host) {
  WB_ASSERT(!sim_);
  sim_ = &sim;
  host_ = &host;
}

void Device::arm_faults(const std::vector<FaultConfig>& faults, TimePoint origin) {
  if (!faults.empty())
    faults_ = std::make_unique<FaultPlan>(faults, origin, random_stream("faults"));
}

RandomStream Device::random_stream(std::string_view purpose) const {
  return sim_->stream("device/" + name_ + "/" + std::string(purpose));
}

void Device::submit(DeviceRequest& rq) {
  WB_ASSERT(sim_ && !full());
  WB_ASSERT((rq.op == BioOp::kFlush) == (rq.sectors == Sectors(0)));
  WB_ASSERT(rq.sector >= Sectors(0) && rq.end() <= capacity_);
  ++held_;
  rq.failed = false;
  rq.accepted = sim_->now();
  if (rq.op == BioOp::kWrite)
    moved(rq.sector, rq.sectors, DataPlace::kMemory, DataPlace::kInFlight);
  accept(rq);
}

Duration Device::note_service(DeviceRequest& rq, TimePoint now, Duration service) {
  WB_ASSERT(service >= Duration::zero());
  const TimePoint end = end_of_service(rq, now, service);
  rq.failed = faults_ && faults_->fails(rq, end);
  rq.started = now;
  rq.service = end - now;
  rq.head_before = head_;
  if (rq.op != BioOp::kFlush) {
    rq.seek = is_seek(rq.sector);
    head_ = rq.end();
  }
  account_busy(now, end);
  return rq.service;
}

void Device::account_busy(TimePoint start, TimePoint end) {
  if (end <= busy_until_)
    return;
  busy_ += end - std::max(start, busy_until_);
  busy_until_ = end;
}

void Device::finish(DeviceRequest& rq, DataPlace place) {
  WB_ASSERT(held_ > 0);
  --held_;
  if (rq.op == BioOp::kWrite)
    moved(rq.sector, rq.sectors, DataPlace::kInFlight, rq.failed ? DataPlace::kLost : place);
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
  static const std::vector<std::string_view> models{"fixed", "hdd",   "ssd", "nvme",
                                                    "usb",   "raid0", "jbod"};
  return models;
}

namespace {
bool is_array(const DeviceConfig& config) {
  return config.model == "raid0" || config.model == "jbod";
}
}  // namespace

int device_depth(const DeviceConfig& config) {
  constexpr int kSataDepth = 32, kNvmeDepth = 1023, kArrayDepth = 256;
  if (config.driver_depth)
    return *config.driver_depth;
  if (is_array(config))
    return kArrayDepth;
  return config.model == "nvme" ? kNvmeDepth : config.model == "ssd" ? kSataDepth : 1;
}

bool is_rotational(const DeviceConfig& config) {
  const auto& members = config.array.members;
  if (is_array(config))
    return std::any_of(members.begin(), members.end(), is_rotational);
  return config.model == "fixed" || config.model == "hdd";
}

bool has_volatile_cache(const DeviceConfig& config) {
  const auto& members = config.array.members;
  if (is_array(config))
    return std::any_of(members.begin(), members.end(), has_volatile_cache);
  if (config.model == "ssd" || config.model == "nvme")
    return config.flash.write_buffer > Bytes(0) && !config.flash.power_loss_protection;
  return config.model == "hdd" && config.hdd.write_cache > Bytes(0);
}

Bytes device_capacity(const DeviceConfig& config) {
  if (!is_array(config) || config.array.members.empty())
    return config.capacity;
  Bytes sum, least = config.array.members.front().capacity;
  for (const DeviceConfig& member : config.array.members) {
    sum += member.capacity;
    least = std::min(least, member.capacity);
  }
  if (config.model == "jbod")
    return sum;
  const std::int64_t chunk = config.array.chunk.count();
  const auto members = static_cast<std::int64_t>(config.array.members.size());
  return Bytes(least.count() / chunk * chunk * members);
}

std::unique_ptr<Device> make_device(const DeviceConfig& config) {
  if (config.model == "fixed")
    return std::make_unique<FixedDisk>(config);
  if (config.model == "hdd")
    return std::make_unique<HardDisk>(config);
  if (config.model == "ssd" || config.model == "nvme")
    return std::make_unique<FlashDrive>(config);
  if (config.model == "usb")
    return std::make_unique<UsbStick>(config);
  if (config.model == "raid0" || config.model == "jbod")
    return std::make_unique<DiskArray>(config);
  throw std::invalid_argument("unknown device model: " + config.model);
}

}  // namespace wbsim
