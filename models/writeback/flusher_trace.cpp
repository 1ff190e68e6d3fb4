#include "models/writeback/flusher_trace.hpp"

namespace wbsim {

namespace {

std::vector<DirtyInodeView> views(const DirtyInodeLists::List& list) {
  std::vector<DirtyInodeView> found;
  for (auto inode = list.rbegin(); inode != list.rend(); ++inode)
    found.push_back(
        {inode->i_ino, inode->i_mapping->bdi->id, inode->is_block_device, inode->dirtied_when});
  return found;
}

}  // namespace

void queue_io(const WritebackContext& context, DirtyInodeLists& lists, const QueueIo& how) {
  const Jiffies now = context.now();
  WritebackQueueIoEvent event;
  event.moved = lists.queue_io(how.older_than, how.sort, how.more_io);
  if (how.times_older_than)
    event.moved += lists.queue_dirty_time(*how.times_older_than, how.sort);
  event.time = context.sim().now() - context.origin;
  event.thread = how.thread;
  event.bdi = how.bdi;
  event.older = how.older_than.value_or(now);
  event.age = (now - event.older).count() * 1000 / context.vfs.ticks.hz();
  event.reason = how.reason;
  std::vector<DirtyInodeView> io, dirty;
  if (context.trace.wants_inode_lists()) {
    io = views(lists.list(DirtyInodeLists::kIo));
    dirty = views(lists.list(DirtyInodeLists::kDirty));
    event.io = io;
    event.dirty = dirty;
  }
  context.trace.on_writeback_queue_io(event);
}

void trace_single_inode(const WritebackContext& context, const Inode& inode, bool start,
                        std::int64_t nr_to_write, std::int64_t wrote, const TaskStruct& task) {
  WritebackSingleInodeEvent event;
  event.start = start;
  event.time = context.sim().now() - context.origin;
  event.thread = task.name();
  event.bdi = inode.i_mapping->bdi->id;
  event.ino = inode.i_ino;
  event.state = inode.i_state;
  event.dirtied_when = inode.dirtied_when;
  event.writeback_index = inode.i_mapping->writeback_index;
  event.nr_to_write = nr_to_write;
  event.wrote = wrote;
  context.trace.on_writeback_single_inode(event);
}

void trace_filed(const WritebackContext& context, const Inode& inode) {
  constexpr std::string_view kLists[] = {"dirty", "io", "more_io", "dirty_time"};
  if (context.vfs.trace)
    context.vfs.trace->inode_filed(
        inode, inode.dirty_lists ? kLists[inode.dirty_list] : std::string_view());
}

}  // namespace wbsim
