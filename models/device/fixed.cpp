#include "models/device/fixed.hpp"

#include "sim/assert.hpp"

namespace wbsim {

namespace {

// a * b / c without overflow: seek_full * distance exceeds 64 bits for a slow, large disk.
std::int64_t multiply_divide(std::int64_t a, std::int64_t b, std::int64_t c) {
  __extension__ using Wide = __int128;
  return static_cast<std::int64_t>(static_cast<Wide>(a) * b / c);
}

}  // namespace

TimePoint TickBudget::begin(std::int64_t bytes, TimePoint now) {
  WB_ASSERT(bytes <= all_);
  for (; tick_ && now >= *tick_; *tick_ += kTick) {
    if (left_ == all_) {
      tick_.reset();
      break;
    }
    left_ = all_;
  }
  if (!tick_)
    tick_ = now + kTick;
  left_ -= bytes;
  if (left_ >= 0)
    return now;
  const TimePoint fits = *tick_;
  *tick_ += kTick;
  left_ = all_ - bytes;
  return fits;
}

FixedDisk::FixedDisk(const DeviceConfig& config)
    : SingleServer({.name = config.name,
                    .capacity = Sectors(config.capacity.count() / kSectorSize),
                    .depth = device_depth(config),
                    .completion_latency = config.fixed.completion_latency,
                    .near_sectors = config.fixed.near_sectors,
                    .head_at_start = config.fixed.head_at_start}),
      config_(config.fixed) {
  WB_ASSERT(config_.bandwidth_bytes_per_s > 0);
  if (config_.mbps > 0)
    budget_.emplace(config_.mbps);
}

Duration FixedDisk::service_time(const DeviceRequest& request, TimePoint now) {
  const std::int64_t bytes = to_bytes(request.sectors).count();
  Duration service = config_.overhead;
  if (budget_)
    service += budget_->begin(bytes, now) - now;
  if (is_seek(request.sector)) {
    const std::int64_t distance = (request.sector - head()).count();
    const std::int64_t cost = multiply_divide(
        config_.seek_full.count(), distance < 0 ? -distance : distance, capacity().count());
    service += config_.seek_base + Duration(cost);
  }
  const std::int64_t rate = request.op == BioOp::kRead
                                ? config_.read_bytes_per_s.value_or(config_.bandwidth_bytes_per_s)
                                : config_.bandwidth_bytes_per_s;
  return service + Duration(multiply_divide(bytes, 1'000'000'000, rate));
}

}  // namespace wbsim
