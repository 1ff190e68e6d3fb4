#include "models/writeback/kernel24.hpp"

#include <algorithm>
#include <bit>

#include "models/fs/block_rw24.hpp"
#include "models/fs/buffer24_trace.hpp"
#include "models/fs/durability.hpp"
#include "sim/assert.hpp"

namespace wbsim {

namespace {

v24::CacheParams cache_params(const PageCache& pages, v24::Release release) {
  const auto memory = static_cast<std::uint64_t>(pages.params().total.count());
  v24::CacheParams params;
  params.release = release;
  params.heads_max = static_cast<std::int64_t>(memory) * v24::kMaxBufPerPage;
  // Any size gives the same behaviour.
  constexpr std::uint64_t kMostChains = std::uint64_t{1} << 20;
  params.hash_size = static_cast<std::int64_t>(
      std::clamp<std::uint64_t>(std::bit_ceil(memory / 4), 4096, kMostChains));
  return params;
}

int block_size_of(const Inode& device) {
  return static_cast<int>(device.block_size());
}

}  // namespace

Kernel24::Kernel24(WritebackContext& context, TaskQueueDisk& tq_disk, v24::Release release,
                   const v24::BdfPrm& prm)
    : buffers(context.vfs, tq_disk, cache_params(context.vfs.cache, release), prm),
      inodes(context),
      metadata(buffers),
      files(context, buffers, inodes),
      memory(buffers) {
  context.vfs.metadata = &metadata;
  context.files = &files;
  context.dirty_memory = &memory;
}

bool BufferMetadata::in_memory(Inode& device, std::int64_t block) {
  v24::BufferHead* const bh = buffers_.cache.get_hash_table(buffers_.device(device), block);
  if (!bh)
    return false;
  buffers_.cache.brelse(*bh);
  if (bh->test(v24::BH_Uptodate))
    buffers_.vfs.cache.mark_page_accessed(*bh->b_page);
  return bh->test(v24::BH_Uptodate);
}

void BufferMetadata::preload(Inode& device, std::int64_t block, Keep keep) {
  v24::BufferHead& bh =
      preload_block(buffers_, buffers_.device(device), block, block_size_of(device));
  bh.set(v24::BH_Uptodate);
  if (keep == Keep::kActive && !bh.b_page->test(PG_active))
    buffers_.vfs.cache.activate_page(*bh.b_page);
  if (keep == Keep::kHeld)
    ++bh.b_count;
}

// balance_dirty() is left to the commit that follows.
void BufferMetadata::dirty(Inode& device, std::int64_t block, Inode* owner) {
  v24::BufferHead* const bh = buffers_.cache.get_hash_table(buffers_.device(device), block);
  WB_ASSERT(bh && bh->test(v24::BH_Uptodate));
  if (buffers_.cache.mark_dirty(*bh, buffers_.flushtime()))
    trace_buffer(buffers_, BufferCacheEvent::What::kDirtied, *bh);
  if (owner)
    buffers_.cache.buffer_insert_inode_queue(*bh, buffers_.lists_of(*owner).i_dirty_buffers);
  buffers_.cache.brelse(*bh);
}

Task<Errno> BufferMetadata::update(Inode& device, std::int64_t block, TaskStruct& task, bool wait) {
  v24::BufferHead* const bh =
      co_await v24::bread(buffers_, buffers_.device(device), block, block_size_of(device), task);
  if (!bh)
    co_return Errno::kEio;
  co_await v24::mark_buffer_dirty(buffers_, *bh, task);
  if (wait) {
    co_await v24::ll_rw_block(buffers_, BioOp::kWrite, *bh, WriteReason::kMetadata, task);
    co_await v24::wait_on_buffer(buffers_, *bh, task);
  }
  buffers_.cache.brelse(*bh);
  co_return bh->test(v24::BH_Uptodate) ? Errno::kOk : Errno::kEio;
}

Task<Errno> BufferFiles::write(Inode& file, std::int64_t pos, std::int64_t length,
                               TaskStruct& task) {
  return v24::generic_file_write(buffers_, file, pos, length, task);
}

Task<Errno> BufferFiles::read(Inode& file, std::int64_t pos, std::int64_t length, FileRaState& ra,
                              std::int64_t ra_pages, TaskStruct& task) {
  return v24::generic_file_read(buffers_, file, pos, length, ra, ra_pages, task);
}

Task<Errno> BufferFiles::fsync(File& file, SyncWhat what, TaskStruct& task) {
  Vfs& vfs = context_.vfs;
  Inode& inode = *file.f_inode;
  const std::uint64_t last_write = vfs.durability ? vfs.durability->last_write() : 0;
  task.charge(vfs.costs.write_syscall);
  co_await mutex_lock(vfs, inode, task);
  Errno result = Errno::kOk;
  if (inode.host().is_block_device)
    result = co_await sync_buffers(buffers_, &buffers_.device(inode.host()), v24::Wait::kYes, task);
  else
    result = co_await ext2_sync_file(inode, what, task);
  mutex_unlock(inode);
  co_await vfs.cpu.settle(task);
  if (result == Errno::kOk && vfs.durability)
    vfs.durability->promise(inode.host(), last_write);
  co_return result;
}

Task<Errno> BufferFiles::ext2_sync_file(Inode& inode, SyncWhat what, TaskStruct& task) {
  v24::InodeLists& lists = buffers_.lists_of(inode);
  Errno result = co_await fsync_inode_buffers(buffers_, lists.i_dirty_buffers, task);
  const Errno data = co_await fsync_inode_buffers(buffers_, lists.i_dirty_data_buffers, task);
  if (result == Errno::kOk)
    result = data;
  const unsigned needed =
      what == SyncWhat::kFdatasync ? unsigned{I_DIRTY_DATASYNC} : unsigned{I_DIRTY};
  if ((inode.i_state & needed) == 0)
    co_return result;
  const Errno written = co_await inodes_.sync_one(inode, true, task);
  co_return result == Errno::kOk ? written : result;
}

VmCounters BufferMemory::counters() const {
  const v24::BufferLedger& ledger = buffers_.cache.ledger();
  WB_ASSERT(ledger.conserved());
  VmCounters vm = buffers_.vfs.cache.counters();
  vm.nr_file_dirty = round_up_pages(ledger.dirty);
  vm.nr_writeback = round_up_pages(ledger.writeback);
  vm.nr_written = whole_pages(ledger.written);
  vm.nr_discarded = whole_pages(ledger.discarded);
  vm.nr_dirtied = round_up_pages(ledger.dirtied);
  vm.peak_dirty = round_up_pages(ledger.peak_dirty);
  vm.peak_writeback = round_up_pages(ledger.peak_writeback);
  vm.peak_dirty_and_writeback = round_up_pages(ledger.peak_both);
  return vm;
}

DirtyLimits BufferMemory::limits() const {
  const Pages total = buffers_.memory().free_buffer_pages;
  DirtyLimits limits;
  limits.background = total * buffers_.bdf_prm.nfract / 100;
  limits.dirty = total * buffers_.bdf_prm.nfract_sync / 100;
  return limits;
}

void BufferMemory::publish(BackingDevInfo& bdi) const {
  const v24::BufferLedger& ledger = buffers_.ledger(bdi);
  bdi.reclaimable.set(round_up_pages(ledger.dirty));
  bdi.writeback.set(round_up_pages(ledger.writeback));
  bdi.written.set(whole_pages(ledger.written));
}

}  // namespace wbsim
