#include "models/block/queue_settings.hpp"

#include <algorithm>

#include "models/block/blk_wbt.hpp"
#include "models/device/device.hpp"

namespace wbsim {

namespace {

constexpr int kMaxRequests = 128;  // BLKDEV_DEFAULT_RQ

// 2.4: elevator_linus; slots of each direction, and MAX_SECTORS.
QueueParams with_defaults_24(QueueParams params, const QueueRules& rules) {
  constexpr Bytes kSmallMachine{std::int64_t{32} << 20};
  if (params.scheduler.empty())
    params.scheduler = "linus";
  if (params.nr_requests == 0 && rules.kind == QueueKind::kLinus2417)
    params.nr_requests = params.memory <= kSmallMachine ? 32 : 64;
  if (params.nr_requests == 0)
    params.nr_requests = kMaxRequests;
  params.max_sectors = std::min(params.max_sectors, rules.max_sectors);
  params.write_cache = params.fua = false;  // the drive may have one: nothing flushes it
  return params;
}

}  // namespace

QueueRules queue_rules_310() {
  QueueRules rules;
  rules.plug = kPlug310;
  rules.most_nomerges = 2;
  rules.deadline = kDeadline310;
  return rules;
}

QueueRules queue_rules_61() {
  QueueRules rules;
  rules.kind = QueueKind::kMulti;
  rules.plug = kPlug61;
  rules.most_nomerges = 2;
  rules.deadline = kDeadline61;
  rules.max_sectors = Sectors(2560);
  return rules;
}

QueueParams queue_params(const DeviceConfig& device) {
  const QueueConfig& queue = device.queue;
  QueueParams params;
  params.scheduler = queue.scheduler.value_or("");
  params.nr_requests = queue.nr_requests.value_or(0);
  params.max_sectors = Sectors(queue.max_sectors_kb.value_or(0) * 2);
  params.max_segments = queue.max_segments;
  params.partitioned = !device.partitions.empty();
  params.async_depth = queue.async_depth.value_or(0);
  params.nomerges = queue.nomerges;
  params.rotational = queue.rotational.value_or(is_rotational(device));
  params.write_cache =
      queue.write_cache ? *queue.write_cache == "write back" : has_volatile_cache(device);
  params.nr_hw_queues = queue.nr_hw_queues;
  if (queue.wbt_lat_usec)
    params.wbt_lat = std::chrono::microseconds(*queue.wbt_lat_usec);
  return params;
}

bool asks_for_rotational(const QueueRules& rules, std::string_view scheduler) {
  return rules.kind == QueueKind::kSingle && rules.knows_rotational &&
         (!rules.plug.per_task || scheduler == "cfq");
}

int blk_mq_default_nr_requests(int hw_queue_depth, bool has_scheduler) {
  return has_scheduler ? 2 * std::min(hw_queue_depth, kMaxRequests) : hw_queue_depth;
}

QueueParams with_defaults(QueueParams params, const QueueRules& rules, int device_depth) {
  if (params.max_sectors == Sectors(0))
    params.max_sectors = rules.max_sectors;
  params.scheduler = scheduler_of(params.scheduler, rules);
  if (is_linus(rules.kind))
    return with_defaults_24(params, rules);
  if (rules.kind == QueueKind::kSingle) {
    if (params.scheduler.empty())
      params.scheduler = "cfq";
    if (params.nr_requests == 0)
      params.nr_requests = kMaxRequests;
    return params;
  }
  if (params.scheduler.empty())
    params.scheduler = params.nr_hw_queues > 1 ? "none" : "mq-deadline";
  const bool has_scheduler = params.scheduler != "none";
  const int hw_depth = std::max(1, device_depth / params.nr_hw_queues);
  if (params.nr_requests == 0)
    params.nr_requests = blk_mq_default_nr_requests(hw_depth, has_scheduler);
  if (params.async_depth == 0)
    params.async_depth = params.nr_requests;
  if (!has_scheduler)
    params.nr_requests = std::min(params.nr_requests, hw_depth);
  if (params.wbt_lat < Duration::zero())  // wbt_disable_default(): bfq does without
    params.wbt_lat =
        params.scheduler == "bfq" ? Duration::zero() : wbt_default_latency(params.rotational);
  return params;
}

}  // namespace wbsim
