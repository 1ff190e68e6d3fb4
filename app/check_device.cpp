#include <string>

#include "app/scenario_check.hpp"
#include "app/units_parse.hpp"

namespace wbsim {
namespace {

constexpr int kSataDepth = 32;

// Nothing that begins after the removal of a device is ever seen.
void check_after_removal(const DeviceConfig& d, const std::string& at, Problems& problems) {
  for (const FaultConfig& removal : d.faults) {
    for (std::size_t i = 0; i < d.faults.size() && removal.kind == FaultKind::kRemove; ++i) {
      if (&d.faults[i] != &removal && d.faults[i].start >= removal.start)
        problems.error(child(child(at, "faults"), i) + "/start",
                       "the device is removed by then, at " + duration_text(removal.start.count()));
    }
  }
}

void check_faults(const DeviceConfig& d, bool array, const std::string& at, Problems& problems) {
  check_after_removal(d, at, problems);
  for (std::size_t i = 0; i < d.faults.size(); ++i) {
    const FaultConfig& f = d.faults[i];
    const std::string here = child(child(at, "faults"), i);
    if (f.kind == FaultKind::kHang && !f.duration && problems.usable(here + "/duration"))
      problems.error(here + "/duration", "is missing: a hang must end");
    if (array && (f.offset > Bytes(0) || f.size))
      problems.error(here + (f.size ? "/size" : "/offset"),
                     "an array has no sectors of its own; give the fault to a member");
    else if (!array && f.offset >= d.capacity && problems.usable(at + "/capacity"))
      problems.error(here + "/offset",
                     "lies beyond the capacity of " + size_text(d.capacity.count()));
    else if (!array && f.size && *f.size > d.capacity - f.offset &&
             problems.usable(at + "/capacity"))
      problems.error(here + "/size",
                     "ends beyond the capacity of " + size_text(d.capacity.count()));
  }
}

void check_zones(const DeviceConfig& d, const std::string& at, Problems& problems) {
  std::int64_t sectors = 0;
  for (std::size_t i = 0; i < d.hdd.zones.size(); ++i) {
    const HddZone& z = d.hdd.zones[i];
    if (z.cylinders == 0 || z.sectors_per_track == 0)
      problems.error(child(at + "/zones", i), "has no sectors");
    if (z.cylinders > 1'000'000'000 || z.sectors_per_track > 1'000'000)
      problems.error(child(at + "/zones", i), "is no zone of a disk");
    else
      sectors += z.cylinders * z.sectors_per_track * d.hdd.heads;
  }
  if (!d.hdd.zones.empty() && to_bytes(Sectors(sectors)) < d.capacity &&
      problems.usable(at + "/capacity"))
    problems.error(at + "/capacity", size_text(d.capacity.count()) + " are more than the zones " +
                                         "hold, " + size_text(to_bytes(Sectors(sectors)).count()));
}

void check_hdd(const DeviceConfig& d, const std::string& at, Problems& problems) {
  if (d.hdd.inner_bytes_per_s > d.hdd.outer_bytes_per_s)
    problems.error(at + "/inner_rate", "the inner zone is faster than the outer one");
  check_zones(d, at, problems);
  for (std::size_t i = 1; i < d.hdd.seek_table.size(); ++i) {
    if (d.hdd.seek_table[i].cylinders <= d.hdd.seek_table[i - 1].cylinders)
      problems.error(child(at + "/seek_table", i), "does not go on from the row before it");
  }
}

void check_array(const DeviceConfig& d, const std::string& at, Problems& problems) {
  if (d.array.members.empty() && problems.usable(at + "/members"))
    problems.error(at + "/members", "is missing: an array has members");
  if (d.model == "raid0" && d.array.members.size() == 1)
    problems.error(at + "/members", "is one device: there is nothing to stripe");
  for (std::size_t i = 0; i < d.array.members.size(); ++i) {
    const DeviceConfig& member = d.array.members[i];
    const std::string here = child(at + "/members", i);
    if (d.model == "raid0" && d.array.chunk > member.capacity)
      problems.error(here + "/capacity", size_text(member.capacity.count()) + " hold no chunk of " +
                                             size_text(d.array.chunk.count()));
    check_device(member, here, problems);
  }
}

}  // namespace

void check_device(const DeviceConfig& d, const std::string& at, Problems& problems) {
  const bool array = d.model == "raid0" || d.model == "jbod";
  if (d.driver_depth && *d.driver_depth > kSataDepth && (d.model == "hdd" || d.model == "ssd"))
    problems.error(
        at + "/driver_depth",
        std::to_string(*d.driver_depth) + " is more than its tags, " + std::to_string(kSataDepth));
  if (d.model == "hdd")
    check_hdd(d, at, problems);
  if (array)
    check_array(d, at, problems);
  check_faults(d, array, at, problems);
}

}  // namespace wbsim
