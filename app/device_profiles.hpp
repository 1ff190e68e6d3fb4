// Device profiles: NAME.json in the folder devices/ beside the scenario, or in the one that comes
// with the program. {"schema": "wbsim-device/1", "description", "source", and keys of a device}.
#pragma once

#include <string>
#include <vector>

#include "app/json.hpp"
#include "app/problems.hpp"

namespace wbsim {

// Replaces the "profile" of each device, and of each member of an array, by the profile's keys as
// far as they are not given. `scenario_path` may name a file that does not exist.
void merge_device_profiles(Json& document, const std::string& scenario_path, Problems& problems);

struct DeviceProfile {
  std::string name, model, description, source;
};
// Those that come with the program, by name.
std::vector<DeviceProfile> shipped_device_profiles();

}  // namespace wbsim
