// What no single key shows: references, overlaps, jobs that never end.
#pragma once

#include "app/problems.hpp"
#include "app/scenario_file.hpp"
#include "models/mm/page.hpp"

namespace wbsim {

// Bytes of a file or a device for which the page cache has numbers; only O_DIRECT goes beyond.
inline constexpr std::int64_t kMostCached = std::int64_t{~PageIndex{0}} * kPageSize;

void check_storage(const Scenario& s, Problems& problems);    // devices, file systems
void check_queues(const Scenario& s, Problems& problems);     // against the kernel
void check_workloads(const Scenario& s, Problems& problems);  // and memory, vm, run
void check_kernel(const Scenario& s, Problems& problems);     // what it has, and what it has not
void check_replays(const Scenario& s, Problems& problems);
// One device or member of an array, at this pointer, by itself.
void check_device(const DeviceConfig& d, const std::string& at, Problems& problems);
void check_expect(const ScenarioFile& file, Problems& problems);

}  // namespace wbsim
