#include "models/mm/memory_cgroups.hpp"

#include <algorithm>

namespace wbsim {

Memcg& MemoryCgroups::add(const std::string& name, Pages limit) {
  WB_ASSERT(groups_.size() < 255);
  Memcg& memcg = groups_.emplace_back();
  memcg.id = static_cast<int>(groups_.size());
  memcg.name = name;
  memcg.limit = limit;
  memcg.completions = shares_;
  return memcg;
}

Memcg* MemoryCgroups::find(const std::string& name) {
  const auto found = std::find_if(groups_.begin(), groups_.end(),
                                  [&](const Memcg& memcg) { return memcg.name == name; });
  return found == groups_.end() ? nullptr : &*found;
}

void MemoryCgroups::charge(PageId page, Memcg& memcg) {
  owners_[page] = static_cast<std::uint8_t>(memcg.id);
  memcg.file += Pages{1};
  memcg.peak_file = std::max(memcg.peak_file, memcg.file);
}

void MemoryCgroups::uncharge(PageId page) {
  if (Memcg* memcg = owner(page))
    memcg->file -= Pages{1};
  owners_[page] = 0;
}

void MemoryCgroups::dirtied(AddressSpace& mapping, PageId page, Pages count) {
  Memcg* memcg = owner(page);
  listener_->page_dirtied(mapping, memcg);
  if (!memcg)
    return;
  memcg->file_dirty += count;
  memcg->peak_dirty = std::max(memcg->peak_dirty, memcg->dirty());
}

void MemoryCgroups::cleaned(PageId page) {
  if (Memcg* memcg = owner(page))
    memcg->file_dirty -= Pages{1};
}

void MemoryCgroups::writeback_started(PageId page) {
  if (Memcg* memcg = owner(page))
    memcg->file_writeback += Pages{1};
}

void MemoryCgroups::writeback_ended(PageId page) {
  Memcg* memcg = owner(page);
  if (!memcg)
    return;
  memcg->file_writeback -= Pages{1};
  ++memcg->written;
}

void MemoryCgroups::count_written(BackingDevInfo& wb, std::int64_t count) {
  FlexShares& completions = *wb.memcg->completions;
  completions.shares.add(wb.memcg_completions, count, wb.max_ratio, completions.now());
}

}  // namespace wbsim
