#include "models/device/hdd.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "sim/assert.hpp"

namespace wbsim {

HardDisk::HardDisk(const DeviceConfig& config)
    : SingleServer({.capacity = Sectors(config.capacity.count() / kSectorSize),
                    .depth = config.driver_depth,
                    .completion_latency = Duration::zero(),
                    .near_sectors = Sectors(128)}),
      config_(config.hdd),
      rotation_ns_(60e9 / config.hdd.rpm) {
  WB_ASSERT(config_.rpm > 0 && config_.cylinders > 0);
  WB_ASSERT(config_.inner_bytes_per_s > 0);
  WB_ASSERT(config_.outer_bytes_per_s >= config_.inner_bytes_per_s);
  const double mean_rate = 0.5 * (static_cast<double>(config_.outer_bytes_per_s) +
                                  static_cast<double>(config_.inner_bytes_per_s));
  const double bytes = static_cast<double>(to_bytes(capacity()).count());
  revolutions_ = bytes / (mean_rate * rotation_ns_ * 1e-9);
}

// How far inside a sector lies, from 0 at the outer to 1 at the inner edge. The rate falls linearly
// with this, so that the bytes outside of it grow as a parabola; this is its inverse.
double HardDisk::depth_of(Sectors sector) const {
  const double x = static_cast<double>(sector.count()) / static_cast<double>(capacity().count());
  const double outer = static_cast<double>(config_.outer_bytes_per_s);
  const double inner = static_cast<double>(config_.inner_bytes_per_s);
  const double rate_here = std::sqrt(outer * outer - (outer * outer - inner * inner) * x);
  return (outer + inner) * x / (outer + rate_here);
}

std::int64_t HardDisk::cylinder_of(Sectors sector) const {
  const auto cylinder = static_cast<std::int64_t>(depth_of(sector) * config_.cylinders);
  return std::min<std::int64_t>(cylinder, config_.cylinders - 1);
}

double HardDisk::revolutions_to(Sectors sector) const {
  return depth_of(sector) * revolutions_;
}

Duration HardDisk::seek_time(std::int64_t cylinders) const {
  if (cylinders == 0)
    return Duration::zero();
  const double d = static_cast<double>(cylinders);
  const double ms = cylinders <= config_.seek_split
                        ? config_.seek_a_ms + config_.seek_b_ms * std::sqrt(d)
                        : config_.seek_c_ms + config_.seek_e_ms * d;
  return to_duration(ms * 1e6);
}

// Until the sector passes under the head, which turns on while nobody looks.
double HardDisk::rotational_wait_ns(Sectors sector, TimePoint arrival) const {
  const double now_ns = static_cast<double>(arrival.time_since_epoch().count());
  const double angle_ns = std::fmod(now_ns, rotation_ns_);
  const double target_ns = std::fmod(revolutions_to(sector), 1.0) * rotation_ns_;
  return target_ns >= angle_ns ? target_ns - angle_ns : target_ns - angle_ns + rotation_ns_;
}

Duration HardDisk::service_time(const DeviceRequest& request, TimePoint now) {
  const double end = revolutions_to(request.end());
  Duration service = config_.overhead;
  if (now == last_end_ && !is_seek(request.sector)) {
    // It follows on at once: the drive had it in time to go on, over a small gap as well.
    service += to_duration((end - revolutions_to(head())) * rotation_ns_);
  } else {
    service += seek_time(std::abs(cylinder_of(request.sector) - cylinder_of(head())));
    const double transfer_ns = (end - revolutions_to(request.sector)) * rotation_ns_;
    service += to_duration(rotational_wait_ns(request.sector, now + service) + transfer_ns);
  }
  last_end_ = now + service;
  return service;
}

}  // namespace wbsim
