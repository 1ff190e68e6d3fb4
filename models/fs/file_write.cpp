#include <algorithm>
#include <utility>

#include "models/fs/block_device.hpp"
#include "models/fs/block_write_begin.hpp"
#include "models/fs/buffer.hpp"
#include "models/fs/buffer_io.hpp"
#include "models/fs/durability.hpp"
#include "models/fs/file.hpp"
#include "models/fs/jbd2.hpp"
#include "models/fs/page_scan.hpp"
#include "models/fs/truncate.hpp"
#include "sim/assert.hpp"

namespace wbsim {

Task<> mutex_lock(Vfs& vfs, Inode& inode, TaskStruct& task) {
  if (!inode.i_mutex_held) {
    inode.i_mutex_held = true;
    co_return;
  }
  co_await vfs.cpu.settle(task);
  while (inode.i_mutex_held) {
    co_await inode.i_mutex_waiters.wait("i_mutex");
    co_await vfs.cpu.woken(task);
  }
  inode.i_mutex_held = true;
}

void mutex_unlock(Inode& inode) {
  WB_ASSERT(inode.i_mutex_held);
  inode.i_mutex_held = false;
  inode.i_mutex_waiters.wake_one();
}

namespace {

// What block_prepare() could not do without sleeping. Leaves the page ready to be copied into.
Task<Errno> prepare_waiting(Vfs& vfs, Inode& inode, Page& page, std::int64_t from, std::int64_t to,
                            Prepared& prepared, TaskStruct& task) {
  RequestQueue& queue = *inode.i_data.bdi->queue;
  for (;;) {
    if (!try_submit_bios(vfs, prepared.reads, queue, task))
      co_await submit_bios_waiting(vfs, prepared.reads, queue, task);
    if (prepared.state != Prepared::State::kNeedsMetadata)
      break;
    Inode& device = *inode.i_sb->block_device();
    if (co_await bread(vfs, device, prepared.metadata_block, task)) {
      const Prepared before = std::exchange(prepared, block_prepare(vfs, inode, page, from, to));
      prepared.get_block_cost += before.get_block_cost;
    } else {
      prepared.state = Prepared::State::kFailed;
      prepared.error = Errno::kEio;
    }
  }
  Errno result = prepared.error;
  for (int i = prepared.waiting_count - 1; i >= 0; --i) {
    BufferHead& bh = vfs.buffers[prepared.waiting[static_cast<std::size_t>(i)]];
    co_await wait_on_buffer(vfs, bh, task);
    if (!bh.test(BH_Uptodate))
      result = Errno::kEio;
  }
  co_return result;
}

struct Piece {  // of the write, within one page
  PageIndex index;
  std::int64_t from, to;
};

// One write(2) on its way through the file. The common case is plain code; the coroutine around it
// takes over where the task must sleep.
class FileWrite {
 public:
  FileWrite(Vfs& vfs, Inode& inode, std::int64_t pos, std::int64_t length, TaskStruct& task)
      : vfs_(vfs),
        inode_(inode),
        task_(task),
        pos_(pos),
        end_(pos + length),
        cost_per_page_(
            vfs.costs.write_page + vfs.costs.write_buffer * (kPageSize >> inode.i_blkbits) +
            vfs.costs.tree_level * inode.i_data.pages.levels_above_leaf(
                                       static_cast<PageIndex>((end_ - 1) >> kPageShift))),
        cost_of_new_page_(vfs.costs.new_page + vfs.costs.dirty_page + cost_per_page_ +
                          cost_of_bytes(kPageSize)) {}

  // False when the task must sleep: then go_on() does the rest.
  bool write_until_it_sleeps();
  Task<Errno> go_on();
  std::int64_t end() const { return end_; }

 private:
  enum class Stop : std::uint8_t { kEnd, kMemory, kPageLocked, kNotPrepared, kThrottle, kDebt };

  Piece piece() const {
    const std::int64_t from = pos_ & (kPageSize - 1);
    return {static_cast<PageIndex>(pos_ >> kPageShift), from,
            std::min(kPageSize, from + (end_ - pos_))};
  }
  bool must_wait_for_memory(Piece next) const {
    return vfs_.must_wait_for_memory(task_) && !vfs_.cache.find_get_page(inode_.i_data, next.index);
  }
  Duration cost_of_bytes(std::int64_t length) const {
    const std::int64_t buffers = (length + inode_.block_size() - 1) >> inode_.i_blkbits;
    return vfs_.costs.dirty_buffer * buffers + vfs_.costs.copy_per_kib * length / 1024;
  }
  int new_run() const;
  bool write_new_run();
  Stop write_piece(Page& page, Piece next);
  Stop commit(Page& page, Piece done);
  void grow_to_pos() {
    if (pos_ <= inode_.i_size)
      return;
    inode_.i_size = pos_;
    mark_inode_dirty(vfs_, inode_, I_DIRTY_SYNC | I_DIRTY_DATASYNC);
  }
  Stop committed(Page& page, Piece done);
  // Of a page at pos_ whose blocks are only looked up.
  Duration cost_of_mapping() const {
    const std::int64_t block = pos_ >> inode_.i_blkbits;
    return cost_of_lookup(vfs_, inode_, block) * (kPageSize >> inode_.i_blkbits);
  }

  Vfs& vfs_;
  Inode& inode_;
  TaskStruct& task_;
  std::int64_t pos_;
  std::int64_t end_;
  Duration cost_per_page_;
  Duration cost_of_new_page_;  // written as a whole
  Stop stop_ = Stop::kEnd;
  Page* page_ = nullptr;  // locked, where the last stop left one
  Prepared prepared_;     // what keeps the piece from being copied
};

// So many whole pages follow that are not in memory, and are written without anything between them:
// no reclaim, no pause, no new debt to pay.
int FileWrite::new_run() const {
  if ((pos_ & (kPageSize - 1)) != 0 || end_ - pos_ < 2 * kPageSize || vfs_.durability || vfs_.trace)
    return 0;
  if (vfs_.cache.memory().has_batch_work())
    return 0;  // of others, who did not pay: the next page does
  if (task_.debt() > kCpuChunk)
    return 0;
  const auto index = static_cast<PageIndex>(pos_ >> kPageShift);
  const std::int64_t whole = (end_ - pos_) >> kPageShift;
  std::int64_t run =
      inode_.i_data.pages.absent_run(index, static_cast<int>(std::min<std::int64_t>(whole, 64)));
  if (task_.memcg)
    run = std::min(run, task_.memcg->headroom().count());
  run = std::min(run, vfs_.throttle->until_due(task_, inode_.i_data).count());
  const Duration most = cost_of_new_page_ + vfs_.costs.slow_allocation + cost_of_mapping() +
                        vfs_.costs.refill * 3 + vfs_.costs.lru_batch + vfs_.costs.tree_node * 3;
  if (most > Duration::zero())
    run = std::min(run, (kCpuChunk - task_.debt()) / most);
  return static_cast<int>(run);
}

bool FileWrite::write_new_run() {
  const int run = new_run();
  if (run < 2)
    return false;
  const int blocks = run << (kPageShift - inode_.i_blkbits);
  if (!vfs_.cache.has_room_for(run, blocks))
    return false;
  const std::int64_t first = inode_.i_sb->mapped_run(inode_, pos_ >> inode_.i_blkbits, blocks);
  if (first < 0)
    return false;
  vfs_.charge_slow_allocation(task_, run);
  add_written_pages(vfs_, inode_, static_cast<PageIndex>(pos_ >> kPageShift), run, first, &task_);
  task_.charge((cost_of_new_page_ + cost_of_mapping()) * run);
  pos_ += run * kPageSize;
  grow_to_pos();
  vfs_.charge_batch_work(task_);
  const bool due = vfs_.throttle->ratelimit(task_, inode_.i_data, Pages(run));
  WB_ASSERT(!due && task_.debt() <= kCpuChunk);
  return true;
}

FileWrite::Stop FileWrite::write_piece(Page& page, Piece next) {
  if (!page.test(PG_private) && !page.test(PG_uptodate))
    vfs_.charge_slow_allocation(task_, 1);
  const bool whole_and_new = next.to - next.from == kPageSize && !page.test(PG_private);
  if (whole_and_new && try_write_mapped_page(vfs_, inode_, page, &task_)) {
    task_.charge(cost_of_mapping());
    return committed(page, next);
  }
  const Prepared prepared = whole_and_new ? block_write_new_page(vfs_, inode_, page, &task_)
                                          : block_prepare(vfs_, inode_, page, next.from, next.to);
  if (prepared.state == Prepared::State::kReady) {
    task_.charge(prepared.get_block_cost);
    return whole_and_new ? committed(page, next) : commit(page, next);
  }
  prepared_ = prepared;
  return Stop::kNotPrepared;
}

FileWrite::Stop FileWrite::commit(Page& page, Piece done) {
  block_commit_write(vfs_, page, done.from, done.to, &task_);
  return committed(page, done);
}

// The piece is in the page. kEnd: nothing keeps the task from going on.
FileWrite::Stop FileWrite::committed(Page& page, Piece done) {
  if (vfs_.durability)
    vfs_.durability->wrote(vfs_, inode_, page, done.from, done.to);
  pos_ += done.to - done.from;
  grow_to_pos();
  vfs_.cache.unlock_page(page);
  if (vfs_.rules.write_marks_accessed)
    vfs_.cache.mark_page_accessed(page);
  task_.charge(cost_per_page_ + cost_of_bytes(done.to - done.from));
  vfs_.charge_batch_work(task_);
  if (vfs_.throttle->ratelimit(task_, inode_.i_data, Pages(1)))
    return Stop::kThrottle;
  return task_.debt() > kCpuChunk ? Stop::kDebt : Stop::kEnd;
}

bool FileWrite::write_until_it_sleeps() {
  stop_ = Stop::kEnd;
  while (pos_ < end_ && stop_ == Stop::kEnd) {
    if (write_new_run())
      continue;
    const Piece next = piece();
    if (must_wait_for_memory(next)) {
      stop_ = Stop::kMemory;
      break;
    }
    page_ = try_grab_cache_page(vfs_, inode_, next.index, task_);
    stop_ = page_ ? write_piece(*page_, next) : Stop::kPageLocked;
  }
  return stop_ == Stop::kEnd;
}

Task<Errno> FileWrite::go_on() {
  do {
    if (stop_ == Stop::kMemory)
      co_await vfs_.reclaim_throttle->try_to_free_pages(task_);
    if (stop_ == Stop::kPageLocked) {
      page_ = co_await grab_cache_page(vfs_, inode_, piece().index, task_);
      stop_ = write_piece(*page_, piece());
    }
    if (stop_ == Stop::kNotPrepared) {
      const Errno result = co_await prepare_waiting(vfs_, inode_, *page_, piece().from, piece().to,
                                                    prepared_, task_);
      if (result != Errno::kOk) {
        page_zero_new_buffers(vfs_, *page_, &task_);
        vfs_.cache.unlock_page(*page_);
        co_return result;
      }
      task_.charge(prepared_.get_block_cost);
      stop_ = commit(*page_, piece());
    }
    if (stop_ == Stop::kThrottle || stop_ == Stop::kDebt)
      co_await vfs_.cpu.settle(task_);
    if (stop_ == Stop::kThrottle)
      co_await vfs_.throttle->balance_dirty_pages(task_, inode_.i_data);
  } while (!write_until_it_sleeps());
  co_return Errno::kOk;
}

}  // namespace

Task<Errno> generic_file_write(Vfs& vfs, Inode& opened, std::int64_t pos, std::int64_t length,
                               TaskStruct& task) {
  Inode& inode = opened.host();
  // The way in and the way out: whoever was woken meanwhile runs before the call returns.
  const Duration way_out = vfs.costs.write_syscall / 2;
  task.charge(vfs.costs.write_syscall - way_out);
  const bool takes_mutex = !inode.is_block_device;  // generic_file_aio_write_nolock()
  if (takes_mutex)
    co_await mutex_lock(vfs, inode, task);
  if (Jbd2* const journal = inode.i_sb->journal(); journal && journal->shadow())
    co_await journal->wait_on_shadow(task);
  if (file_update_time(vfs, opened))
    task.charge(vfs.costs.update_time);
  FileWrite write(vfs, inode, pos, length, task);
  Errno result = Errno::kOk;
  if (!write.write_until_it_sleeps())
    result = co_await write.go_on();
  if (result != Errno::kOk && write.end() > inode.i_size && !inode.is_block_device) {
    const Errno truncated = co_await truncate(vfs, inode, inode.i_size, task);
    static_cast<void>(truncated);  // the error of the write counts
  }
  if (takes_mutex)
    mutex_unlock(inode);
  task.charge(way_out);
  co_await vfs.cpu.settle(task);
  co_return result;
}

}  // namespace wbsim
