#include "models/fs/fs_trace.hpp"

#include <array>
#include <limits>

#include "models/fs/buffer.hpp"

namespace wbsim {

namespace {
constexpr std::size_t kMostBuffers = 8;  // of a page
}

Duration FsTrace::time() const {
  return vfs_.sim.now() - origin_;
}

std::string_view FsTrace::thread() const {
  const Process* running = vfs_.sim.running();
  return running ? std::string_view(running->name()) : std::string_view();
}

void FsTrace::page(PageEvent::What what, const Page& page, const WritebackControl* wbc) {
  std::array<BufferView, kMostBuffers> views;
  std::size_t count = 0;
  PageEvent event;
  if (page.test(PG_private))
    for_each_buffer(vfs_, page, [&](const BufferHead& bh) {
      views[count++] = {bh.test(BH_Mapped) ? bh.b_blocknr() : -1, bh.b_state()};
      event.buffer_size = bh.b_size();
    });
  event.what = what;
  event.time = time();
  event.thread = thread();
  event.bdi = page.mapping->bdi->id;
  event.ino = page.mapping->host->i_ino;
  event.block_device = page.mapping->host->is_block_device;
  event.index = page.index;
  event.flags = page.flags;
  event.buffers = std::span<const BufferView>(views.data(), count);
  event.pages_skipped = wbc ? wbc->pages_skipped : 0;
  sink_.on_page(event);
}

void FsTrace::buffers_dirty(const Page& page, std::int64_t from, std::int64_t to) {
  for_each_buffer(vfs_, page, [&](const BufferHead& bh) {
    if (bh.offset() < to && bh.offset() + bh.b_size() > from)
      buffer_dirty(bh);
  });
}

void FsTrace::buffer_dirty(const BufferHead& bh) {
  BufferDirtyEvent event;
  event.time = time();
  event.thread = thread();
  event.bdi = page_of(vfs_, bh).mapping->bdi->id;
  event.block = bh.b_blocknr();
  event.size = bh.b_size();
  sink_.on_buffer_dirty(event);
}

InodeEvent FsTrace::inode_event(InodeEvent::What what, const Inode& inode) const {
  InodeEvent event;
  event.what = what;
  event.time = time();
  event.thread = thread();
  event.bdi = inode.i_mapping->bdi ? inode.i_mapping->bdi->id : -1;
  event.ino = inode.i_ino;
  event.block_device = inode.is_block_device;
  event.state = inode.i_state;
  event.dirtied_when = inode.dirtied_when;
  return event;
}

void FsTrace::inode(InodeEvent::What what, const Inode& inode, unsigned flags, bool sync_all) {
  InodeEvent event = inode_event(what, inode);
  event.flags = flags;
  event.sync_all = sync_all;
  sink_.on_inode(event);
}

void FsTrace::inode_filed(const Inode& inode, std::string_view list) {
  InodeEvent event = inode_event(InodeEvent::What::kFiled, inode);
  event.list = list;
  sink_.on_inode(event);
}

void FsTrace::wbc_writepage(const WritebackControl& wbc, const AddressSpace& mapping) {
  WbcWritepageEvent event;
  event.time = time();
  event.thread = thread();
  event.bdi = mapping.bdi->id;
  event.nr_to_write = wbc.nr_to_write;
  event.pages_skipped = wbc.pages_skipped;
  event.sync_all = wbc.sync_mode == SyncMode::WB_SYNC_ALL;
  event.for_kupdate = wbc.for_kupdate;
  event.for_background = wbc.reason == WriteReason::kBackground && !wbc.for_kupdate;
  event.range_cyclic = wbc.range_cyclic;
  event.range_start = std::int64_t{wbc.range_start} << kPageShift;
  event.range_end = wbc.range_end == ~PageIndex{0}
                        ? std::numeric_limits<std::int64_t>::max()
                        : (std::int64_t{wbc.range_end} << kPageShift) + kPageSize - 1;
  sink_.on_wbc_writepage(event);
}

}  // namespace wbsim
