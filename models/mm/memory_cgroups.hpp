// Memory cgroups below the root: whose page is whose, and what of each is dirty.
//
// MODELS:   mm/memcontrol.c of 6.1 with cgroup v2: who adds a page to the page cache is charged
//           with it, whoever writes it later; mem_cgroup_wb_stats(), memcg->cgwb_domain, cgwb_frn.
// DEVIATES: one level of cgroups; only file pages and what a process locks are charged. At the
//           limit, the smaller of memory.max and memory.high, a task frees clean pages of its
//           cgroup, 32 at a time; where there are none, it goes over the limit instead of waiting
//           or being killed, which dirty limits keep from happening.
#pragma once

#include <array>
#include <deque>
#include <optional>
#include <string>

#include "models/mm/backing_dev_info.hpp"
#include "models/mm/inode_wb.hpp"
#include "models/mm/page_cache_setup.hpp"
#include "models/mm/wb_domain.hpp"
#include "sim/reserved_array.hpp"

namespace wbsim {

class AddressSpace;

// struct memcg_cgwb_frn: another cgroup's write-back that holds dirty pages of this one.
struct ForeignWb {
  BackingDevInfo* wb = nullptr;
  Jiffies at{};      // when it was seen last
  int flushing = 0;  // works that were asked of it and are not done
};

struct Memcg {
  int id = 0;  // 1, 2, ...; 0 is the root
  std::string name;
  Pages limit{};                                 // memory.max or memory.high
  Pages file{}, file_dirty{}, file_writeback{};  // as memory.stat has them
  Pages locked{};                                // by processes
  Pages peak_file{}, peak_dirty{};               // dirty or under write-back
  std::int64_t written = 0;                      // its pages, so far
  std::int64_t futile_at = -1;                   // when make_room() found nothing to free
  std::int64_t inodes_switched = 0;              // to it
  std::int64_t foreign_flushes = 0;
  Lruvec lru;
  DirtyDomain domain;
  std::optional<FlexShares> completions;
  std::array<ForeignWb, 4> foreign;

  Pages used() const { return file + locked; }
  Pages headroom() const { return limit - std::min(limit, used()); }
  Pages dirty() const { return file_dirty + file_writeback; }
};

// What write-back wants to know; implemented in writeback/.
class CgroupListener {
 public:
  virtual ~CgroupListener() = default;
  // A page of the mapping is about to become dirty that is charged to this cgroup, null: the root.
  virtual void page_dirtied(AddressSpace& mapping, Memcg* memcg) = 0;
  // The inode of the mapping should belong to that cgroup.
  virtual void switch_wb(InodeWb& inode, int memcg_id) = 0;
};

class MemoryCgroups {
 public:
  // `pages` of memory; the shares of each cgroup's domain begin as `shares`.
  MemoryCgroups(Pages pages, const FlexShares& shares)
      : owners_(static_cast<std::size_t>(pages.count()) + 2), shares_(shares) {}
  Memcg& add(const std::string& name, Pages limit);
  Memcg* find(const std::string& name);  // null: there is none
  std::deque<Memcg>& all() { return groups_; }
  void set_listener(CgroupListener& listener) { listener_ = &listener; }

  int owner_id(PageId page) const { return owners_[page]; }
  Memcg* owner(PageId page) { return owners_[page] == 0 ? nullptr : &groups_[owners_[page] - 1U]; }
  // Cold: where there are no cgroups, who asks for them is not to pay for these calls.
  [[gnu::cold]] void charge(PageId page, Memcg& memcg);
  [[gnu::cold]] void uncharge(PageId page);
  // So many pages, all charged to the owner of this one.
  [[gnu::cold]] void dirtied(AddressSpace& mapping, PageId page, Pages count);
  [[gnu::cold]] void cleaned(PageId page);
  [[gnu::cold]] void writeback_started(PageId page);
  [[gnu::cold]] void writeback_ended(PageId page);
  // wbc_detach_inode(): after a round of write-back for `wb`.
  void end_round(InodeWb& inode, const WbcOwners& owners, const BackingDevInfo& wb) {
    if (inode.end_round(owners, wb.rates.avg_write_bandwidth))
      listener_->switch_wb(inode, inode.winner);
  }
  // Completions of one wb, for its share of its cgroup's limits.
  static void count_written(BackingDevInfo& wb, std::int64_t count);

 private:
  ReservedArray<std::uint8_t> owners_;  // by page; 0: the root
  std::deque<Memcg> groups_;
  FlexShares shares_;
  CgroupListener* listener_ = nullptr;
};

}  // namespace wbsim
