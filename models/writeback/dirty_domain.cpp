#include "models/writeback/dirty_domain.hpp"

#include <algorithm>

#include "models/writeback/cgroup_writeback.hpp"

namespace wbsim {

namespace {

void trace_global_dirty_state(const WritebackContext& context, const DirtyLimits& limits,
                              std::string_view thread) {
  const VmCounters& vm = context.vfs.cache.counters();
  GlobalDirtyStateEvent event;
  event.time = context.sim().now() - context.origin;
  event.thread = thread;
  event.nr_dirty = context.vfs.cache.stats().nr_file_dirty();
  event.nr_writeback = context.vfs.cache.stats().nr_writeback();
  event.background_thresh = limits.background;
  event.dirty_thresh = limits.dirty;
  event.dirty_limit = context.domain.dirty_limit;
  event.nr_dirtied = vm.nr_dirtied;
  event.nr_written = vm.nr_written;
  context.trace.on_global_dirty_state(event);
}

std::int64_t in_kib(std::int64_t pages) {
  return pages * (kPageSize / 1024);
}

void trace_dirty_ratelimit(const WritebackContext& context, const BackingDevInfo& bdi,
                           const RatelimitUpdate& update, std::string_view thread) {
  BdiDirtyRatelimitEvent event;
  event.time = context.sim().now() - context.origin;
  event.thread = thread;
  event.bdi = bdi.id;
  event.write_bw = in_kib(bdi.rates.write_bandwidth);
  event.avg_write_bw = in_kib(bdi.rates.avg_write_bandwidth);
  event.dirty_rate = in_kib(update.dirty_rate);
  event.dirty_ratelimit = in_kib(bdi.rates.dirty_ratelimit);
  event.task_ratelimit = in_kib(update.task_ratelimit);
  event.balanced_dirty_ratelimit = in_kib(bdi.rates.balanced_dirty_ratelimit);
  context.trace.on_bdi_dirty_ratelimit(event);
}

// domain_update_dirty_limit()
void domain_update_bandwidth(const WritebackContext& context, DirtyDomain& domain,
                             const DirtyState& state) {
  const Jiffies now = context.now();
  if (now < domain.dirty_limit_tstamp + bandwidth_interval(context.vfs.ticks.hz()))
    return;
  domain.dirty_limit = update_dirty_limit(domain.dirty_limit, state.thresh, state.dirty);
  domain.dirty_limit_tstamp = now;
}

// The limit of a domain, and the rate of the device's writers as it looks from there.
void update_domain(const WritebackContext& context, DirtyDomain& domain, BackingDevInfo& bdi,
                   const DirtyState& state, Jiffies elapsed, std::string_view thread) {
  domain_update_bandwidth(context, domain, state);
  DirtyState tracked = state;
  tracked.limit = std::max(state.thresh, domain.dirty_limit);
  const RateRule rule = context.rules.rates;
  const RatelimitUpdate update = update_dirty_ratelimit(
      bdi.rates, tracked, position_ratio(rule, rule == RateRule::k61 ? state : tracked), elapsed,
      bdi.dirtied.read(), context.vfs.ticks.hz());
  trace_dirty_ratelimit(context, bdi, update, thread);
}

}  // namespace

DirtyState dirty_state(const WritebackContext& context, BackingDevInfo& bdi,
                       const TaskStruct& task) {
  const DirtyLimits limits = context.dirty_limits(&task);
  trace_global_dirty_state(context, limits, task.name());
  DirtyState state;
  state.thresh = limits.dirty;
  state.bg_thresh = limits.background;
  state.dirty = context.vfs.cache.stats().unclean();
  state.limit = std::max(limits.dirty, context.domain.dirty_limit);
  state.bdi_thresh = context.bdi_thresh(bdi, limits.dirty);
  if (limits.dirty > Pages(0))
    state.bdi_bg_thresh = state.bdi_thresh * limits.background.count() / limits.dirty.count();
  state.bdi_dirty = bdi.unclean(state.bdi_thresh);
  state.avg_write_bandwidth = bdi.rates.avg_write_bandwidth;
  state.strict_limit = bdi.strict_limit;
  return state;
}

bool over_bground_thresh(const WritebackContext& context, BackingDevInfo& bdi,
                         std::string_view thread) {
  const DirtyLimits limits = context.dirty_limits();
  trace_global_dirty_state(context, limits, thread);
  const Pages share = context.bdi_thresh(bdi, limits.background);
  return context.reclaimable() > limits.background || bdi.reclaimable.read_for(share) > share ||
         memcg_over_bground_thresh(context, bdi);
}

namespace {
Jiffies since_update(const WritebackContext& context, const BackingDevInfo& bdi) {
  return context.now() - bdi.rates.bw_time_stamp;
}

// The device was idle for a second until `start`.
bool was_idle(const WritebackContext& context, const BackingDevInfo& bdi, Jiffies start) {
  return context.rules.rates == RateRule::k310 && since_update(context, bdi) > context.hz() &&
         bdi.rates.bw_time_stamp < start;
}
}  // namespace

void update_bandwidth(WritebackContext& context, BackingDevInfo& bdi, const DirtyState& state,
                      const DirtyState* memcg_state, Jiffies start, std::string_view thread) {
  const Jiffies elapsed = since_update(context, bdi);
  if (elapsed <= bandwidth_interval(context.vfs.ticks.hz()))
    return;
  if (was_idle(context, bdi, start)) {
    restart_estimate(bdi, context.now());
    return;
  }
  update_domain(context, context.domain, bdi, state, elapsed, thread);
  if (memcg_state)
    update_domain(context, bdi.memcg->domain, bdi, *memcg_state, elapsed, thread);
  update_write_bandwidth(context, bdi);
}

void update_write_bandwidth(WritebackContext& context, BackingDevInfo& bdi) {
  update_write_bandwidth(context.rules.rates, bdi.rates,
                         std::max(since_update(context, bdi), Jiffies(1)), bdi.written.read(),
                         context.vfs.ticks.hz());
  restart_estimate(bdi, context.now());
}

void round_written(WritebackContext& context, BackingDevInfo& bdi, Jiffies start) {
  if (context.rules.bandwidth != BandwidthUpdate::kAfterRound ||
      since_update(context, bdi) < bandwidth_interval(context.vfs.ticks.hz()))
    return;
  if (was_idle(context, bdi, start))
    restart_estimate(bdi, context.now());
  else
    update_write_bandwidth(context, bdi);
}

void inode_written(WritebackContext& context, BackingDevInfo& bdi) {
  if (context.rules.bandwidth == BandwidthUpdate::kInWritepages &&
      since_update(context, bdi) > bandwidth_interval(context.vfs.ticks.hz()))
    update_write_bandwidth(context, bdi);
}

void bandwidth_estimate_start(WritebackContext& context, BackingDevInfo& bdi) {
  if (context.rules.bandwidth == BandwidthUpdate::kInWritepages &&
      since_update(context, bdi) > context.hz() && bdi.writeback_inodes == 0)
    restart_estimate(bdi, context.now());
}

}  // namespace wbsim
