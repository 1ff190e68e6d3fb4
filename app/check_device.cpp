#include <algorithm>
#include <cmath>
#include <string>

#include "app/scenario_check.hpp"
#include "app/units_parse.hpp"
#include "models/device/device.hpp"

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
    if (std::max(z.track_skew, z.cylinder_skew) >= std::max<std::int64_t>(z.sectors_per_track, 1))
      problems.error(child(at + "/zones", i), "has a skew of a revolution or more");
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

void check_seek_table(const std::vector<SeekPoint>& table, const std::string& at,
                      Problems& problems) {
  for (std::size_t i = 0; i < table.size(); ++i) {
    const std::string here = child(at, i);
    if (table[i].cylinders == 0)
      problems.error(here, "no cylinders are no seek");
    if (i == 0)
      continue;
    if (table[i].cylinders <= table[i - 1].cylinders)
      problems.error(here, "does not go on from the row before it");
    else if (table[i].time_us < table[i - 1].time_us)
      problems.error(here, std::to_string(table[i].time_us) + " us are less than the " +
                               std::to_string(table[i - 1].time_us) + " us of a shorter seek");
  }
}

// Both pieces rise, so that only the step between them can fall. Fits of measured curves, each
// piece for itself, do so by a few percent.
void check_seek_curve(const HddConfig& hdd, const std::string& at, Problems& problems) {
  constexpr double kFit = 0.95;
  if (!hdd.seek_table.empty() || hdd.seek_split == HddConfig::kNoSplit)
    return;
  const auto split = static_cast<double>(hdd.seek_split);
  const double before = hdd.seek_a_ms + hdd.seek_b_ms * std::sqrt(split);
  const double behind = hdd.seek_c_ms + hdd.seek_e_ms * (split + 1);
  if (behind < kFit * before)
    problems.error(at + "/seek_split",
                   "the seek time falls there, from " + duration_text(std::llround(before * 1e6)) +
                       " to " + duration_text(std::llround(behind * 1e6)),
                   "c + e*d goes on where a + b*sqrt(d) ends");
}

void check_hdd(const DeviceConfig& d, const std::string& at, Problems& problems) {
  if (d.hdd.inner_bytes_per_s > d.hdd.outer_bytes_per_s)
    problems.error(at + "/inner_rate",
                   "the inner zone is faster, " + rate_text(d.hdd.inner_bytes_per_s) +
                       ", than the outer one, " + rate_text(d.hdd.outer_bytes_per_s));
  check_zones(d, at, problems);
  check_seek_table(d.hdd.seek_table, at + "/seek_table", problems);
  check_seek_curve(d.hdd, at, problems);
}

void check_usb(const DeviceConfig& d, const std::string& at, Problems& problems) {
  if (d.usb.erase_stall > Duration::zero() && d.usb.erase_block > d.capacity &&
      problems.usable(at + "/capacity"))
    problems.error(at + "/erase_block", size_text(d.usb.erase_block.count()) +
                                            " are more than the capacity of " +
                                            size_text(d.capacity.count()));
}

void check_array(const DeviceConfig& d, const std::string& at, Problems& problems) {
  if (d.array.members.empty() && problems.usable(at + "/members"))
    problems.error(at + "/members", "is missing: an array has members");
  if (d.model == "raid0" && d.array.members.size() == 1)
    problems.error(at + "/members", "is one device: there is nothing to stripe");
  constexpr Bytes kMost{std::int64_t{1} << 50};  // as of one device
  if (!d.array.members.empty() && device_capacity(d) > kMost)
    problems.error(at + "/members", "hold " + size_text(device_capacity(d).count()) +
                                        ", more than " + size_text(kMost.count()));
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
  if (d.model == "usb")
    check_usb(d, at, problems);
  if (array)
    check_array(d, at, problems);
  check_faults(d, array, at, problems);
}

}  // namespace wbsim
