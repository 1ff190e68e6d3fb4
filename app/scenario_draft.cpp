#include "app/scenario_draft.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "app/scenario_file.hpp"
#include "app/units_parse.hpp"

namespace wbsim {
namespace {

constexpr std::int64_t kStep = std::int64_t{1} << 30;  // of capacities
constexpr const char* kFilesystem = "fs0";

std::string unique(const std::string& name, const std::vector<std::string>& taken) {
  const auto is_taken = [&taken](const std::string& n) {
    return std::find(taken.begin(), taken.end(), n) != taken.end();
  };
  std::string result = name;
  for (int n = 2; is_taken(result); ++n) {
    const std::string ending = "-" + std::to_string(n);
    result = name.substr(0, 64 - ending.size()) + ending;
  }
  return result;
}

std::string capacity_for(std::int64_t bytes) {
  return size_text(std::max(16 * kStep, (2 * bytes + kStep - 1) / kStep * kStep));
}

}  // namespace

std::string scenario_name(std::string_view text) {
  constexpr std::size_t kLongest = 64;
  std::string out;
  for (const char c : text.substr(text.size() > kLongest ? text.size() - kLongest : 0)) {
    const bool safe = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '.' || c == '_' || c == '-';
    if (safe || !out.empty())
      out += safe ? c : '_';
  }
  return out.empty() || out == "." || out == ".." ? "x" : out;
}

std::string ScenarioDraft::file(const std::string& host_path, std::int64_t size) {
  auto found = file_names_.find(host_path);
  if (found == file_names_.end()) {
    const std::string name = unique(scenario_name(host_path), file_order_);
    file_order_.push_back(name);
    found = file_names_.emplace(host_path, name).first;
  }
  std::int64_t& known = file_sizes_[found->second];
  known = std::max(known, size);
  return std::string(kFilesystem) + "/" + found->second;
}

std::string ScenarioDraft::growing_file(const std::string& host_path, std::int64_t end) {
  growth_ += end;
  return file(host_path, 0);
}

std::string ScenarioDraft::device(const std::string& name, std::int64_t bytes) {
  std::int64_t& known = devices_[name];
  known = std::max(known, bytes);
  return "/dev/" + name;
}

std::string ScenarioDraft::workload_name(std::string_view wanted) {
  const std::string name = unique(scenario_name(wanted), workload_names_);
  workload_names_.push_back(name);
  return name;
}

void ScenarioDraft::add_workload(Json workload) {
  workloads_.push_back(std::move(workload));
}

void ScenarioDraft::add_replay(Json replay) {
  replays_.push_back(std::move(replay));
}

Json ScenarioDraft::files() const {
  Json files = Json::array();
  for (const std::string& name : file_order_)
    files.push_back({{"name", name}, {"size", size_text(file_sizes_.at(name))}});
  return files;
}

Json ScenarioDraft::own_machine(Json scenario) const {
  scenario["machine"] = {{"memory", "4GiB"}};
  scenario["devices"] = Json::array();
  std::int64_t in_files = growth_;
  for (const auto& [name, size] : file_sizes_)
    in_files += size;
  if (!file_order_.empty()) {
    std::string holder = "d0";
    while (devices_.contains(holder))
      holder += "0";
    scenario["devices"].push_back(
        {{"name", holder}, {"model", "hdd"}, {"capacity", capacity_for(in_files)}});
    scenario["filesystems"].push_back({{"name", kFilesystem}, {"device", holder}});
  }
  for (const auto& [name, bytes] : devices_)
    scenario["devices"].push_back(
        {{"name", name}, {"model", "hdd"}, {"capacity", capacity_for(bytes)}});
  scenario["run"] = {{"duration", "86400s"}, {"sample_interval", "100ms"}};
  return scenario;
}

Json ScenarioDraft::scenario(const std::string& name, const std::string& description,
                             const std::string& source, const std::optional<Json>& base) const {
  Json scenario = {{"schema", kScenarioSchema},
                   {"name", scenario_name(name)},
                   {"description", description},
                   {"source", source}};
  if (base) {
    for (const char* key : {"kernel", "machine", "vm", "devices", "filesystems", "run"}) {
      if (base->contains(key))
        scenario[key] = base->at(key);
    }
    if (file_order_.empty() || !scenario.contains("filesystems"))
      scenario.erase("filesystems");
  } else {
    scenario = own_machine(std::move(scenario));
  }
  if (!file_order_.empty()) {
    Json& all = scenario["filesystems"];
    if (all.empty())
      all.push_back({{"name", kFilesystem}, {"device", scenario["devices"][0]["name"]}});
    all = Json::array({all[0]});
    all[0]["name"] = kFilesystem;
    all[0]["files"] = files();
  }
  scenario["workloads"] = workloads_;
  if (!replays_.empty())
    scenario["replays"] = replays_;
  return scenario;
}

}  // namespace wbsim
