#include <algorithm>
#include <string>

#include "app/scenario_check.hpp"
#include "app/units_parse.hpp"
#include "models/kernel.hpp"

namespace wbsim {
namespace {

void check_scheduler(const std::string& chosen, const KernelRow& row, const std::string& at,
                     Problems& problems) {
  const auto& known = scheduler_names(row.queue);
  if (std::find(known.begin(), known.end(), scheduler_of(chosen, row.queue)) != known.end())
    return;
  std::string names;
  for (const std::string_view name : known)
    names += (names.empty() ? "" : ", ") + std::string(name);
  problems.error(at, "kernel " + std::string(row.name) + " has no scheduler " + shown(chosen) +
                         "; it has " + names);
}

// What blk-mq cannot share out.
void check_multi_queue(const DeviceConfig& d, const std::string& at, Problems& problems) {
  const QueueConfig& q = d.queue;
  if (q.async_depth && q.nr_requests && *q.async_depth > *q.nr_requests)
    problems.error(at + "/async_depth", std::to_string(*q.async_depth) +
                                            " is more than nr_requests, " +
                                            std::to_string(*q.nr_requests));
  if (!d.driver_depth)
    return;
  const int depth = *d.driver_depth / q.nr_hw_queues;
  if (depth < 1)
    problems.error(at + "/nr_hw_queues", std::to_string(q.nr_hw_queues) +
                                             " queues share a driver_depth of " +
                                             std::to_string(*d.driver_depth));
  else if (q.scheduler == "none" && q.nr_requests && *q.nr_requests > depth)
    problems.error(
        at + "/nr_requests",
        "without a scheduler no more than the hardware queue has, " + std::to_string(depth));
}

// What a kernel with single queues does not know.
void check_single_queue(const QueueConfig& q, const KernelRow& row, const std::string& at,
                        Problems& problems) {
  const std::string kernel = "kernel " + std::string(row.name);
  if (q.wbt_lat_usec)
    problems.error(at + "/wbt_lat_usec", kernel + " has no blk-wbt");
  if (q.async_depth)
    problems.error(at + "/async_depth", kernel + " has no mq-deadline");
  if (q.nr_hw_queues != 1)
    problems.error(at + "/nr_hw_queues", kernel + " has one queue for each device");
  if (q.nr_requests && *q.nr_requests < 4)
    problems.error(at + "/nr_requests", kernel + " takes no less than 4");
}

}  // namespace

void check_queues(const Scenario& s, Problems& problems) {
  const KernelRow* row = find_kernel(s.kernel.preset);
  if (!row)
    return;
  for (std::size_t i = 0; i < s.devices.size(); ++i) {
    const QueueConfig& q = s.devices[i].queue;
    const std::string at = child("/devices", i);
    if (q.scheduler && problems.usable(at + "/scheduler"))
      check_scheduler(*q.scheduler, *row, at + "/scheduler", problems);
    if (row->queue.kind == QueueKind::kMulti)
      check_multi_queue(s.devices[i], at, problems);
    else
      check_single_queue(q, *row, at, problems);
  }
}

}  // namespace wbsim
