#include "app/device_profiles.hpp"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "app/edit_distance.hpp"
#include "app/json_parse.hpp"
#include "app/scenario_load.hpp"

namespace wbsim {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDeviceSchema = "wbsim-device/1";

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    if (entry.path().extension() == ".json")
      names.push_back(entry.path().stem().string());
  }
  return names;
}

// That of the installed program, or that of the tree it was built from.
fs::path shipped_folder() {
  std::error_code ignored;
  const fs::path program = fs::read_symlink("/proc/self/exe", ignored);
  const fs::path installed = program.parent_path().parent_path() / "share/wbsim/scenarios/devices";
  return fs::is_directory(installed, ignored) ? installed : fs::path(WBSIM_DEVICE_DIR);
}

std::vector<fs::path> folders_of(const std::string& scenario_path) {
  return {fs::path(scenario_path).parent_path() / "devices", shipped_folder()};
}

// Null with an error when there is no such profile or it is no profile.
Json read_profile(const std::string& name, const std::vector<fs::path>& folders,
                  const std::string& at, Problems& problems) {
  std::vector<std::string> known;
  for (const fs::path& folder : folders) {
    const std::vector<std::string> here = names_in(folder);
    known.insert(known.end(), here.begin(), here.end());
    if (std::find(here.begin(), here.end(), name) == here.end())
      continue;
    Problems inside;
    const std::string path = (folder / (name + ".json")).string();
    Json profile = parse_json(read_scenario_text(path), inside);
    if (!inside.any_error() && profile.is_object() && profile.value("schema", "") == kDeviceSchema)
      return profile;
    problems.error(at, path + " is not a device profile",
                   inside.any_error() ? inside.all().front().message
                                      : std::string("its schema must be ") + kDeviceSchema);
    return nullptr;
  }
  std::sort(known.begin(), known.end());
  known.erase(std::unique(known.begin(), known.end()), known.end());
  problems.error(at, shown(name) + " is no device profile", name_hint(name, known));
  return nullptr;
}

// Keys that say the same in two ways.
struct Alternatives {
  std::vector<std::string_view> one, other;
};

const std::vector<Alternatives>& alternatives() {
  static const std::vector<Alternatives> all{
      {{"zones"}, {"outer_rate", "inner_rate"}},
      {{"seek_table"}, {"seek_a_ms", "seek_b_ms", "seek_c_ms", "seek_e_ms", "seek_split"}}};
  return all;
}

// Whether the device gives the key itself, or what stands instead of it.
bool replaced(std::string_view key, const Json& device) {
  const auto contains = [](const std::vector<std::string_view>& keys, std::string_view k) {
    return std::find(keys.begin(), keys.end(), k) != keys.end();
  };
  const auto given = [&](const std::vector<std::string_view>& keys) {
    return std::any_of(keys.begin(), keys.end(),
                       [&](std::string_view k) { return device.contains(std::string(k)); });
  };
  for (const Alternatives& pair : alternatives())
    if ((contains(pair.one, key) && given(pair.other)) ||
        (contains(pair.other, key) && given(pair.one)))
      return true;
  return device.contains(std::string(key));
}

void merge_into(Json& device, const std::vector<fs::path>& folders, const std::string& at,
                Problems& problems) {
  if (!device.is_object())
    return;
  if (device.contains("members") && device["members"].is_array()) {
    for (std::size_t i = 0; i < device["members"].size(); ++i)
      merge_into(device["members"][i], folders, child(at + "/members", i), problems);
  }
  if (!device.contains("profile") || !device["profile"].is_string())
    return;
  const Json profile =
      read_profile(device["profile"].get<std::string>(), folders, at + "/profile", problems);
  device.erase("profile");
  if (profile.is_null())
    return;
  if (device.contains("model") && profile.contains("model") &&
      device["model"] != profile["model"]) {
    problems.error(at + "/model", "the profile is of another one, " + profile["model"].dump());
    return;
  }
  const Json given = device;
  for (const auto& [key, value] : profile.items()) {
    if (key == "schema" || key == "description" || key == "source" || replaced(key, given))
      continue;
    device[key] = value;
    problems.excuse(child(at, key));
  }
}

}  // namespace

void merge_device_profiles(Json& document, const std::string& scenario_path, Problems& problems) {
  if (!document.is_object() || !document.contains("devices") || !document["devices"].is_array())
    return;
  const std::vector<fs::path> folders = folders_of(scenario_path);
  for (std::size_t i = 0; i < document["devices"].size(); ++i)
    merge_into(document["devices"][i], folders, child("/devices", i), problems);
}

std::vector<DeviceProfile> shipped_device_profiles() {
  std::vector<std::string> names = names_in(shipped_folder());
  std::sort(names.begin(), names.end());
  std::vector<DeviceProfile> profiles;
  for (const std::string& name : names) {
    Problems problems;
    const Json profile = read_profile(name, {shipped_folder()}, "", problems);
    if (!profile.is_null())
      profiles.push_back({name, profile.value("model", ""), profile.value("description", ""),
                          profile.value("source", "")});
  }
  return profiles;
}

}  // namespace wbsim
