#include "models/fs/submit.hpp"

namespace wbsim {

bool try_submit_bios(Vfs& vfs, BioList& bios, RequestQueue& queue, TaskStruct& task) {
  while (!bios.empty()) {
    FileBio& bio = bios.pop_front();
    switch (queue.try_submit(bio, task.io_context)) {
      case RequestQueue::Submit::kMerged:
        break;
      case RequestQueue::Submit::kQueued:
        task.charge(vfs.costs.request);
        break;
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
    FileBio& bio = bios.pop_front();
    co_await queue.submit_slow(bio, task.io_context);
    co_await vfs.cpu.woken(task);
    task.charge(vfs.costs.request);
  }
}

Task<> lock_page_waiting(Vfs& vfs, Page& page, TaskStruct& task) {
  co_await vfs.cpu.settle(task);
  while (page.test(PG_locked)) {
    if (page.mapping)
      page.mapping->bdi->queue->unplug();
    co_await vfs.cache.wait_queue_of(page).wait("lock_page");
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
    page.mapping->bdi->queue->unplug();
    co_await vfs.cache.wait_queue_of(page).wait("wait_on_page_writeback");
    co_await vfs.cpu.woken(task);
  }
}

}  // namespace wbsim
