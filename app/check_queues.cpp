#include <algorithm>
#include <string>

#include "app/scenario_check.hpp"
#include "app/units_parse.hpp"
#include "models/device/device.hpp"
#include "models/device/fixed.hpp"
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

// What the kernel would make of it, and what blk-mq cannot share out.
void check_multi_queue(const DeviceConfig& d, const KernelRow& row, int cpus, const std::string& at,
                       Problems& problems) {
  const QueueConfig& q = d.queue;
  const int tags = device_depth(d);
  if (q.nr_hw_queues > cpus)
    problems.error(at + "/nr_hw_queues", std::to_string(q.nr_hw_queues) + " queues serve " +
                                             std::to_string(cpus) + " processors");
  if (q.nr_hw_queues > tags) {
    problems.error(
        at + "/nr_hw_queues",
        std::to_string(q.nr_hw_queues) + " queues share a driver_depth of " + std::to_string(tags));
    return;
  }
  const QueueParams kernel = with_defaults(queue_params(d), row.queue, tags);
  if (q.nr_requests && *q.nr_requests > kernel.nr_requests)
    problems.error(at + "/nr_requests",
                   "without a scheduler no more than the hardware queue has, " +
                       std::to_string(kernel.nr_requests));
  if (q.async_depth && *q.async_depth > kernel.nr_requests)
    problems.error(at + "/async_depth", std::to_string(*q.async_depth) +
                                            " is more than nr_requests, " +
                                            std::to_string(kernel.nr_requests));
  if (q.rotational && (q.wbt_lat_usec || kernel.scheduler == "bfq"))
    problems.warn(at + "/rotational", "nobody asks: it only sets the default of wbt_lat_usec");
}

// What a kernel with single queues does not know.
void check_single_queue(const DeviceConfig& d, const KernelRow& row, const std::string& at,
                        Problems& problems) {
  const QueueConfig& q = d.queue;
  const std::string kernel = "kernel " + std::string(row.name);
  if (q.wbt_lat_usec)
    problems.error(at + "/wbt_lat_usec", kernel + " has no blk-wbt", "4.10 brought it");
  if (q.async_depth)
    problems.error(at + "/async_depth", kernel + " has no mq-deadline");
  if (q.nr_hw_queues != 1)
    problems.error(at + "/nr_hw_queues", kernel + " has one queue for each device");
  if (q.nr_requests && *q.nr_requests < 4)
    problems.error(at + "/nr_requests", kernel + " takes no less than 4");
  if (q.rotational && !row.queue.knows_rotational)
    problems.error(at + "/rotational", kernel + " does not ask for it", "2.6.29 brought it");
  else if (q.rotational && !asks_for_rotational(row.queue, q.scheduler.value_or("cfq")))
    problems.warn(at + "/rotational",
                  "nobody asks: in kernel " + std::string(row.name) + " only cfq does");
  if (q.nomerges > row.queue.most_nomerges)
    problems.error(at + "/nomerges", kernel + " does not have it",
                   row.queue.most_nomerges == 0 ? "2.6.25 brought it" : "it takes 0 and 1");
}

void check_linus_queue(const QueueConfig& q, const KernelRow& row, const std::string& at,
                       Problems& problems) {
  const std::string kernel = "kernel " + std::string(row.name);
  if (q.write_cache)
    problems.error(at + "/write_cache", kernel + " never flushes a drive's cache");
  if (const int most = static_cast<int>(row.queue.max_sectors.count() / 2);
      q.max_sectors_kb && *q.max_sectors_kb > most)
    problems.error(at + "/max_sectors_kb",
                   std::to_string(*q.max_sectors_kb) + " is more than requests of 2.4 grow to",
                   "at most " + std::to_string(most) + "; without it 255 sectors");
}

// A page is a segment.
void check_request_size(const QueueConfig& q, const std::string& at, Problems& problems) {
  if (q.max_sectors_kb && *q.max_sectors_kb > std::int64_t{q.max_segments} * kPageSize / 1024)
    problems.warn(at + "/max_sectors_kb",
                  "no request gets there: " + std::to_string(q.max_segments) +
                      " pages, its max_segments, are " +
                      size_text(std::int64_t{q.max_segments} * kPageSize));
}

// A request that no tick can hold would wait for ever.
void check_tick_budget(const DeviceConfig& d, std::int64_t request, const std::string& at,
                       Problems& problems) {
  for (std::size_t i = 0; i < d.array.members.size(); ++i)
    check_tick_budget(d.array.members[i], request, child(at + "/members", i), problems);
  const std::int64_t budget = TickBudget::bytes_of(d.fixed.mbps);
  if (d.fixed.mbps > 0 && request > budget)
    problems.error(at + "/mbps",
                   "is " + std::to_string(budget) + " bytes in each 20 ms, and requests grow to " +
                       std::to_string(request),
                   "raise it or lower max_sectors_kb");
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
      check_multi_queue(s.devices[i], *row, s.cpu.cpus, at, problems);
    else
      check_single_queue(s.devices[i], *row, at, problems);
    if (is_linus(row->queue.kind))
      check_linus_queue(q, *row, at, problems);
    check_request_size(q, at, problems);
    const std::int64_t request = q.max_sectors_kb ? std::int64_t{*q.max_sectors_kb} * 1024
                                                  : to_bytes(row->queue.max_sectors).count();
    check_tick_budget(s.devices[i], request, at, problems);
  }
}

}  // namespace wbsim
