// A bdi_writeback for each memory cgroup and device: which of them an inode belongs to, how it gets
// to another, and who is asked to write pages that others dirtied.
//
// MODELS:   fs/fs-writeback.c inode_attach_wb(), inode_switch_wbs(), mm/memcontrol.c
//           mem_cgroup_track_foreign_dirty(), mem_cgroup_flush_foreign(), mm/page-writeback.c the
//           mdtc of balance_dirty_pages(), 6.1.
// DEVIATES: every wb is there from the start; no cgroup goes away. An inode moves a jiffy after it
//           was decided: the kernel waits for an RCU grace period and a worker.
#pragma once

#include <deque>
#include <optional>

#include "models/mm/memory_cgroups.hpp"
#include "models/writeback/memcg_limits.hpp"
#include "models/writeback/rate_control.hpp"
#include "models/writeback/writeback_context.hpp"

namespace wbsim {

// Takes what a cgroup asks another one's write-back to write; implemented by the flusher.
class ForeignFlusher {
 public:
  virtual ~ForeignFlusher() = default;
  // --*pending when it is done.
  virtual void foreign_flush(BackingDevInfo& wb, std::int64_t nr_pages, int* pending) = 0;
  // That wb has got an inode of another one.
  virtual void inodes_arrived(BackingDevInfo& wb) = 0;
};

class CgroupWriteback : public CgroupListener {
 public:
  // Makes the wbs of all devices that the context knows.
  CgroupWriteback(WritebackContext& context, MemoryCgroups& cgroups);

  void set_flusher(ForeignFlusher& flusher) { flusher_ = &flusher; }
  void page_dirtied(AddressSpace& mapping, Memcg* memcg) override;
  void switch_wb(InodeWb& inode, int memcg_id) override;
  // A task of that wb's cgroup is throttled.
  void flush_foreign(BackingDevInfo& wb);

 private:
  void track_foreign_dirty(Memcg& memcg, BackingDevInfo& wb);
  void switch_now(InodeWb& inode);

  WritebackContext& context_;
  std::deque<BackingDevInfo> wbs_;
  std::deque<std::vector<BackingDevInfo*>> by_device_;
  std::deque<InodeWb> inodes_;
  std::deque<InodeWb*> switching_;  // in the order in which they will
  ForeignFlusher* flusher_ = nullptr;
};

// The wb on whose account a task dirties pages of that device: that of its own cgroup, whoever the
// inode belongs to.
inline BackingDevInfo& wb_of(BackingDevInfo& bdi, const Memcg* memcg) {
  return bdi.wbs ? *(*bdi.wbs)[memcg ? static_cast<std::size_t>(memcg->id) : 0] : bdi;
}

// Its bandwidth, and that of all of its device that have something to write.
WbShare wb_share(const BackingDevInfo& wb);

// Everything balance_dirty_pages() looks at in the domain of the cgroup; none of the root's.
std::optional<DirtyState> memcg_dirty_state(const WritebackContext& context, BackingDevInfo& wb,
                                            const TaskStruct& task);
// There is enough to write for background write-back of this wb, by the limits of its cgroup.
bool memcg_over_bground_thresh(const WritebackContext& context, BackingDevInfo& wb);
// As of now, for a task without bonus.
DirtyLimits memcg_limits_now(const WritebackContext& context, const Memcg& memcg,
                             LimitBonus bonus = LimitBonus::kNone);

}  // namespace wbsim
