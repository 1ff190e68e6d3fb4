#include "models/writeback/cgroup_writeback.hpp"

#include <algorithm>

#include "models/writeback/inode_lists.hpp"
#include "models/writeback/rate_estimate.hpp"

namespace wbsim {

namespace {

constexpr std::size_t kMostSwitches = 1024;  // WB_FRN_MAX_IN_FLIGHT

bool has_dirty_io(const BackingDevInfo& wb) {
  return wb.dirty_inodes[DirtyInodeLists::kDirty] + wb.dirty_inodes[DirtyInodeLists::kIo] +
             wb.dirty_inodes[DirtyInodeLists::kMoreIo] >
         0;
}

// wb_calc_thresh() in the domain of its cgroup.
Pages memcg_wb_thresh(const WritebackContext& context, BackingDevInfo& wb, Pages thresh) {
  FlexShares& completions = *wb.memcg->completions;
  const PropFraction share = completions.shares.fraction(wb.memcg_completions, completions.now());
  const MinMaxRatio ratio = wb_min_max_ratio({wb.min_ratio, wb.max_ratio}, wb_share(wb));
  return bdi_share(context.rules.limits, thresh, share, ratio.min, ratio.max,
                   context.min_ratio_sum);
}

// Counts of the pages with that tag that `holds` go along.
template <class Holds>
Pages count_tagged(WritebackContext& context, AddressSpace& mapping, PageTag tag, Holds holds) {
  PageCache& cache = context.vfs.cache;
  Pages count{0};
  for (PageIndex at = mapping.pages.next_tagged(0, tag); at != PageTree::kNone;
       at = mapping.pages.next_tagged(at + 1, tag))
    if (holds(cache.page(mapping.pages.find(at))))
      count += Pages(1);
  return count;
}

}  // namespace

WbShare wb_share(const BackingDevInfo& wb) {
  WbShare share{wb.rates.avg_write_bandwidth, 0};
  if (wb.wbs)
    for (const BackingDevInfo* other : *wb.wbs)
      if (has_dirty_io(*other))
        share.total += other->rates.avg_write_bandwidth;
  return share;
}

DirtyLimits memcg_limits_now(const WritebackContext& context, const Memcg& memcg,
                             LimitBonus bonus) {
  const Pages global_avail = context.vfs.cache.dirtyable_memory();
  const Pages avail = mdtc_avail({global_avail, context.vfs.cache.stats().unclean()},
                                 {memcg.file, memcg.dirty(), memcg.headroom()});
  return memcg_dirty_limits(context.vm, avail, global_avail, bonus, memcg.domain.dirty_limit);
}

std::optional<DirtyState> memcg_dirty_state(const WritebackContext& context, BackingDevInfo& wb,
                                            const TaskStruct& task) {
  if (!wb.memcg)
    return std::nullopt;
  const Memcg& memcg = *wb.memcg;
  const LimitBonus bonus = task.rt_task() ? LimitBonus::kQuarterMore : LimitBonus::kNone;
  const DirtyLimits limits = memcg_limits_now(context, memcg, bonus);
  DirtyState state;
  state.thresh = limits.dirty;
  state.bg_thresh = limits.background;
  state.dirty = memcg.dirty();
  state.limit = std::max(limits.dirty, memcg.domain.dirty_limit);
  state.bdi_thresh = memcg_wb_thresh(context, wb, limits.dirty);
  if (limits.dirty > Pages(0))
    state.bdi_bg_thresh = state.bdi_thresh * limits.background.count() / limits.dirty.count();
  state.bdi_dirty = wb.unclean(state.bdi_thresh);
  state.avg_write_bandwidth = wb.rates.avg_write_bandwidth;
  state.strict_limit = wb.strict_limit;
  return state;
}

bool memcg_over_bground_thresh(const WritebackContext& context, BackingDevInfo& wb) {
  if (!wb.memcg)
    return false;
  const Pages background = memcg_limits_now(context, *wb.memcg).background;
  const Pages share = memcg_wb_thresh(context, wb, background);
  return wb.memcg->file_dirty > background || wb.reclaimable.read_for(share) > share;
}

CgroupWriteback::CgroupWriteback(WritebackContext& context, MemoryCgroups& cgroups)
    : context_(context) {
  for (BackingDevInfo* device : context.bdis) {
    std::vector<BackingDevInfo*>& all = by_device_.emplace_back();
    all.push_back(device);
    device->wbs = &all;
    for (Memcg& memcg : cgroups.all()) {
      BackingDevInfo& wb = wbs_.emplace_back();
      wb.id = device->id;
      wb.name = device->name;
      wb.queue = device->queue;
      wb.min_ratio = device->min_ratio;
      wb.max_ratio = device->max_ratio;
      wb.strict_limit = device->strict_limit;
      wb.count_in(device->reclaimable.batch());
      wb.memcg = &memcg;
      wb.wbs = &all;
      wb.wb_id = static_cast<int>(context.wbs.size());
      all.push_back(&wb);
      context.wbs.push_back(&wb);
    }
  }
  for (Memcg& memcg : cgroups.all())
    memcg.domain.dirty_limit = memcg_limits_now(context, memcg).dirty;
  cgroups.set_listener(*this);
}

void CgroupWriteback::page_dirtied(AddressSpace& mapping, Memcg* memcg) {
  if (!mapping.i_wb) {
    InodeWb& inode = inodes_.emplace_back();
    inode.mapping = &mapping;
    inode.switching_to = &wb_of(*mapping.bdi, memcg);
    mapping.i_wb = &inode;
    switch_now(inode);
  }
  if (memcg && mapping.bdi->memcg != memcg)
    track_foreign_dirty(*memcg, *mapping.bdi);
}

void CgroupWriteback::switch_wb(InodeWb& inode, int memcg_id) {
  BackingDevInfo& target = *(*inode.mapping->bdi->wbs)[static_cast<std::size_t>(memcg_id)];
  if (inode.switching_to || &target == inode.mapping->bdi || switching_.size() >= kMostSwitches)
    return;
  inode.switching_to = &target;
  switching_.push_back(&inode);
  context_.sim().at(context_.wheel.expiry(context_.sim().now(), Jiffies(1)),
                    {[](void* self, std::uint64_t) {
                       auto& cgroups = *static_cast<CgroupWriteback*>(self);
                       InodeWb& moving = *cgroups.switching_.front();
                       cgroups.switching_.pop_front();
                       if (Memcg* memcg = moving.switching_to->memcg)
                         ++memcg->inodes_switched;
                       cgroups.switch_now(moving);
                       cgroups.flusher_->inodes_arrived(*moving.mapping->bdi);
                     },
                     this, 0});
}

// inode_switch_wbs_work_fn(): with its place on a list and the counts of its pages.
void CgroupWriteback::switch_now(InodeWb& inode) {
  AddressSpace& mapping = *inode.mapping;
  BackingDevInfo& from = *mapping.bdi;
  BackingDevInfo& to = *std::exchange(inode.switching_to, nullptr);
  if (&from == &to)
    return;
  const Pages dirty = count_tagged(context_, mapping, PageTag::kDirty,
                                   [](const Page& page) { return page.test(PG_dirty); });
  const Pages writeback = count_tagged(context_, mapping, PageTag::kWriteback,
                                       [](const Page& page) { return page.test(PG_writeback); });
  from.reclaimable -= dirty;
  to.reclaimable += dirty;
  from.writeback -= writeback;
  to.writeback += writeback;
  if (mapping.pages.any_tagged(PageTag::kWriteback)) {
    --from.writeback_inodes;
    ++to.writeback_inodes;
  }
  Inode& host = *mapping.host;
  const bool listed = host.dirty_lists != nullptr;
  DirtyInodeLists::remove(host);
  mapping.bdi = &to;
  inode.winner = 0;
  inode.avg_time = inode.history = 0;
  if (listed)
    context_.vfs.dirty_listener->inode_dirtied(host);
}

void CgroupWriteback::track_foreign_dirty(Memcg& memcg, BackingDevInfo& wb) {
  const Jiffies now = context_.now();
  const Jiffies update = std::min(context_.hz(), context_.dirty_expire_interval / 8);
  ForeignWb* oldest = nullptr;
  for (ForeignWb& seen : memcg.foreign) {
    if (seen.wb == &wb) {
      if (seen.at + update < now)
        seen.at = now;
      return;
    }
    if (seen.flushing == 0 && (!oldest || seen.at < oldest->at))
      oldest = &seen;
  }
  if (oldest) {
    oldest->wb = &wb;
    oldest->at = now;
  }
}

void CgroupWriteback::flush_foreign(BackingDevInfo& wb) {
  const Jiffies now = context_.now();
  for (ForeignWb& seen : wb.memcg->foreign) {
    if (!seen.wb || seen.flushing != 0 || seen.at == Jiffies(0) ||
        seen.at + context_.dirty_expire_interval <= now)
      continue;
    seen.at = Jiffies(0);
    seen.flushing = 1;
    ++wb.memcg->foreign_flushes;
    // A quarter more than the cgroup has dirty, for pages of its own that others' lie between.
    const Memcg* holder = seen.wb->memcg;
    const Pages dirty = holder ? holder->file_dirty : context_.reclaimable();
    flusher_->foreign_flush(*seen.wb, dirty.count() * 10 / 8, &seen.flushing);
  }
}

}  // namespace wbsim
