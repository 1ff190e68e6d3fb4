#include "models/fs/buffer24.hpp"

#include <algorithm>

#include "models/fs/buffer24_trace.hpp"
#include "models/mm/page_cache_run.hpp"
#include "sim/assert.hpp"

namespace wbsim::v24 {

Buffers::Buffers(Vfs& v, TaskQueueDisk& tasks, const CacheParams& params, const BdfPrm& prm)
    : vfs(v), tq_disk(tasks), cache(params), bdf_prm(prm), buffermem(v.cache.tree_nodes()) {
  vfs.cache.set_releaser(*this);
}

BlockDevice& Buffers::device(Inode& inode) {
  WB_ASSERT(inode.is_block_device);
  if (inode.i_ino >= by_ino_.size())
    by_ino_.resize(inode.i_ino + 1);
  BlockDevice*& dev = by_ino_[inode.i_ino];
  if (!dev) {
    dev = &devices_.emplace_back();
    dev->number = static_cast<int>(inode.i_ino);
    dev->inode = &inode;
    dev->ledger = const_cast<BufferLedger*>(&ledger(*inode.i_data.bdi));
  }
  return *dev;
}

BlockDevice& Buffers::device_of(Inode& inode) {
  Inode* const disk = inode.is_block_device ? &inode : inode.i_sb->block_device();
  WB_ASSERT(disk);
  return device(*disk);
}

const BufferLedger& Buffers::ledger(const BackingDevInfo& bdi) {
  const auto id = static_cast<std::size_t>(bdi.id);
  if (id >= by_bdi_.size())
    by_bdi_.resize(id + 1);
  if (!by_bdi_[id])
    by_bdi_[id] = &ledgers_.emplace_back();
  return *by_bdi_[id];
}

InodeLists& Buffers::lists_of(Inode& inode) {
  if (!inode.buffers24)
    inode.buffers24 = &inodes_.emplace_back();
  return *inode.buffers24;
}

// 2.4.0 counts what can be freed; 2.4.17 nearly all memory.
MemoryState Buffers::memory() const {
  const PageCache& pages = vfs.cache;
  MemoryState state;
  if (release() == Release::k2417) {
    state.free_buffer_pages = pages.params().total - pages.params().high_watermark();
    return state;
  }
  const BufferLedger& ledger = cache.ledger();
  const Pages busy = round_up_pages(ledger.dirty + ledger.writeback);
  const Pages inactive = pages.inactive_pages();
  const Pages inactive_target = pages.params().total / 4;
  state.inactive_dirty = std::min(busy, inactive);
  state.freepages_high = pages.params().high_watermark();
  const Pages clean = pages.free_pages() + inactive - state.inactive_dirty;
  state.free_shortage = std::max(Pages(0), state.freepages_high - clean);
  state.free_buffer_pages =
      std::max(pages.free_pages() + inactive, state.freepages_high + inactive_target) +
      pages.active_pages() / 16;
  return state;
}

bool Buffers::drop_buffers(Page& page) {
  const int count = static_cast<int>(kPageSize / cache.page_buffers(page).b_size);
  if (!cache.drop_buffers(page))
    return false;
  vfs.cache.memory().remove_buffer_heads(count);
  buffer_wait.wake_all();
  return true;
}

bool Buffers::try_to_release_page(Page& page) {
  if (drop_buffers(page))
    return true;
  if (release() == Release::k2417)
    for_each_buffer(cache, page, [](BufferHead& bh) {
      if (bh.test(BH_Dirty) || bh.test(BH_Lock))
        bh.set(BH_Wait_IO);
    });
  if (balance_dirty_state() >= 0)
    wakeup_bdflush();
  return false;
}

Task<> create_empty_buffers(Buffers& b, Inode& inode, Page& page, TaskStruct& task) {
  const int size = static_cast<int>(inode.block_size());
  BufferHead* first = b.cache.create_buffers(page, size, true);
  while (!first) {
    co_await b.vfs.cpu.settle(task);
    b.tq_disk.run();
    do
      co_await b.buffer_wait.wait("buffer_wait");
    while (b.release() == Release::k240 && b.cache.nr_unused() < kMaxBufPerPage);
    co_await b.vfs.cpu.woken(task);
    first = b.cache.create_buffers(page, size, true);
  }
  for (BufferHead* bh = first; bh; bh = bh->b_this_page)
    bh->b_dev = &b.device_of(inode);
  b.cache.attach(page, *first);
  b.vfs.cache.memory().add_buffer_heads(static_cast<int>(kPageSize / size));
}

Task<> mark_buffer_dirty(Buffers& b, BufferHead& bh, TaskStruct& task) {
  if (!b.cache.mark_dirty(bh, b.flushtime()))
    co_return;
  trace_buffer(b, BufferCacheEvent::What::kDirtied, bh);
  if (b.balance_dirty_state() >= 0)
    co_await b.vfs.throttle->balance_dirty_pages(task, b.buffermem);
}

Task<> mark_buffer_dirty_inode(Buffers& b, BufferHead& bh, Inode& inode, TaskStruct& task) {
  co_await mark_buffer_dirty(b, bh, task);
  b.cache.buffer_insert_inode_queue(bh, b.lists_of(inode).i_dirty_buffers);
}

namespace {

void touch_buffer(Buffers& b, BufferHead& bh) {
  if (b.release() == Release::k240)
    bh.b_page->set(PG_referenced);
  else
    b.vfs.cache.mark_page_accessed(*bh.b_page);
}

// grow_buffers() of 2.4.0.
bool grow_free_list(Buffers& b, int size, TaskStruct& task) {
  Page& page = b.vfs.add_page(b.buffermem, b.next_buffermem++, task);
  b.vfs.cache.unlock_page(page);
  page.clear(PG_referenced);
  if (b.cache.grow_free_list(page, size)) {
    b.vfs.cache.memory().add_buffer_heads(static_cast<int>(kPageSize / size));
    return true;
  }
  b.vfs.cache.remove_from_page_cache(page);
  return false;
}

Task<> refill_freelist(Buffers& b, int size, TaskStruct& task) {
  if (b.balance_dirty_state() >= 0)
    co_await b.vfs.throttle->balance_dirty_pages(task, b.buffermem);
  if (!grow_free_list(b, size, task)) {
    co_await b.vfs.cpu.settle(task);
    b.tq_disk.run();
    co_await b.buffer_wait.wait("buffer_wait");
    co_await b.vfs.cpu.woken(task);
  }
}

// grow_buffers() of 2.4.17. False when the page has buffers of another size that are busy.
bool grow_buffers(Buffers& b, BlockDevice& dev, std::int64_t block, int size, TaskStruct& task) {
  const std::int64_t per_page = kPageSize / size;
  const auto index = static_cast<PageIndex>(block / per_page);
  AddressSpace& pages = dev.inode->i_data;
  Page* page = b.vfs.cache.find_get_page(pages, index);
  if (!page) {
    page = &b.vfs.add_page(pages, index, task);
    b.vfs.cache.unlock_page(*page);
  }
  if (page->test(PG_private) && b.cache.page_buffers(*page).b_size != size &&
      !b.drop_buffers(*page))
    return false;
  const bool fresh = !page->test(PG_private);
  if (!b.cache.hash_page_buffers(*page, dev, std::int64_t{index} * per_page, size))
    return false;
  if (fresh)
    b.vfs.cache.memory().add_buffer_heads(static_cast<int>(per_page));
  return true;
}

// free_more_memory(): the rest of it, reclaim, is done by whoever allocates.
Task<> free_more_memory(Buffers& b, TaskStruct& task) {
  if (b.balance_dirty_state() >= 0)
    co_await b.vfs.throttle->balance_dirty_pages(task, b.buffermem);
  b.wakeup_bdflush();
  b.tq_disk.run();
  co_await b.vfs.cpu.settle(task);
  co_await b.vfs.sim.delay(b.vfs.ticks.tick(), "free_more_memory");
  co_await b.vfs.cpu.woken(task);
}

}  // namespace

Task<BufferHead*> getblk(Buffers& b, BlockDevice& dev, std::int64_t block, int size,
                         TaskStruct& task) {
  using What = BufferCacheEvent::What;
  for (bool fresh = false;; fresh = true) {
    BufferHead* bh = b.cache.get_hash_table(dev, block);
    if (!bh && b.release() == Release::k240) {
      bh = b.cache.take_from_free_list(dev, block, size);
      fresh = true;
    }
    if (bh) {
      trace_buffer(b, fresh ? What::kTaken : What::kHit, *bh);
      touch_buffer(b, *bh);
      co_return bh;
    }
    trace_block(b, What::kMiss, dev, block, size);
    while (b.vfs.must_wait_for_memory(task))
      co_await b.vfs.reclaim_throttle->try_to_free_pages(task);
    if (b.release() == Release::k240)
      co_await refill_freelist(b, size, task);
    else if (!grow_buffers(b, dev, block, size, task))
      co_await free_more_memory(b, task);
    trace_block(b, What::kGrown, dev, block, size);
  }
}

BufferHead& preload_block(Buffers& b, BlockDevice& dev, std::int64_t block, int size) {
  TaskStruct nobody("boot");
  for (;;) {
    BufferHead* bh = b.cache.get_hash_table(dev, block);
    if (!bh && b.release() == Release::k240)
      bh = b.cache.take_from_free_list(dev, block, size);
    if (bh) {
      b.cache.brelse(*bh);
      return *bh;
    }
    const bool grown = b.release() == Release::k240 ? grow_free_list(b, size, nobody)
                                                    : grow_buffers(b, dev, block, size, nobody);
    WB_ASSERT(grown);
  }
}

Task<BufferHead*> bread(Buffers& b, BlockDevice& dev, std::int64_t block, int size,
                        TaskStruct& task) {
  BufferHead* const bh = co_await getblk(b, dev, block, size, task);
  if (bh->test(BH_Uptodate))
    co_return bh;
  co_await ll_rw_block(b, BioOp::kRead, *bh, WriteReason::kRead, task);
  co_await wait_on_buffer(b, *bh, task);
  if (bh->test(BH_Uptodate))
    co_return bh;
  b.cache.brelse(*bh);
  co_return nullptr;
}

}  // namespace wbsim::v24
