// The LRU lists and the dirty lists of inodes: filing, dirtying, and what to write next.
#include <algorithm>

#include "models/fs/buffer24_cache.hpp"
#include "sim/assert.hpp"

namespace wbsim::v24 {

void BufferCache::insert_into_lru_list(BufferHead& bh, BufferList list) {
  WB_ASSERT(!bh.on_lru);
  lru_list_[list].push_back(bh);
  bh.b_list = list;
  bh.on_lru = true;
  ++nr_buffers_type_[list];
  size_buffers_type_[list] += Bytes(bh.b_size);
}

void BufferCache::remove_from_lru_list(BufferHead& bh) {
  if (!bh.on_lru)
    return;
  lru_list_[bh.b_list].erase(LruList::s_iterator_to(bh));
  bh.on_lru = false;
  --nr_buffers_type_[bh.b_list];
  size_buffers_type_[bh.b_list] -= Bytes(bh.b_size);
}

void BufferCache::refile_buffer(BufferHead& bh) {
  const BufferList target = bh.test(BH_Dirty)  ? BUF_DIRTY
                            : bh.test(BH_Lock) ? BUF_LOCKED
                                               : BUF_CLEAN;
  if (target == bh.b_list)
    return;
  remove_from_lru_list(bh);
  if (target == BUF_CLEAN)
    remove_inode_queue(bh);
  insert_into_lru_list(bh, target);
}

void BufferCache::note_peaks(BufferLedger& l) const {
  l.peak_dirty = std::max(l.peak_dirty, l.dirty);
  l.peak_writeback = std::max(l.peak_writeback, l.writeback);
  l.peak_both = std::max(l.peak_both, l.dirty + l.writeback);
}

// In the books of all buffers, and in those of the buffer's disk.
template <class F>
void BufferCache::account(BufferHead& bh, F&& change) {
  const Bytes size(bh.b_size);
  change(ledger_, size);
  note_peaks(ledger_);
  if (bh.b_dev && bh.b_dev->ledger) {
    change(*bh.b_dev->ledger, size);
    note_peaks(*bh.b_dev->ledger);
  }
}

bool BufferCache::mark_dirty(BufferHead& bh, Jiffies flushtime) {
  if (bh.test(BH_Dirty))
    return false;
  bh.set(BH_Dirty);
  bh.b_flushtime = flushtime;
  account(bh, [](BufferLedger& l, Bytes size) {
    l.dirty += size;
    l.dirtied += size;
  });
  refile_buffer(bh);
  return true;
}

void BufferCache::discard(BufferHead& bh) {
  if (!bh.test(BH_Dirty))
    return;
  bh.clear(BH_Dirty);
  account(bh, [](BufferLedger& l, Bytes size) {
    l.dirty -= size;
    l.discarded += size;
  });
}

// A clean buffer is written only with its page; it counts as dirtied by that.
void BufferCache::start_write(BufferHead& bh) {
  WB_ASSERT(bh.test_all(BH_Lock | BH_Mapped));
  const bool dirty = bh.test(BH_Dirty);
  bh.clear(BH_Dirty);
  account(bh, [dirty](BufferLedger& l, Bytes size) {
    (dirty ? l.dirty -= size : l.dirtied += size);
    l.writeback += size;
  });
}

void BufferCache::end_write(BufferHead& bh) {
  account(bh, [](BufferLedger& l, Bytes size) {
    l.writeback -= size;
    l.written += size;
  });
}

void BufferCache::buffer_insert_inode_queue(BufferHead& bh, InodeBuffers& inode) {
  remove_inode_queue(bh);
  inode.list.push_front(bh);
  bh.b_inode = &inode;
}

void BufferCache::remove_inode_queue(BufferHead& bh) {
  if (!bh.b_inode)
    return;
  bh.b_inode->list.erase(InodeChain::s_iterator_to(bh));
  bh.b_inode = nullptr;
}

void BufferCache::invalidate_inode_buffers(InodeBuffers& inode) {
  while (!inode.list.empty())
    remove_inode_queue(inode.list.front());
}

BufferHead* BufferCache::oldest_unlocked() {
  LruList& dirty = lru_list_[BUF_DIRTY];
  std::int64_t left = nr_buffers_type_[BUF_DIRTY];
  for (auto it = dirty.begin(); left > 0; --left) {
    BufferHead& bh = *it++;
    if (!bh.test(BH_Dirty))
      refile_buffer(bh);
    else if (!bh.test(BH_Lock))
      return &bh;
  }
  return nullptr;
}

int BufferCache::take_some_buffers(const BlockDevice* dev,
                                   std::array<BufferHead*, kNrSync>& taken) {
  int count = 0;
  LruList& dirty = lru_list_[BUF_DIRTY];
  std::int64_t left = nr_buffers_type_[BUF_DIRTY];
  for (auto it = dirty.begin(); left > 0 && count < kNrSync; --left) {
    BufferHead& bh = *it++;
    if ((dev && bh.b_dev != dev) || bh.test(BH_Lock))
      continue;
    if (!bh.test(BH_Dirty)) {
      refile_buffer(bh);
      continue;
    }
    bh.set(BH_Lock);
    start_write(bh);
    refile_buffer(bh);
    ++bh.b_count;
    taken[static_cast<std::size_t>(count++)] = &bh;
  }
  return count;
}

BufferHead* BufferCache::oldest_locked(const BlockDevice* dev) {
  LruList& locked = lru_list_[BUF_LOCKED];
  std::int64_t left = nr_buffers_type_[BUF_LOCKED];
  for (auto it = locked.begin(); left > 0; --left) {
    BufferHead& bh = *it++;
    if (!bh.test(BH_Lock))
      refile_buffer(bh);
    else if (!dev || bh.b_dev == dev)
      return &bh;
  }
  return nullptr;
}

void BufferCache::check() const {
  WB_ASSERT(ledger_.conserved());
  BufferLedger recount;
  for (std::uint32_t id = 1; id < next_id_; ++id) {
    const BufferHead& bh = chunks_[id / kChunk][id % kChunk];
    if (bh.test(BH_Dirty)) {
      recount.dirty += Bytes(bh.b_size);
      WB_ASSERT(bh.on_lru && bh.b_list == BUF_DIRTY);
    }
  }
  WB_ASSERT(recount.dirty == ledger_.dirty);
  for (const BufferList list : {BUF_CLEAN, BUF_LOCKED, BUF_DIRTY}) {
    std::int64_t buffers = 0;
    Bytes bytes{};
    for (const BufferHead& bh : lru_list_[list]) {
      WB_ASSERT(bh.on_lru && bh.b_list == list);
      ++buffers;
      bytes += Bytes(bh.b_size);
    }
    WB_ASSERT(buffers == nr_buffers_type_[list] && bytes == size_buffers_type_[list]);
  }
}

}  // namespace wbsim::v24
