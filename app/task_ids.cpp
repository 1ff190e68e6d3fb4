#include "app/task_ids.hpp"

#include <algorithm>
#include <charconv>

#include "app/summary_json.hpp"
#include "models/kernel.hpp"

namespace wbsim {
namespace {

constexpr int kFirstWriter = 2001;
constexpr int kFirstFlusher = 301;
constexpr int kFirstOther = 1001;

std::string_view flusher_of(const Scenario& scenario) {
  const KernelRow* row = find_kernel(scenario.kernel.preset);
  return scenario.kernel.flusher ? *scenario.kernel.flusher
         : row                   ? row->flusher
                                 : std::string_view();
}

}  // namespace

TaskIds::TaskIds(const Scenario& scenario)
    : kworkers_(flusher_of(scenario) == "bdi_wq"), next_pid_(kFirstOther) {
  for (const DeviceConfig& device : scenario.devices)
    devices_.push_back(device.name);
  int pid = kFirstWriter;
  for (const std::string& name : writer_names(scenario)) {
    writers_.push_back({name, pid++});
    ids_.emplace(name, writers_.back());
  }
}

const TaskId& TaskIds::of(std::string_view thread) {
  const auto known = ids_.find(thread);
  if (known != ids_.end())
    return known->second;
  return ids_.emplace(thread, kernel_thread(thread)).first->second;
}

TaskId TaskIds::kernel_thread(std::string_view thread) {
  const std::size_t colon = thread.find(':');
  if (colon != std::string_view::npos) {  // of a cgroup: a kworker like those of the devices
    const int worker = static_cast<int>(devices_.size()) + ++cgroup_workers_;
    return {"kworker/u8:" + std::to_string(worker), next_pid_++};
  }
  const std::size_t dash = thread.rfind('-');
  if (dash != std::string_view::npos && dash + 1 < thread.size()) {
    const std::string_view tail = thread.substr(dash + 1);
    const auto device = std::find(devices_.begin(), devices_.end(), tail);
    if (device != devices_.end()) {
      const int index = static_cast<int>(device - devices_.begin());
      const std::string bdi = std::to_string(kMajor) + ":" + std::to_string(minor(index));
      return {kworkers_ ? "kworker/u8:" + std::to_string(index + 1)
                        : std::string(thread.substr(0, dash + 1)) + bdi,
              kFirstFlusher + index};
    }
    int pid = 0;
    const char* const end = tail.data() + tail.size();
    if (std::from_chars(tail.data(), end, pid).ptr == end && pid > 0)
      return {std::string(thread.substr(0, dash)), pid};
  }
  return {std::string(thread), next_pid_++};
}

}  // namespace wbsim
