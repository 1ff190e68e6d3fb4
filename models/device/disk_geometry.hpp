// Where the sectors of a hard disk lie: zones of cylinders with a number of sectors a track each,
// outermost first, and what reading on over the end of a track or cylinder costs.
#pragma once

#include <cstdint>
#include <vector>

#include "models/scenario.hpp"
#include "sim/units.hpp"

namespace wbsim {

class DiskGeometry {
 public:
  // From the zones of the configuration. Without any, from capacity, the sustained rates of the
  // first and the last zone, heads, and the times of a head switch and a seek to the next cylinder.
  DiskGeometry(const HddConfig& config, Sectors capacity, double rotation_ns,
               double next_cylinder_ns);

  struct Place {
    std::int64_t cylinder;
    std::int64_t head;
    double angle;  // in revolutions, 0 to 1
  };
  Place place_of(Sectors sector) const;
  // Reading or writing without a pause, skews included.
  double transfer_ns(Sectors start, Sectors count) const;
  std::int64_t cylinders() const { return cylinders_; }
  Sectors capacity() const { return capacity_; }
  // Sustained over whole cylinders, at this sector.
  double sustained_bytes_per_s(Sectors sector) const;

 private:
  struct Zone {
    Sectors first;
    std::int64_t first_cylinder;
    std::int64_t cylinders;
    std::int64_t per_track, track_skew, cylinder_skew;  // sectors
  };
  void add_zone(const HddZone& zone);
  const Zone& zone_of(Sectors sector) const;
  Sectors end_of(const Zone& zone) const {
    return zone.first + Sectors(zone.cylinders * heads_ * zone.per_track);
  }

  double rotation_ns_;
  std::int64_t heads_;
  std::int64_t cylinders_ = 0;
  Sectors capacity_;
  std::vector<Zone> zones_;
};

}  // namespace wbsim
