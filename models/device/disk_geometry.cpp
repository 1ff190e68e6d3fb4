#include "models/device/disk_geometry.hpp"

#include <algorithm>
#include <cmath>

#include "sim/assert.hpp"

namespace wbsim {

namespace {
constexpr int kDerivedZones = 16;

std::int64_t skew_sectors(double skew_ns, double rotation_ns, std::int64_t per_track) {
  return static_cast<std::int64_t>(
      std::ceil(skew_ns / rotation_ns * static_cast<double>(per_track)));
}
}  // namespace

DiskGeometry::DiskGeometry(const HddConfig& config, Sectors capacity, double rotation_ns,
                           double next_cylinder_ns)
    : rotation_ns_(rotation_ns), heads_(config.heads) {
  WB_ASSERT(heads_ > 0);
  for (const HddZone& zone : config.zones)
    add_zone(zone);
  if (!zones_.empty())
    return;
  const double switch_ns = static_cast<double>(config.head_switch.count());
  const double heads = static_cast<double>(heads_);
  const double cylinder_ns = heads * rotation_ns + (heads - 1) * switch_ns + next_cylinder_ns;
  const auto outer = static_cast<double>(config.outer_bytes_per_s);
  const auto inner = static_cast<double>(config.inner_bytes_per_s);
  std::vector<HddZone> zones(kDerivedZones);
  std::int64_t sectors_of_a_cylinder_each = 0;
  for (int i = 0; i < kDerivedZones; ++i) {
    const double rate = outer + (inner - outer) * i / (kDerivedZones - 1);
    HddZone& zone = zones[static_cast<std::size_t>(i)];
    zone.sectors_per_track = std::max<std::int64_t>(
        1, std::llround(rate * 1e-9 * cylinder_ns / heads / static_cast<double>(kSectorSize)));
    zone.track_skew = skew_sectors(switch_ns, rotation_ns, zone.sectors_per_track);
    zone.cylinder_skew = skew_sectors(next_cylinder_ns, rotation_ns, zone.sectors_per_track);
    sectors_of_a_cylinder_each += heads_ * zone.sectors_per_track;
  }
  for (HddZone& zone : zones) {
    zone.cylinders = capacity.count() / sectors_of_a_cylinder_each + 1;
    add_zone(zone);
  }
}

void DiskGeometry::add_zone(const HddZone& zone) {
  WB_ASSERT(zone.cylinders > 0 && zone.sectors_per_track > 0);
  zones_.push_back({capacity_, cylinders_, zone.cylinders, zone.sectors_per_track, zone.track_skew,
                    zone.cylinder_skew});
  cylinders_ += zone.cylinders;
  capacity_ = end_of(zones_.back());
}

const DiskGeometry::Zone& DiskGeometry::zone_of(Sectors sector) const {
  const auto after = std::upper_bound(zones_.begin(), zones_.end(), sector,
                                      [](Sectors s, const Zone& zone) { return s < zone.first; });
  return *std::prev(after);
}

DiskGeometry::Place DiskGeometry::place_of(Sectors sector) const {
  const Zone& zone = zone_of(sector);
  const std::int64_t in_zone = (sector - zone.first).count();
  const std::int64_t track = in_zone / zone.per_track;
  const std::int64_t cylinder = track / heads_;
  const std::int64_t head = track % heads_;
  const std::int64_t skew =
      cylinder * ((heads_ - 1) * zone.track_skew + zone.cylinder_skew) + head * zone.track_skew;
  const std::int64_t position = (in_zone % zone.per_track + skew) % zone.per_track;
  return {zone.first_cylinder + cylinder, head,
          static_cast<double>(position) / static_cast<double>(zone.per_track)};
}

double DiskGeometry::transfer_ns(Sectors start, Sectors count) const {
  double total = 0;
  while (count > Sectors(0)) {
    const Zone& zone = zone_of(start);
    const Sectors here = std::min(count, end_of(zone) - start);
    const std::int64_t first = (start - zone.first).count();
    const std::int64_t last = first + here.count() - 1;
    const std::int64_t tracks = last / zone.per_track - first / zone.per_track;
    const std::int64_t per_cylinder = zone.per_track * heads_;
    const std::int64_t cylinders = last / per_cylinder - first / per_cylinder;
    const std::int64_t sectors =
        here.count() + (tracks - cylinders) * zone.track_skew + cylinders * zone.cylinder_skew;
    total += static_cast<double>(sectors) / static_cast<double>(zone.per_track) * rotation_ns_;
    start += here;
    count -= here;
    if (count > Sectors(0))  // the next zone begins on another cylinder
      total += static_cast<double>(zone.cylinder_skew) / static_cast<double>(zone.per_track) *
               rotation_ns_;
  }
  return total;
}

double DiskGeometry::sustained_bytes_per_s(Sectors sector) const {
  const Zone& zone = zone_of(sector);
  const std::int64_t sectors = zone.per_track * heads_;
  const std::int64_t with_skews = sectors + (heads_ - 1) * zone.track_skew + zone.cylinder_skew;
  return static_cast<double>(sectors * kSectorSize) * 1e9 * static_cast<double>(zone.per_track) /
         (static_cast<double>(with_skews) * rotation_ns_);
}

}  // namespace wbsim
