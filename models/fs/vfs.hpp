// What the functions of fs/ share: the page cache, the buffers, the bios, and the machine's clock
// and processors.
#pragma once

#include <cstdint>

#include "models/fs/buffer_pool.hpp"
#include "models/fs/file_bio.hpp"
#include "models/fs/fs_trace.hpp"
#include "models/fs/inode.hpp"
#include "models/fs/metadata_blocks.hpp"
#include "models/mm/dirty_throttle.hpp"
#include "models/mm/kswapd.hpp"
#include "models/mm/page_cache.hpp"
#include "models/mm/reclaim_throttle.hpp"
#include "models/mm/writeback_control.hpp"
#include "models/scenario.hpp"
#include "sim/simulator.hpp"

namespace wbsim {

enum class PageScanRule : std::uint8_t {
  k2624,  // a batch is finished even past nr_to_write; wraps only if nothing was found
  k2631,  // stops at nr_to_write exactly; wraps to the start of the file
  k310,   // the next scan begins at the last page; integrity scans take the pages tagged TOWRITE
  k61,    // as k310, but a cyclic scan ends at the end of the file; errors do not end a sync
};

class Durability;

// Whether fsync(2) ends with a flush of the drive's cache.
enum class FsyncFlush : std::uint8_t {
  kNone,
  kBlockDevice,  // that of a block device: 2.6.39; files leave it to their file system
  kAlways,       // generic_file_fsync() as well: 3.16
};

// What differs between kernels in fs/.
struct FsRules {
  PageScanRule page_scan = PageScanRule::k2631;
  bool sync_bios = true;  // writes of WB_SYNC_ALL carry the sync flag: 2.6.31
  // With what sync_file_range(2) writes: WB_SYNC_NONE skips pages under write-back. Until 2.6.28
  // and from 5.2 that, between them WB_SYNC_ALL.
  SyncMode sync_file_range = SyncMode::WB_SYNC_ALL;
  // Pass 2 of WB_SYNC_NONE waits for a locked buffer unless it is nonblocking; from 2.6.39 on it
  // never does.
  bool waits_for_buffers = true;
  bool map_delay = true;  // pass 1 of block_write_full_page maps Delay buffers: 2.6.31
  // When get_block fails, the page is unlocked after what is mapped was submitted: 2.6.24.
  bool recover_unlocks_last = true;
  bool marks_write_eio = true;  // a buffer whose page-wide write failed: 2.6.24
  // A page of which no buffer was written counts as skipped, and is uptodate if they are: 2.6.18.
  bool nothing_written_is_skipped = false;
  // Pages dirtied by write(2) count for the share of the task: 2.6.31. Before, mark_buffer_dirty()
  // did not, and only mapped writes lowered a task's limit.
  bool task_dirty_by_buffers = true;
  // write(2) marks its pages accessed: a page written and read again is active. Not in 4.18 any
  // more, where pages that were written leave memory in the order in which they came.
  bool write_marks_accessed = true;
  // A full vector of lru_cache_add() goes to the list with the next page, not at once: 3.10.
  bool full_pagevec_waits = false;
  bool multipage_bvecs = false;  // a bio is as long as its pages lie together: 5.1
  bool relatime_daily = true;    // 2.6.30: an access time a day old is renewed, too
  FsyncFlush fsync_flush = FsyncFlush::kNone;
  bool flush_is_barrier = true;  // blkdev_issue_flush() drains the queue: up to 2.6.36
  // Every open file is told of an error once, not the first fsync(2) alone: 4.13. sync(2) and the
  // page's own mark of an error tell nobody any more.
  bool errseq = false;
};

struct Vfs : PageReleaser {
  Vfs(Simulator& simulator, TickClock clock, Processors& processors, const CpuCosts& cpu_costs,
      PageCache& page_cache, const FsRules& fs_rules, Pages memory)
      : sim(simulator),
        ticks(clock),
        cpu(processors),
        costs(cpu_costs),
        cache(page_cache),
        rules(fs_rules),
        buffers(memory),
        bios(cache.memory()),
        kswapd(processors) {
    cache.set_releaser(*this);
  }
  bool try_to_release_page(Page& page) override;  // try_to_free_buffers()
  // add_to_page_cache(); kswapd pays for the reclaim it needed.
  Page& add_page(AddressSpace& mapping, PageIndex index, TaskStruct& task) {
    return task.memcg ? add_charged_page(mapping, index, task)
                      : add_uncharged_page(mapping, index, task);
  }
  // kswapd has not kept free memory above the lowest watermark: before the task adds a page it
  // frees some itself, or waits.
  bool must_wait_for_memory(const TaskStruct& task) const {
    return reclaim_throttle && cache.free_pages() < cache.params().min_watermark() &&
           (cache.is_full() || reclaim_throttle->must_wait(&task));
  }
  // What new pages and buffers cost in batches since it was last charged.
  void charge_batch_work(TaskStruct& task) {
    const BatchWork work = cache.memory().take_batch_work();
    if (work.any())
      task.charge(costs.refill * work.refills + costs.lru_batch * work.lru +
                  costs.tree_node * work.nodes);
  }
  // New pages that write(2) is about to fill.
  void charge_slow_allocation(TaskStruct& task, int pages) const {
    if (costs.slow_allocation > Duration::zero() && throttle->zones_are_dirty(task))
      task.charge(costs.slow_allocation * pages);
  }
  Jiffies jiffies() const { return ticks.jiffies_at(sim.now()); }
  Reclaim when_low() {
    const Pages free = cache.free_pages();
    const bool kswapd_waits = reclaim_throttle && free < cache.params().low_watermark() &&
                              free >= cache.params().min_watermark() &&
                              reclaim_throttle->must_wait(nullptr);
    if (kswapd_waits && reclaim_throttle->is_futile())
      kswapd.wake();
    return kswapd_waits ? Reclaim::kNotYet : Reclaim::kNow;
  }

  Simulator& sim;
  TickClock ticks;
  Processors& cpu;
  CpuCosts costs;
  PageCache& cache;
  FsRules rules;
  BufferPool buffers;
  BioPool bios;
  Kswapd kswapd;
  DirtyListener* dirty_listener = nullptr;
  DirtyThrottle* throttle = nullptr;
  ReclaimThrottle* reclaim_throttle = nullptr;  // null: nobody waits for memory
  Durability* durability = nullptr;    // only in runs that count what a power cut would lose
  FsTrace* trace = nullptr;            // only in runs whose sink wants_page_events()
  MetadataBlocks* metadata = nullptr;  // null: in the pages of the device

 private:
  // try_charge_memcg(): at the limit of its cgroup the task frees pages itself.
  [[gnu::cold]] Page& add_charged_page(AddressSpace& mapping, PageIndex index, TaskStruct& task);
  Page& add_uncharged_page(AddressSpace& mapping, PageIndex index, TaskStruct& task) {
    const std::int64_t before = cache.reclaimed();
    Page& page = cache.add_to_page_cache(mapping, index, when_low());
    task.charge(costs.new_page);
    if (cache.reclaimed() != before)
      kswapd.owe(costs.reclaim_page * (cache.reclaimed() - before));
    return page;
  }
};

}  // namespace wbsim
