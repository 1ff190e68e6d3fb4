// From the file side into a request queue: bios go in order, and only the lack of a request slot
// makes the submitter sleep.
#pragma once

#include "models/block/request_queue.hpp"
#include "models/fs/vfs.hpp"
#include "models/mm/errno.hpp"

namespace wbsim {

// submit_bio() for each: true when all are in; false when the first of the rest must wait.
bool try_submit_bios(Vfs& vfs, BioList& bios, RequestQueue& queue, TaskStruct& task);
// The rest, sleeping in get_request_wait() as often as it takes.
Task<> submit_bios_waiting(Vfs& vfs, BioList& bios, RequestQueue& queue, TaskStruct& task);

// blkdev_issue_flush(): what the drive has cached goes to the medium; nothing without such a cache.
Task<Errno> blkdev_issue_flush(Vfs& vfs, RequestQueue& queue, TaskStruct& task);

// wait_on_page_bit() for PG_locked and PG_writeback: unplugs the queue, then sleeps.
Task<> lock_page_waiting(Vfs& vfs, Page& page, TaskStruct& task);  // also when truncated meanwhile
Task<> wait_on_page_writeback(Vfs& vfs, Page& page, TaskStruct& task);

// __grab_cache_page(): the page, new if it must be, locked; null when somebody else has it locked.
Page* try_grab_cache_page(Vfs& vfs, Inode& inode, PageIndex index, TaskStruct& task);
Task<Page*> grab_cache_page(Vfs& vfs, Inode& inode, PageIndex index, TaskStruct& task);

}  // namespace wbsim
