#include "models/fs/page_scan.hpp"

#include <limits>

#include "models/block/blk_plug.hpp"
#include "models/fs/block_device.hpp"
#include "models/fs/buffer.hpp"
#include "models/fs/buffer_io.hpp"
#include "models/fs/jbd2.hpp"
#include "sim/assert.hpp"

namespace wbsim {

namespace {

constexpr int kPagevecSize = 14;
constexpr PageIndex kExtentPages = 2048;  // MAX_WRITEPAGES_EXTENT_LEN of ext4

// One do_writepages() call: the pages it writes, one at a time. The common case is plain code; only
// a page that makes the task sleep goes through write_page_waiting().
class PageScan {
 public:
  PageScan(Vfs& vfs, Inode& inode, WritebackControl& wbc, TaskStruct& task)
      : vfs_(vfs),
        inode_(inode),
        mapping_(inode.i_data),
        wbc_(wbc),
        task_(task),
        queue_(*mapping_.bdi->queue),
        mpage_(vfs, wbc, queue_.params()),
        uses_mpage_(inode.i_sb->uses_mpage()),
        journal_(inode.i_sb->journal()) {}

  Task<Errno> run();

 private:
  struct Pagevec {
    PageId ids[kPagevecSize];
    PageIndex indices[kPagevecSize];
    int count = 0;
  };
  enum class Written : std::uint8_t { kSkipped, kWritten };

  bool lookup(PageIndex from, PageIndex end, Pagevec& pagevec, PageTag tag = PageTag::kDirty);
  void tag_pages_for_writeback(PageIndex from, PageIndex end);
  // False when the task must sleep: then write_page_waiting() takes the page over.
  bool try_write_page(PageId id, PageIndex index);
  bool awaits_writeback(const Page& page) const;
  bool continue_write(Page& page);
  void take(Page& page);
  bool write_in_bio(Page& page);
  bool write_buffers(Page& page);
  Task<> map_blocks(PageIndex index);
  Task<> lock_for_write(Page& page);
  Task<> write_page_waiting(PageId id);
  Task<> sleep_for_buffers();
  Task<> submit_buffers_waiting(Page& page);
  Task<Errno> scan_2624();
  Task<Errno> scan_2631();
  Task<Errno> scan_310();
  bool count_written(PageIndex index, PageIndex& done_index, Errno& result);
  bool congested() {
    if (!wbc_.nonblocking || !queue_.write_congested())
      return false;
    wbc_.encountered_congestion = true;
    return true;
  }

  Vfs& vfs_;
  Inode& inode_;
  AddressSpace& mapping_;
  WritebackControl& wbc_;
  TaskStruct& task_;
  RequestQueue& queue_;
  MpageWriter mpage_;
  const bool uses_mpage_;
  Jbd2* const journal_;
  PageIndex unmapped_ = 0;  // pages from here on may have no blocks

  // The page in work.
  bool started_ = false;  // it is locked and no longer PG_dirty
  bool by_buffers_ = false;
  bool in_bio_ = false;  // it is unlocked, and what it has to submit is submitted later
  Written outcome_ = Written::kSkipped;
  Errno error_ = Errno::kOk;
  FullPageWrite full_;
  BioList bios_;
  OpenBio open_;
};

bool PageScan::lookup(PageIndex from, PageIndex end, Pagevec& pagevec, PageTag tag) {
  pagevec.count = mapping_.pages.lookup_tag(from, tag, pagevec.ids, kPagevecSize);
  int kept = 0;
  for (; kept < pagevec.count; ++kept) {
    const Page& page = vfs_.cache.page(pagevec.ids[kept]);
    pagevec.indices[kept] = page.index;
    if (pagevec.indices[kept] > end)
      break;
    __builtin_prefetch(&vfs_.buffers[page.buffers], 1);
  }
  pagevec.count = kept;
  return kept > 0;
}

bool PageScan::try_write_page(PageId id, PageIndex index) {
  Page& page = vfs_.cache.page(id);
  started_ = false;
  by_buffers_ = false;
  in_bio_ = false;
  outcome_ = Written::kSkipped;
  error_ = Errno::kOk;
  if (page.mapping != &mapping_ || page.index != index)
    return true;
  if (page.test(PG_locked))
    return false;
  if (awaits_writeback(page))
    return false;
  if (page.test(PG_writeback) || !page.test(PG_dirty))
    return true;
  page.set(PG_locked);
  vfs_.cache.clear_page_dirty_for_io(page);
  started_ = true;
  return continue_write(page);
}

// Of a locked page. Whom another wrote meanwhile is waited for up to 2.6.24 only.
bool PageScan::awaits_writeback(const Page& page) const {
  return wbc_.sync_mode != SyncMode::WB_SYNC_NONE && page.test(PG_writeback) &&
         (page.test(PG_dirty) || vfs_.rules.page_scan == PageScanRule::k2624);
}

bool PageScan::continue_write(Page& page) {
  if (outcome_ == Written::kSkipped)
    take(page);
  if (!by_buffers_ && !write_in_bio(page))
    return false;
  return !by_buffers_ || write_buffers(page);
}

void PageScan::take(Page& page) {
  outcome_ = Written::kWritten;
  if (vfs_.trace) {
    vfs_.trace->wbc_writepage(wbc_, mapping_);
    vfs_.trace->page(PageEvent::What::kTaken, page, &wbc_);
  }
  if (wbc_.owners)
    wbc_.owners->account(vfs_.cache.cgroups()->owner_id(vfs_.cache.id_of(page)), kPageSize);
  task_.charge(vfs_.costs.writeback_page);
  by_buffers_ = !uses_mpage_;
  full_ = FullPageWrite{};
}

// Until it is in a bio the page stays locked, whoever else comes to it waits for what is submitted
// first.
bool PageScan::write_in_bio(Page& page) {
  while (!in_bio_ && !by_buffers_) {
    const MpageWriter::Result result = mpage_.write_page(inode_, page, bios_);
    in_bio_ = result == MpageWriter::Result::kWritten;
    by_buffers_ = result == MpageWriter::Result::kConfused;
    if (in_bio_)
      task_.charge(vfs_.costs.writeback_by_bio);
    if (!try_submit_bios(vfs_, bios_, queue_, task_))
      return false;
  }
  return true;
}

bool PageScan::write_buffers(Page& page) {
  if (full_.nr_underway == 0) {
    block_write_full_page(vfs_, inode_, page, wbc_, full_);
    error_ = full_.error;
    if (full_.state == FullPageWrite::State::kOutside)
      return true;
    if (full_.state != FullPageWrite::State::kSubmit)
      return false;
    task_.charge(vfs_.costs.writeback_by_buffers + vfs_.costs.writeback_buffer * full_.nr_underway);
  }
  if (!submit_buffers(vfs_, page, wbc_, full_, open_, task_))
    return false;
  block_write_full_page_end(vfs_, page, wbc_, full_);
  return true;
}

Task<> PageScan::sleep_for_buffers() {
  if (full_.state == FullPageWrite::State::kBlockedOnLock) {
    co_await wait_on_buffer(vfs_, vfs_.buffers[full_.blocked_on], task_);
  } else if (full_.state == FullPageWrite::State::kNeedsMetadata) {
    Inode& device = *inode_.i_sb->block_device();
    if (!co_await bread(vfs_, device, full_.metadata_block, task_))
      full_.error = Errno::kEio;
  }
}

// As submit_bios_waiting(), for the bios that pass 3 makes on the way.
Task<> PageScan::submit_buffers_waiting(Page& page) {
  for (;;) {
    co_await vfs_.cpu.settle(task_);
    if (try_submit_bios(vfs_, full_.bios, queue_, task_) &&
        submit_buffers(vfs_, page, wbc_, full_, open_, task_))
      co_return;
    if (task_.debt() > Duration::zero())
      continue;  // for those that have begun
    FileBio& bio = full_.bios.pop_front();
    co_await queue_.submit_slow(bio, task_.io_context);
    task_.charge(vfs_.costs.request);
    if (full_.next == page.buffers)
      co_return;
  }
}

// What try_write_page() does first, sleeping for the lock, and for the last write-back of the page
// if it must not be skipped.
Task<> PageScan::lock_for_write(Page& page) {
  vfs_.cache.get_page(page);
  co_await lock_page_waiting(vfs_, page, task_);
  const bool truncated = page.mapping != &mapping_;
  if (!truncated && awaits_writeback(page))
    co_await wait_on_page_writeback(vfs_, page, task_);
  started_ = !truncated && !page.test(PG_writeback) && vfs_.cache.clear_page_dirty_for_io(page);
  if (!started_)
    vfs_.cache.unlock_page(page);
  vfs_.cache.put_page(page);
}

Task<> PageScan::write_page_waiting(PageId id) {
  Page& page = vfs_.cache.page(id);
  if (!started_) {
    co_await lock_for_write(page);
    if (!started_ || continue_write(page))
      co_return;
  }
  for (;;) {
    co_await submit_bios_waiting(vfs_, bios_, queue_, task_);
    if (in_bio_)
      co_return;
    if (!by_buffers_) {
      if (continue_write(page))
        co_return;
      continue;
    }
    if (full_.state == FullPageWrite::State::kSubmit)
      co_await submit_buffers_waiting(page);
    else
      co_await sleep_for_buffers();
    if (write_buffers(page))
      co_return;
  }
}

Task<Errno> PageScan::scan_2624() {
  Errno result = Errno::kOk;
  const bool cyclic = wbc_.range_cyclic;
  PageIndex index = cyclic ? mapping_.writeback_index : wbc_.range_start;
  const PageIndex end = cyclic ? ~PageIndex{0} : wbc_.range_end;
  bool scanned = !cyclic;
  bool done = false;
  for (;;) {
    Pagevec pagevec;
    while (!done && lookup(index, end, pagevec)) {
      scanned = true;
      index = pagevec.indices[pagevec.count - 1] + 1;
      for (int i = 0; i < pagevec.count; ++i) {  // all of them: `done` does not end the batch
        if (!try_write_page(pagevec.ids[i], pagevec.indices[i]))
          co_await write_page_waiting(pagevec.ids[i]);
        if (outcome_ == Written::kSkipped)
          continue;
        if (error_ != Errno::kOk)
          result = error_;
        if (error_ != Errno::kOk || --wbc_.nr_to_write <= 0)
          done = true;
        if (congested())
          done = true;
      }
      if (task_.debt() > kCpuChunk)
        co_await vfs_.cpu.settle(task_);
    }
    if (scanned || done)
      break;
    scanned = true;
    index = 0;
  }
  if (cyclic || (wbc_.whole_range() && wbc_.nr_to_write > 0))
    mapping_.writeback_index = index;
  co_return result;
}

Task<Errno> PageScan::scan_2631() {
  Errno result = Errno::kOk;
  const bool cyclic = wbc_.range_cyclic;
  const PageIndex start = cyclic ? mapping_.writeback_index : wbc_.range_start;
  PageIndex index = start;
  PageIndex end = cyclic ? ~PageIndex{0} : wbc_.range_end;
  bool cycled = !cyclic || start == 0;
  bool done = false;
  PageIndex done_index = index;
  for (;;) {
    Pagevec pagevec;
    while (!done && index <= end && lookup(index, end, pagevec)) {
      index = pagevec.indices[pagevec.count - 1] + 1;
      for (int i = 0; i < pagevec.count && !done; ++i) {
        done_index = pagevec.indices[i] + 1;
        if (!try_write_page(pagevec.ids[i], pagevec.indices[i]))
          co_await write_page_waiting(pagevec.ids[i]);
        if (outcome_ == Written::kSkipped)
          continue;
        if (error_ != Errno::kOk) {
          result = error_;
          done = true;
          break;
        }
        if (wbc_.nr_to_write > 0 && --wbc_.nr_to_write == 0 &&
            wbc_.sync_mode == SyncMode::WB_SYNC_NONE)
          done = true;
        if (!done && congested())
          done = true;
      }
      if (task_.debt() > kCpuChunk)
        co_await vfs_.cpu.settle(task_);
    }
    if (cycled || done)
      break;
    cycled = true;
    index = 0;
    done_index = 0;
    end = start - 1;
  }
  if (cyclic || (wbc_.whole_range() && wbc_.nr_to_write > 0))
    mapping_.writeback_index = done_index;
  co_return result;
}

// What is dirtied from now on is not for this scan: a busy writer would keep it going for ever.
void PageScan::tag_pages_for_writeback(PageIndex from, PageIndex end) {
  PageTree& pages = mapping_.pages;
  for (PageIndex i = pages.next_tagged(from, PageTag::kDirty); i != PageTree::kNone && i <= end;
       i = pages.next_tagged(i + 1, PageTag::kDirty))
    pages.set_tag(i, PageTag::kTowrite);
}

// The page was written; true when it was the last one.
bool PageScan::count_written(PageIndex index, PageIndex& done_index, Errno& result) {
  const bool sync_all = wbc_.sync_mode == SyncMode::WB_SYNC_ALL;
  if (error_ != Errno::kOk) {
    if (result == Errno::kOk)
      result = error_;
    if (vfs_.rules.page_scan != PageScanRule::k61 || !sync_all) {
      done_index = index + 1;
      return true;
    }
  }
  return --wbc_.nr_to_write <= 0 && !sync_all;
}

Task<Errno> PageScan::scan_310() {
  Errno result = Errno::kOk;
  const bool tagged = wbc_.sync_mode == SyncMode::WB_SYNC_ALL || wbc_.tagged_writepages;
  const PageTag tag = tagged ? PageTag::kTowrite : PageTag::kDirty;
  const bool cyclic = wbc_.range_cyclic;
  const bool wraps = cyclic && vfs_.rules.page_scan == PageScanRule::k310;
  const PageIndex start = cyclic ? mapping_.writeback_index : wbc_.range_start;
  PageIndex index = start;
  PageIndex end = cyclic ? ~PageIndex{0} : wbc_.range_end;
  PageIndex done_index = index;
  bool cycled = !wraps || start == 0;
  bool done = false;
  for (;;) {
    Pagevec pagevec;
    done_index = index;
    if (tagged)
      tag_pages_for_writeback(index, end);
    while (!done && index <= end && lookup(index, end, pagevec, tag)) {
      index = pagevec.indices[pagevec.count - 1] + 1;
      for (int i = 0; i < pagevec.count && !done; ++i) {
        done_index = pagevec.indices[i];
        if (journal_ && done_index >= unmapped_)
          co_await map_blocks(done_index);
        if (!try_write_page(pagevec.ids[i], pagevec.indices[i]))
          co_await write_page_waiting(pagevec.ids[i]);
        if (outcome_ == Written::kWritten)
          done = count_written(pagevec.indices[i], done_index, result);
      }
      if (task_.debt() > kCpuChunk)
        co_await vfs_.cpu.settle(task_);
    }
    if (cycled || done)
      break;
    cycled = true;
    index = 0;
    end = start - 1;
  }
  if (cyclic && !wraps && !done)
    done_index = 0;
  if (cyclic || (wbc_.whole_range() && wbc_.nr_to_write > 0))
    mapping_.writeback_index = done_index;
  co_return result;
}

// mpage_map_and_submit_extent(): blocks for this page and the next. What it has is submitted
// before.
Task<> PageScan::map_blocks(PageIndex index) {
  unmapped_ = index + kExtentPages;
  if (journal_->shadow()) {
    mpage_.finish(bios_);
    if (!try_submit_bios(vfs_, bios_, queue_, task_))
      co_await submit_bios_waiting(vfs_, bios_, queue_, task_);
    co_await journal_->wait_on_shadow(task_);
  }
  journal_->allocation().map_blocks(inode_, index, kExtentPages);
}

Task<Errno> PageScan::run() {
  if (congested())
    co_return Errno::kOk;
  Errno result;
  if (vfs_.rules.page_scan == PageScanRule::k2624)
    result = co_await scan_2624();
  else if (vfs_.rules.page_scan == PageScanRule::k2631)
    result = co_await scan_2631();
  else
    result = co_await scan_310();
  mpage_.finish(bios_);
  if (!try_submit_bios(vfs_, bios_, queue_, task_))
    co_await submit_bios_waiting(vfs_, bios_, queue_, task_);
  co_return result;
}

}  // namespace

Task<Errno> do_writepages(Vfs& vfs, Inode& inode, WritebackControl& wbc, TaskStruct& task) {
  if (wbc.nr_to_write <= 0)
    co_return Errno::kOk;
  task.io_context.ino = static_cast<std::int64_t>(inode.i_ino);
  task.io_context.dirtied_when = vfs.ticks.start_of(inode.dirtied_when);
  Process& self = co_await this_process();
  BlkPlug plug;
  plug.start(task.io_context, self);
  InodeWb* const i_wb = inode.i_data.i_wb;
  const BackingDevInfo& wb = *inode.i_data.bdi;
  WbcOwners owners(wb.memcg ? wb.memcg->id : 0, i_wb ? i_wb->winner : 0);
  if (i_wb)
    wbc.owners = &owners;
  PageScan scan(vfs, inode, wbc, task);
  const Errno result = co_await scan.run();
  plug.finish();
  wbc.owners = nullptr;
  if (i_wb)
    vfs.cache.cgroups()->end_round(*i_wb, owners, wb);
  co_return result;
}

Task<Errno> filemap_fdatawrite(Vfs& vfs, Inode& inode, TaskStruct& task) {
  WritebackControl wbc;
  wbc.sync_mode = SyncMode::WB_SYNC_ALL;
  wbc.nr_to_write = std::numeric_limits<std::int64_t>::max();
  wbc.reason = WriteReason::kSync;
  co_return co_await do_writepages(vfs, inode, wbc, task);
}

Task<bool> filemap_fdatawait_keep_errors(Vfs& vfs, Inode& inode, TaskStruct& task, PageIndex first,
                                         PageIndex last) {
  AddressSpace& mapping = inode.i_data;
  bool failed = false;
  PageIndex index = first;
  for (;;) {
    index = mapping.pages.next_tagged(index, PageTag::kWriteback);
    if (index == PageTree::kNone || index > last)
      break;
    Page& page = *vfs.cache.find_get_page(mapping, index);
    vfs.cache.get_page(page);
    co_await wait_on_page_writeback(vfs, page, task);
    if (page.test(PG_error)) {
      page.clear(PG_error);
      failed = true;
    }
    vfs.cache.put_page(page);
    ++index;
  }
  co_return failed;
}

Task<Errno> filemap_fdatawait(Vfs& vfs, Inode& inode, TaskStruct& task, PageIndex first,
                              PageIndex last) {
  const bool failed = co_await filemap_fdatawait_keep_errors(vfs, inode, task, first, last);
  const Errno error = filemap_check_errors(inode.i_data);
  co_return error == Errno::kOk&& failed && !vfs.rules.errseq ? Errno::kEio : error;
}

Task<Errno> filemap_fdatawait_of_sync(Vfs& vfs, Inode& inode, TaskStruct& task) {
  if (!vfs.rules.errseq)
    co_return co_await filemap_fdatawait(vfs, inode, task);
  co_await filemap_fdatawait_keep_errors(vfs, inode, task);
  co_return Errno::kOk;
}

}  // namespace wbsim
