#include "models/fs/bdf_prm.hpp"

namespace wbsim::v24 {

BdfPrm bdf_prm(const VmSysctl& vm, Release release, int hz) {
  const auto jiffies = [hz](std::optional<int> given, int centisecs) {
    return given ? Jiffies(*given)
                 : TickClock(hz).from_duration(std::chrono::milliseconds(centisecs * 10));
  };
  BdfPrm prm = default_bdf_prm(release, hz);
  prm.nfract = vm.bdflush.nfract.value_or(prm.nfract);
  prm.ndirty = vm.bdflush.ndirty.value_or(prm.ndirty);
  prm.nfract_sync = vm.bdflush.nfract_sync.value_or(prm.nfract_sync);
  prm.interval = jiffies(vm.bdflush.interval, vm.dirty_writeback_centisecs);
  prm.age_buffer = jiffies(vm.bdflush.age_buffer, vm.dirty_expire_centisecs);
  return prm;
}

int balance_dirty_state(const BufferCache& cache, const BdfPrm& prm, const MemoryState& memory) {
  std::int64_t dirty = whole_pages(cache.size_buffers_type(BUF_DIRTY)).count();
  // Buffers stay on BUF_LOCKED when their write has ended, until somebody refiles them.
  if (cache.release() == Release::k2417)
    dirty += whole_pages(cache.size_buffers_type(BUF_LOCKED)).count();
  const std::int64_t total = memory.free_buffer_pages.count();
  if (dirty * 100 > total * prm.nfract)
    return dirty * 100 > total * prm.nfract_sync ? 1 : 0;
  const bool short_of_pages = cache.release() == Release::k240 && memory.free_shortage > Pages(0) &&
                              memory.inactive_dirty > memory.free_shortage &&
                              memory.inactive_dirty > memory.freepages_high;
  return short_of_pages ? 0 : -1;
}

}  // namespace wbsim::v24
