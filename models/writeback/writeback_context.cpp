#include "models/writeback/writeback_context.hpp"

#include "models/writeback/cgroup_writeback.hpp"
#include "models/writeback/single_inode.hpp"

namespace wbsim {

Task<Errno> PageFiles::write(Inode& file, std::int64_t pos, std::int64_t length, TaskStruct& task) {
  return generic_file_write(context_.vfs, file, pos, length, task);
}

Task<Errno> PageFiles::read(Inode& file, std::int64_t pos, std::int64_t length, FileRaState& ra,
                            std::int64_t ra_pages, TaskStruct& task) {
  return generic_file_read(context_.vfs, file, pos, length, ra, ra_pages, task);
}

Task<Errno> PageFiles::fsync(File& file, SyncWhat what, TaskStruct& task) {
  return vfs_fsync(context_, file, what, task);
}

void WritebackContext::add_device(BackingDevInfo& bdi) {
  bdi.wb_id = static_cast<int>(bdis.size());
  bdis.push_back(&bdi);
  wbs.push_back(&bdi);
  min_ratio_sum += bdi.min_ratio;
}

DirtyLimits WritebackContext::dirty_limits(const TaskStruct* task,
                                           const AddressSpace* mapping) const {
  if (dirty_memory)
    return dirty_memory->limits();
  const PageCache& cache = vfs.cache;
  const LimitBonus bonus = task && task->rt_task() ? LimitBonus::kQuarterMore : LimitBonus::kNone;
  if (rules.limits == LimitsRule::k2618) {
    const bool lowmem_only = mapping && mapping->host->is_block_device;
    return dirty_limits_2618(vm, cache.params().total, cache.memory().locked(), bonus,
                             lowmem_only ? cache.params().highmem : Pages(0));
  }
  return global_dirty_limits(rules.limits, vm, cache.dirtyable_memory(), bonus, domain.dirty_limit);
}

Pages WritebackContext::bdi_thresh(BackingDevInfo& bdi, Pages thresh) const {
  if (rules.limits == LimitsRule::k2618)
    return thresh;
  PageCache& cache = vfs.cache;
  const PropFraction completions = has_flex_shares(rules.limits)
                                       ? cache.flex_fraction(bdi)
                                       : cache.completions().fraction(bdi.completions);
  MinMaxRatio ratio{bdi.min_ratio, bdi.max_ratio};
  if (bdi.wbs)
    ratio = wb_min_max_ratio(ratio, wb_share(bdi));
  return bdi_share(rules.limits, thresh, completions, ratio.min, ratio.max, min_ratio_sum);
}

Pages WritebackContext::bdi_dirty_limit(BackingDevInfo& bdi, Pages dirty, TaskStruct* task) const {
  if (dirty_memory || rules.limits == LimitsRule::k2618)
    return dirty;  // no limit of its own
  PageCache& cache = vfs.cache;
  Pages limit = bdi_thresh(bdi, dirty);
  if (has_flex_shares(rules.limits))
    return limit;
  if (rules.limits != LimitsRule::k2639)
    limit = clip_bdi_dirty_limit(limit, dirty, cache.counters(), bdi);
  return task ? task_dirty_limit(limit, cache.dirtyings().fraction(task->dirties)) : limit;
}

std::int64_t WritebackContext::inodes() const {
  std::int64_t count = other_inodes;
  for (const SuperBlock* sb : super_blocks)
    count += static_cast<std::int64_t>(sb->s_inodes.size());
  return count;
}

std::int64_t WritebackContext::everything() const {
  return reclaimable().count() + inodes();
}

void WritebackContext::sync_supers() {
  for (SuperBlock* sb : super_blocks) {
    if (!sb->s_dirt)
      continue;
    sb->s_dirt = false;
    sb->write_super();
  }
}

Task<> WritebackContext::congestion_wait(Thread& thread, Jiffies at_most) {
  co_await vfs.cpu.settle(thread);
  co_await congestion.queue(congestion_index).wait_for(timeout(at_most), "congestion_wait");
  co_await vfs.cpu.woken(thread);
}

void WritebackContext::trace_work(TimePoint since, std::string_view thread, WriteReason reason,
                                  std::int64_t written) const {
  WorkRecord record;
  record.start = since - origin;
  record.end = vfs.sim.now() - origin;
  record.thread = thread;
  record.reason = reason;
  record.written = Pages(written);
  trace.on_work(record);
}

}  // namespace wbsim
