#include "models/fs/submit.hpp"

namespace wbsim {

Page& Vfs::add_charged_page(AddressSpace& mapping, PageIndex index, TaskStruct& task) {
  const std::int64_t before = cache.reclaimed();
  cache.make_room(*task.memcg, Pages(1));
  task.charge(costs.reclaim_page * (cache.reclaimed() - before));
  Page& page = add_uncharged_page(mapping, index, task);
  cache.charge(page, *task.memcg);
  return page;
}

namespace {

struct FlushWait {
  Vfs& vfs;
  WaitQueue ended{};
  bool done = false;
  bool ok = false;
};

void flush_ended(Bio& bio, bool ok) {
  auto& wait = *static_cast<FlushWait*>(bio.bi_private);
  wait.done = true;
  wait.ok = ok;
  wait.vfs.bios.free(static_cast<FileBio&>(bio));
  wait.ended.wake_all();
}

}  // namespace

bool try_submit_bios(Vfs& vfs, BioList& bios, RequestQueue& queue, TaskStruct& task) {
  if (vfs.cache.memory().has_batch_work())
    vfs.charge_batch_work(task);  // of the bios
  task.io_context.cpu = task.processor();
  while (!bios.empty()) {
    FileBio& bio = bios.pop_front();
    switch (queue.try_submit(bio, task.io_context)) {
      case RequestQueue::Submit::kMerged:
        break;
      case RequestQueue::Submit::kQueued:
        task.charge(vfs.costs.request);
        break;
      case RequestQueue::Submit::kOwes:
      case RequestQueue::Submit::kNoRequest:
        bios.push_front(bio);
        return false;
    }
  }
  return true;
}

Task<> submit_bios_waiting(Vfs& vfs, BioList& bios, RequestQueue& queue, TaskStruct& task) {
  while (!bios.empty()) {
    // Paying for the work so far takes time: there may be a slot by then.
    co_await vfs.cpu.settle(task);
    if (try_submit_bios(vfs, bios, queue, task))
      co_return;
    if (task.debt() > Duration::zero())
      continue;  // for those that have begun
    FileBio& bio = bios.pop_front();
    co_await queue.submit_slow(bio, task.io_context);
    task.charge(vfs.costs.request);
  }
}

Task<Errno> blkdev_issue_flush(Vfs& vfs, RequestQueue& queue, TaskStruct& task) {
  if (!queue.params().write_cache)
    co_return Errno::kOk;
  FlushWait wait{.vfs = vfs};
  FileBio& bio = vfs.bios.allocate_for_buffer();
  bio.segments = 0;
  bio.preflush = bio.sync = true;
  bio.barrier = vfs.rules.flush_is_barrier;
  bio.reason = WriteReason::kSync;
  bio.bi_private = &wait;
  bio.bi_end_io = &flush_ended;
  BioList bios;
  bios.push_back(bio);
  co_await submit_bios_waiting(vfs, bios, queue, task);
  co_await vfs.cpu.settle(task);
  while (!wait.done) {
    co_await wait.ended.wait("blkdev_issue_flush");
    co_await vfs.cpu.woken(task);
  }
  co_return wait.ok ? Errno::kOk : Errno::kEio;
}

Task<> lock_page_waiting(Vfs& vfs, Page& page, TaskStruct& task) {
  co_await vfs.cpu.settle(task);
  while (page.test(PG_locked)) {
    if (page.mapping)
      page.mapping->bdi->queue->unplug();
    co_await vfs.cache.wait_on_bit(page, PG_locked, "lock_page");
    co_await vfs.cpu.woken(task);
  }
  page.set(PG_locked);
}

Page* try_grab_cache_page(Vfs& vfs, Inode& inode, PageIndex index, TaskStruct& task) {
  Page* page = vfs.cache.find_get_page(inode.i_data, index);
  if (!page)
    return &vfs.add_page(inode.i_data, index, task);
  if (page->test(PG_locked))
    return nullptr;
  page->set(PG_locked);
  return page;
}

Task<Page*> grab_cache_page(Vfs& vfs, Inode& inode, PageIndex index, TaskStruct& task) {
  for (;;) {
    if (Page* page = try_grab_cache_page(vfs, inode, index, task))
      co_return page;
    Page& busy = *vfs.cache.find_get_page(inode.i_data, index);
    vfs.cache.get_page(busy);
    co_await lock_page_waiting(vfs, busy, task);
    vfs.cache.unlock_page(busy);
    vfs.cache.put_page(busy);
  }
}

Task<> wait_on_page_writeback(Vfs& vfs, Page& page, TaskStruct& task) {
  co_await vfs.cpu.settle(task);
  while (page.test(PG_writeback)) {
    if (vfs.trace)
      vfs.trace->page(PageEvent::What::kWait, page);
    page.mapping->bdi->queue->unplug();
    co_await vfs.cache.wait_on_bit(page, PG_writeback, "wait_on_page_writeback");
    co_await vfs.cpu.woken(task);
  }
}

}  // namespace wbsim
