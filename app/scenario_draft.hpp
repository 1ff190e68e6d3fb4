// A scenario in the making, for what is imported: it collects files, devices and workloads, and
// takes the machine from a scenario that the user gives or from a default that it names.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/json.hpp"

namespace wbsim {

class ScenarioDraft {
 public:
  // The word a scenario calls a file of the host by: "fs0/data_log". Its size becomes the largest
  // that was asked for; 0: it grows as it is written.
  std::string file(const std::string& host_path, std::int64_t size);
  // One that starts empty and comes to have so many bytes.
  std::string growing_file(const std::string& host_path, std::int64_t end);
  // "/dev/sda", for a device that holds at least so many bytes.
  std::string device(const std::string& name, std::int64_t bytes);
  // A name no other workload has.
  std::string workload_name(std::string_view wanted);
  void add_workload(Json workload);
  void add_replay(Json replay);

  // `base`: a valid scenario, from which everything but files and workloads is taken.
  Json scenario(const std::string& name, const std::string& description, const std::string& source,
                const std::optional<Json>& base) const;

 private:
  Json own_machine(Json scenario) const;
  Json files() const;

  std::vector<std::string> file_order_;
  std::map<std::string, std::string> file_names_;  // host path -> name in fs0
  std::map<std::string, std::int64_t> file_sizes_;
  std::map<std::string, std::int64_t> devices_;
  std::vector<std::string> workload_names_;
  std::vector<Json> workloads_, replays_;
  std::int64_t growth_ = 0;
};

// The text with every character that a name of a scenario cannot have replaced.
std::string scenario_name(std::string_view text);

}  // namespace wbsim
