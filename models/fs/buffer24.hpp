// What the functions of 2.4's fs/buffer.c share, and those of them that do I/O on single buffers.
//
// MODELS:   fs/buffer.c and drivers/block/ll_rw_blk.c of 2.4.0 and 2.4.17.
// DEVIATES: buffer pages of 2.4.0 stand in a mapping of their own, in the order they were made.
#pragma once

#include <array>
#include <deque>
#include <span>
#include <vector>

#include "models/block/tq_disk.hpp"
#include "models/fs/bdf_prm.hpp"
#include "models/fs/buffer24_cache.hpp"
#include "models/fs/vfs.hpp"

namespace wbsim::v24 {

// The two lists of an inode's dirty buffers. 2.4.0 has one, for both.
struct InodeLists {
  InodeBuffers i_dirty_buffers, i_dirty_data_buffers;
};

class Buffers : public PageReleaser {
 public:
  Buffers(Vfs& v, TaskQueueDisk& tasks, const CacheParams& params, const BdfPrm& prm);
  Buffers(const Buffers&) = delete;

  Release release() const { return cache.release(); }
  // kdev_t of a device or partition.
  BlockDevice& device(Inode& block_device);
  // Of the device that holds the inode's data.
  BlockDevice& device_of(Inode& inode);
  InodeLists& lists_of(Inode& inode);
  // 2.4.0 puts data on i_dirty_buffers as well.
  InodeBuffers& data_list(Inode& inode) {
    InodeLists& lists = lists_of(inode);
    return release() == Release::k240 ? lists.i_dirty_buffers : lists.i_dirty_data_buffers;
  }
  const BufferLedger& ledger(const BackingDevInfo& bdi);

  MemoryState memory() const;
  int balance_dirty_state() const { return v24::balance_dirty_state(cache, bdf_prm, memory()); }
  void wakeup_bdflush() { bdflush_wait.wake_all(); }
  Jiffies flushtime() const { return vfs.jiffies() + bdf_prm.age_buffer; }
  bool drop_buffers(Page& page);  // false when one is busy
  // try_to_free_buffers() as far as it does not sleep: a page with busy buffers keeps them, and
  // 2.4.17 remembers that reclaim has seen it.
  bool try_to_release_page(Page& page) override;
  Pages pages_kept() const override {
    return round_up_pages(cache.ledger().dirty + cache.ledger().writeback);
  }

  // For BH_Lock: co_await it at once, then look again.
  WaitQueue::Awaiter wait_on(BufferHead& bh, const char* what, const char* file = __builtin_FILE(),
                             int line = __builtin_LINE()) {
    bh.set(BH_Waiters);
    return waits_.wait(bh.b_id, what, file, line);
  }
  void wake(BufferHead& bh) {
    if (!bh.test(BH_Waiters))
      return;
    bh.clear(BH_Waiters);
    waits_.wake_all(bh.b_id);
  }

  Vfs& vfs;
  TaskQueueDisk& tq_disk;
  BufferCache cache;
  BdfPrm bdf_prm;
  WaitQueue bdflush_wait;
  WaitQueue buffer_wait;   // for unused heads
  AddressSpace buffermem;  // 2.4.0: the pages of grow_buffers()
  PageIndex next_buffermem = 0;

 private:
  std::vector<BlockDevice*> by_ino_;  // of the block device inode
  std::deque<BlockDevice> devices_;
  std::vector<BufferLedger*> by_bdi_;
  std::deque<BufferLedger> ledgers_;
  std::deque<InodeLists> inodes_;
  KeyedWaits<32> waits_;
};

// create_empty_buffers(): a ring of buffers of the inode's device, mapped to nothing yet.
Task<> create_empty_buffers(Buffers& b, Inode& inode, Page& page, TaskStruct& task);

void unlock_buffer(Buffers& b, BufferHead& bh);
Task<> wait_on_buffer(Buffers& b, BufferHead& bh, TaskStruct& task);
Task<> lock_buffer(Buffers& b, BufferHead& bh, TaskStruct& task);

// What a transfer is and why it happens.
struct Transfer {
  BioOp op = BioOp::kWrite;
  EndIo end = EndIo::kSyncWrite;
  WriteReason reason = WriteReason::kBackground;
};
// submit_bh() for each, in order: locked, mapped buffers that carry a reference for the transfer.
// Sleeps where a request slot is missing.
Task<> submit_buffers(Buffers& b, std::span<BufferHead* const> buffers, Transfer transfer,
                      TaskStruct& task);

// Skips a locked buffer, even one redirtied since its write began. Reads only what is not
// uptodate, writes only what is dirty.
Task<> ll_rw_block(Buffers& b, BioOp op, BufferHead& bh, WriteReason reason, TaskStruct& task);

// Never fails: a miss makes new buffers, and if it must it waits for memory.
Task<BufferHead*> getblk(Buffers& b, BlockDevice& dev, std::int64_t block, int size,
                         TaskStruct& task);
// getblk() before the run, when there is memory; without a reference.
BufferHead& preload_block(Buffers& b, BlockDevice& dev, std::int64_t block, int size);
// Null after a read error.
Task<BufferHead*> bread(Buffers& b, BlockDevice& dev, std::int64_t block, int size,
                        TaskStruct& task);
// And balance_dirty() when it was clean.
Task<> mark_buffer_dirty(Buffers& b, BufferHead& bh, TaskStruct& task);
Task<> mark_buffer_dirty_inode(Buffers& b, BufferHead& bh, Inode& inode, TaskStruct& task);

}  // namespace wbsim::v24
