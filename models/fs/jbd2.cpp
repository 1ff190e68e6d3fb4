#include "models/fs/jbd2.hpp"

#include <algorithm>

#include "models/block/blk_plug.hpp"
#include "models/fs/block_device.hpp"
#include "models/fs/submit.hpp"

namespace wbsim {

namespace {

constexpr int kCommitSeconds = 5;  // JBD2_DEFAULT_MAX_COMMIT_AGE

// A write to the journal, while it is under way.
struct JournalIo {
  explicit JournalIo(Vfs& v) : vfs(v) {}
  Vfs& vfs;
  int underway = 0;
  WaitQueue done;
};

void journal_bio_ended(Bio& bio, bool) {
  auto& io = *static_cast<JournalIo*>(bio.bi_private);
  io.vfs.bios.free(static_cast<FileBio&>(bio));
  if (--io.underway == 0)
    io.done.wake_all();
}

}  // namespace

Jbd2::Jbd2(Vfs& vfs, Inode& device, DelayedAllocation& allocation, std::int64_t first,
           std::int64_t blocks, bool barrier)
    : vfs_(vfs),
      device_(device),
      allocation_(allocation),
      first_(first),
      blocks_(blocks),
      next_(first),
      barrier_(barrier),
      task_("jbd2") {}

// start_this_handle(): whoever is about to change something begins a transaction if there is none.
void Jbd2::start_handle() {
  if (begun_)
    return;
  begun_ = true;
  expires_ = vfs_.jiffies() + Jiffies(kCommitSeconds * vfs_.ticks.hz());
  wake_.wake_all();  // it sets its timer
}

void Jbd2::dirty_metadata(std::int64_t block) {
  start_handle();
  const auto at = std::lower_bound(running_.begin(), running_.end(), block);
  if (at == running_.end() || *at != block)
    running_.insert(at, block);
  if (vfs_.jiffies() >= expires_ && !commit_requested_) {
    commit_requested_ = true;
    wake_.wake_all();
  }
}

Task<> Jbd2::wait_on_shadow(TaskStruct& task) {
  start_handle();
  co_await vfs_.cpu.settle(task);
  while (shadow_) {
    co_await shadow_over_.wait("journal");
    co_await vfs_.cpu.woken(task);
  }
}

bool Jbd2::end_later(FileBio& bio, bool ok, EndPages end_pages) {
  if (!shadow_) {
    allocation_.convert_extents(*vfs_.cache.page(bio.pages[0]).mapping->host);
    return false;
  }
  start_handle();
  deferred_.push_back({&bio, ok, end_pages});
  return true;
}

void Jbd2::end_shadow() {
  shadow_ = false;
  for (const Deferred& end : deferred_)
    end.end_pages(vfs_, *end.bio, end.ok);
  deferred_.clear();
  shadow_over_.wake_all();
}

Task<> Jbd2::complete_transaction(TaskStruct& task) {
  if (running_.empty() && committing_.empty())
    co_return;
  const std::int64_t wanted =
      committed_ + (committing_.empty() ? 0 : 1) + (running_.empty() ? 0 : 1);
  if (!running_.empty())
    commit_requested_ = true;
  wake_.wake_all();
  co_await vfs_.cpu.settle(task);
  while (committed_ < wanted) {
    co_await done_.wait("journal commit");
    co_await vfs_.cpu.woken(task);
  }
}

Task<> Jbd2::kjournald2(const TimerWheel& wheel) {
  Simulator& sim = vfs_.sim;
  for (;;) {
    while (!begun_)
      co_await wake_.wait("kjournald2");
    const Jiffies left = std::max(expires_ - vfs_.jiffies(), Jiffies(1));
    const TimePoint timer = wheel.expiry(sim.now(), left);
    while (!commit_requested_ && sim.now() < timer)
      co_await wake_.wait_for(timer - sim.now(), "kjournald2");
    co_await vfs_.cpu.woken(task_);
    co_await commit_transaction();
  }
}

// The blocks behind their descriptor, then the commit block.
Task<> Jbd2::commit_transaction() {
  commit_requested_ = begun_ = false;
  committing_.swap(running_);
  shadow_ = true;
  co_await write(1 + static_cast<std::int64_t>(committing_.size()), false);
  end_shadow();
  co_await write(1, true);
  checkpoint();
  ++committed_;
  done_.wake_all();
}

Task<> Jbd2::write(std::int64_t blocks, bool commit_record) {
  if (next_ + blocks > first_ + blocks_)
    next_ = first_;
  JournalIo io(vfs_);
  RequestQueue& queue = *device_.i_data.bdi->queue;
  const std::int64_t sectors = device_.block_size() / kSectorSize;
  const std::int64_t longest = std::min<std::int64_t>(queue.params().max_sectors.count() / sectors,
                                                      queue.params().max_segments);
  BioList bios;
  for (std::int64_t count; blocks > 0; blocks -= count, next_ += count) {
    count = std::min(blocks, longest);
    FileBio& bio = vfs_.bios.allocate_for_buffer();
    bio.sector = device_.i_data.disk_start + Sectors(next_ * sectors);
    bio.length = Sectors(count * sectors);
    bio.segments = static_cast<std::uint16_t>(count);
    bio.sync = bio.meta = true;
    bio.preflush = bio.fua = commit_record && barrier_;
    bio.reason = WriteReason::kSync;
    bio.bi_private = &io;
    bio.bi_end_io = &journal_bio_ended;
    bios.push_back(bio);
    ++io.underway;
  }
  if (!try_submit_bios(vfs_, bios, queue, task_))
    co_await submit_bios_waiting(vfs_, bios, queue, task_);
  queue.unplug();
  co_await vfs_.cpu.settle(task_);
  while (io.underway > 0) {
    co_await io.done.wait("journal write");
    co_await vfs_.cpu.woken(task_);
  }
}

void Jbd2::checkpoint() {
  DeviceMetadata in_pages(vfs_);
  for (const std::int64_t block : committing_) {
    if (std::binary_search(running_.begin(), running_.end(), block))
      continue;
    if (!in_pages.in_memory(device_, block))
      in_pages.preload(device_, block, MetadataBlocks::Keep::kHeld);
    in_pages.dirty(device_, block, nullptr);
  }
  committing_.clear();
}

}  // namespace wbsim
