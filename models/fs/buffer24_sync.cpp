#include "models/fs/buffer24_sync.hpp"

#include "models/fs/buffer24_trace.hpp"
#include "models/fs/page_scan.hpp"

namespace wbsim::v24 {

Task<int> flush_dirty_buffers(Buffers& b, CheckAge check_age, WriteReason reason, TaskStruct& task,
                              Bytes& written) {
  int flushed = 0;
  while (BufferHead* bh = b.cache.oldest_unlocked()) {
    if (check_age == CheckAge::kYes) {
      if (b.vfs.jiffies() < bh->b_flushtime) {
        trace_buffer(b, BufferCacheEvent::What::kNotExpired, *bh);
        break;
      }
    } else if (++flushed > b.bdf_prm.ndirty) {
      break;
    }
    ++bh->b_count;
    written += Bytes(bh->b_size);
    co_await ll_rw_block(b, BioOp::kWrite, *bh, reason, task);
    b.cache.brelse(*bh);
    if (task.debt() > kCpuChunk)
      co_await b.vfs.cpu.settle(task);
  }
  co_return flushed;
}

Task<Scan> write_some_buffers(Buffers& b, const BlockDevice* dev, WriteReason reason,
                              TaskStruct& task, Bytes& written) {
  std::array<BufferHead*, kNrSync> taken;
  const int count = b.cache.take_some_buffers(dev, taken);
  const std::span<BufferHead* const> buffers(taken.data(), static_cast<std::size_t>(count));
  for (const BufferHead* bh : buffers) {
    written += Bytes(bh->b_size);
    trace_buffer(b, BufferCacheEvent::What::kWriting, *bh);
  }
  Transfer transfer;
  transfer.reason = reason;
  co_await submit_buffers(b, buffers, transfer, task);
  co_return count == kNrSync ? Scan::kAgain : Scan::kEnd;
}

Task<Scan> wait_for_some_buffers(Buffers& b, const BlockDevice* dev, TaskStruct& task) {
  BufferHead* const bh = b.cache.oldest_locked(dev);
  if (!bh)
    co_return Scan::kEnd;
  co_await wait_on_buffer(b, *bh, task);
  co_return Scan::kAgain;
}

namespace {

// Keeps the buffer while its transfer goes on.
Task<Errno> wait_held(Buffers& b, BufferHead& bh, TaskStruct& task) {
  ++bh.b_count;
  co_await wait_on_buffer(b, bh, task);
  const Errno result = bh.test(BH_Uptodate) ? Errno::kOk : Errno::kEio;
  b.cache.brelse(bh);
  co_return result;
}

// wait_for_locked_buffers(): no buffer of the list is locked, or was at some time since the call.
Task<Errno> wait_for_locked_buffers(Buffers& b, BufferList list, const BlockDevice* dev,
                                    TaskStruct& task) {
  Errno result = Errno::kOk;
  for (;;) {
    BufferHead* locked = nullptr;
    std::int64_t left = b.cache.nr_buffers_type(list);
    auto& buffers = b.cache.lru_list(list);
    for (auto it = buffers.begin(); left > 0 && !locked; --left) {
      BufferHead& bh = *it++;
      if (dev && bh.b_dev != dev)
        continue;
      if (bh.test(BH_Lock))
        locked = &bh;
      else
        b.cache.refile_buffer(bh);
    }
    if (!locked)
      co_return result;
    const Errno waited = co_await wait_held(b, *locked, task);
    if (waited != Errno::kOk)
      result = waited;
  }
}

Task<Errno> sync_buffers_2417(Buffers& b, const BlockDevice* dev, Wait wait, TaskStruct& task) {
  Bytes written{};
  while (co_await write_some_buffers(b, dev, WriteReason::kSync, task, written) == Scan::kAgain) {
  }
  b.tq_disk.run();
  if (wait == Wait::kNo)
    co_return Errno::kOk;
  Errno result = co_await wait_for_locked_buffers(b, BUF_DIRTY, dev, task);
  while (co_await write_some_buffers(b, dev, WriteReason::kSync, task, written) == Scan::kAgain) {
  }
  const Errno waited = co_await wait_for_locked_buffers(b, BUF_LOCKED, dev, task);
  co_return result == Errno::kOk ? waited : result;
}

bool write_failed(const BufferHead& bh) {
  return bh.test(BH_Req) && !bh.test(BH_Lock) && !bh.test(BH_Dirty) && !bh.test(BH_Uptodate);
}

// One of the three passes of sync_buffers() of 2.4.0, over one list.
struct Pass {
  const BlockDevice* dev;
  bool waits, writes;
  bool retry = false;  // something was written or skipped
  Errno result = Errno::kOk;
};

Task<> sync_list_240(Buffers& b, BufferList list, Pass& pass, TaskStruct& task) {
  auto& buffers = b.cache.lru_list(list);
  bool again = true;
  while (again) {
    again = false;
    auto it = buffers.begin();
    for (std::int64_t left = 2 * b.cache.nr_buffers_type(list); left > 0; --left) {
      if (it == buffers.end())
        break;
      BufferHead& bh = *it++;
      if (pass.dev && bh.b_dev != pass.dev)
        continue;
      if (pass.waits && write_failed(bh))
        pass.result = Errno::kEio;
      const bool writes = pass.writes && bh.test(BH_Dirty) && !bh.test(BH_Lock);
      if (bh.test(BH_Lock) || writes)
        pass.retry = true;
      if (!writes && !(pass.waits && bh.test(BH_Lock)))
        continue;
      ++bh.b_count;
      if (writes)
        co_await ll_rw_block(b, BioOp::kWrite, bh, WriteReason::kSync, task);
      else
        co_await wait_on_buffer(b, bh, task);
      b.cache.brelse(bh);
      again = true;  // the list may have changed: from its start
      break;
    }
  }
}

Task<Errno> sync_buffers_240(Buffers& b, const BlockDevice* dev, Wait wait, TaskStruct& task) {
  Errno result = Errno::kOk;
  for (int number = 0; number < 3; ++number) {
    Pass pass{dev, wait == Wait::kYes && number > 0, number < 2};
    co_await sync_list_240(b, BUF_DIRTY, pass, task);
    co_await sync_list_240(b, BUF_LOCKED, pass, task);
    if (pass.result != Errno::kOk)
      result = pass.result;
    if (wait == Wait::kNo || !pass.retry)
      break;
  }
  co_return result;
}

}  // namespace

Task<Errno> sync_buffers(Buffers& b, const BlockDevice* dev, Wait wait, TaskStruct& task) {
  if (b.release() == Release::k2417)
    co_return co_await sync_buffers_2417(b, dev, wait, task);
  co_return co_await sync_buffers_240(b, dev, wait, task);
}

Task<Errno> fsync_inode_buffers(Buffers& b, InodeBuffers& inode, TaskStruct& task) {
  InodeBuffers tmp;
  while (!inode.list.empty()) {
    BufferHead& bh = inode.list.front();
    b.cache.remove_inode_queue(bh);
    if (!bh.test(BH_Dirty) && !bh.test(BH_Lock))
      continue;
    b.cache.buffer_insert_inode_queue(bh, tmp);
    if (!bh.test(BH_Dirty))
      continue;
    ++bh.b_count;
    co_await ll_rw_block(b, BioOp::kWrite, bh, WriteReason::kSync, task);
    b.cache.brelse(bh);
  }
  Errno result = Errno::kOk;
  while (!tmp.list.empty()) {
    BufferHead& bh = tmp.list.back();
    b.cache.remove_inode_queue(bh);
    ++bh.b_count;
    co_await wait_on_buffer(b, bh, task);
    if (!bh.test(BH_Uptodate))
      result = Errno::kEio;
    b.cache.brelse(bh);
  }
  const Errno last = co_await osync_inode_buffers(b, inode, task);
  co_return result == Errno::kOk ? last : result;
}

Task<Errno> osync_inode_buffers(Buffers& b, InodeBuffers& inode, TaskStruct& task) {
  Errno result = Errno::kOk;
  for (;;) {
    BufferHead* locked = nullptr;
    for (auto it = inode.list.rbegin(); it != inode.list.rend() && !locked; ++it)
      if (it->test(BH_Lock))
        locked = &*it;
    if (!locked)
      co_return result;
    const Errno waited = co_await wait_held(b, *locked, task);
    if (waited != Errno::kOk)
      result = waited;
  }
}

namespace {

// sync_page_buffers(): of one busy buffer.
Task<> sync_page_buffer(Buffers& b, BufferHead& bh, Wait wait, TaskStruct& task) {
  const bool late = b.release() == Release::k2417;
  if (bh.test(BH_Lock)) {
    if (late ? bh.test(BH_launder) : wait == Wait::kYes)
      co_await wait_on_buffer(b, bh, task);
    co_return;
  }
  if (!bh.test(BH_Dirty))
    co_return;
  if (late && !bh.test(BH_Wait_IO)) {
    bh.set(BH_Wait_IO);
    co_return;
  }
  if (late)
    bh.set(BH_launder);
  co_await ll_rw_block(b, BioOp::kWrite, bh, WriteReason::kReclaim, task);
}

}  // namespace

Task<bool> try_to_free_buffers(Buffers& b, Page& page, Wait wait, TaskStruct& task) {
  if (b.drop_buffers(page))
    co_return true;
  b.vfs.cache.get_page(page);
  BufferHead* bh = &b.cache.page_buffers(page);
  BufferHead* const first = bh;
  ++first->b_count;  // keeps the ring
  do {
    co_await sync_page_buffer(b, *bh, wait, task);
    bh = bh->b_this_page;
  } while (bh != first);
  b.cache.brelse(*first);
  const bool freed = b.drop_buffers(page);
  if (!freed && b.balance_dirty_state() >= 0)
    b.wakeup_bdflush();
  b.vfs.cache.put_page(page);
  co_return freed;
}

}  // namespace wbsim::v24
