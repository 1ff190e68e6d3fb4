#include "models/fs/buffer24_trace.hpp"

namespace wbsim::v24 {

namespace {

BufferCacheEvent event_of(Buffers& b, BufferCacheEvent::What what, const BlockDevice& dev,
                          std::int64_t block, int size) {
  BufferCacheEvent event;
  event.what = what;
  event.time = b.vfs.trace->time();
  event.thread = b.vfs.trace->thread();
  event.bdi = dev.inode->i_data.bdi->id;
  event.block = block;
  event.size = size;
  if (b.release() == Release::k240)
    event.free = static_cast<std::int64_t>(b.cache.free_list(size).size());
  return event;
}

}  // namespace

void trace_block(Buffers& b, BufferCacheEvent::What what, const BlockDevice& dev,
                 std::int64_t block, int size) {
  if (b.vfs.trace)
    b.vfs.trace->sink().on_buffer_cache(event_of(b, what, dev, block, size));
}

void trace_buffer(Buffers& b, BufferCacheEvent::What what, const BufferHead& bh) {
  if (!b.vfs.trace)
    return;
  constexpr std::string_view kLists[] = {"BUF_CLEAN", "BUF_LOCKED", "BUF_DIRTY"};
  BufferCacheEvent event = event_of(b, what, *bh.b_dev, bh.b_blocknr, bh.b_size);
  if (bh.on_lru) {
    event.list = kLists[bh.b_list];
    event.on_list = b.cache.nr_buffers_type(bh.b_list);
  }
  event.flushtime = bh.b_flushtime;
  b.vfs.trace->sink().on_buffer_cache(event);
}

}  // namespace wbsim::v24
