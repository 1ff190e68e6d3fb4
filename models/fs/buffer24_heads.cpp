// Buffer heads: where they come from, and the buffers of a page.
#include "models/fs/buffer24_cache.hpp"
#include "sim/assert.hpp"

namespace wbsim::v24 {

BufferCache::BufferCache(const CacheParams& params)
    : params_(params), hash_(static_cast<std::size_t>(params.hash_size)) {
  while ((std::int64_t{1} << hash_shift_) < params.hash_size)
    ++hash_shift_;
  WB_ASSERT(std::int64_t{1} << hash_shift_ == params.hash_size && hash_shift_ >= 12);
}

int BufferCache::nr_reserved() const {
  return (release() == Release::k240 ? 2 : 10) * kMaxBufPerPage;
}

BufferHead* BufferCache::allocate_head() {
  if (!slab_.empty()) {
    BufferHead& bh = slab_.front();
    slab_.pop_front();
    return &bh;
  }
  if (next_id_ > params_.heads_max)
    return nullptr;
  if (next_id_ / kChunk >= chunks_.size())
    chunks_.push_back(std::make_unique<BufferHead[]>(kChunk));
  BufferHead& bh = (*this)[next_id_];
  bh.b_id = next_id_++;
  return &bh;
}

BufferHead* BufferCache::get_unused_buffer_head(bool async) {
  BufferHead* bh = nullptr;
  if (nr_unused_ <= nr_reserved())
    bh = allocate_head();
  if (!bh && (nr_unused_ > nr_reserved() || (async && nr_unused_ > 0))) {
    bh = &unused_.front();
    unused_.pop_front();
    --nr_unused_;
  }
  if (!bh)
    return nullptr;
  const std::uint32_t id = bh->b_id;
  *bh = BufferHead{};
  bh->b_id = id;
  ++heads_in_use_;
  return bh;
}

void BufferCache::put_unused_buffer_head(BufferHead& bh) {
  constexpr int kKeptAboveReserve = 20;  // MAX_UNUSED_BUFFERS - NR_RESERVED
  WB_ASSERT(!bh.busy() && !bh.hashed && !bh.on_lru && !bh.b_inode);
  --heads_in_use_;
  if (nr_unused_ >= nr_reserved() + kKeptAboveReserve) {
    slab_.push_front(bh);
    return;
  }
  unused_.push_front(bh);
  ++nr_unused_;
}

BufferHead* BufferCache::create_buffers(Page& page, int size, bool async) {
  BufferHead* head = nullptr;
  for (int offset = static_cast<int>(kPageSize) - size; offset >= 0; offset -= size) {
    BufferHead* bh = get_unused_buffer_head(async);
    if (!bh) {
      while (head) {
        BufferHead& unneeded = *head;
        head = head->b_this_page;
        put_unused_buffer_head(unneeded);
      }
      return nullptr;
    }
    bh->b_size = static_cast<std::uint16_t>(size);
    bh->b_page = &page;
    bh->b_this_page = head;
    head = bh;
  }
  return head;
}

void BufferCache::attach(Page& page, BufferHead& first) {
  WB_ASSERT(!page.test(PG_private));
  BufferHead* last = &first;
  while (last->b_this_page)
    last = last->b_this_page;
  last->b_this_page = &first;
  page.buffers = first.b_id;
  page.set(PG_private);
}

bool BufferCache::grow_free_list(Page& page, int size) {
  WB_ASSERT(release() == Release::k240);
  if (size % kSectorSize != 0 || size > kPageSize)
    return false;
  BufferHead* const first = create_buffers(page, size, false);
  if (!first)
    return false;
  FreeChain& list = free_list_[free_index(size)];
  if (!list.empty()) {  // the old head goes before the new ones, which is the end of a ring
    BufferHead& old_head = list.front();
    list.pop_front();
    list.push_back(old_head);
  }
  auto at = list.begin();
  for (BufferHead* bh = first; bh; bh = bh->b_this_page) {
    list.insert(at, *bh);
    bh->on_free = true;
  }
  attach(page, *first);
  return true;
}

bool BufferCache::hash_page_buffers(Page& page, BlockDevice& dev, std::int64_t first_block,
                                    int size) {
  if (!page.test(PG_private)) {
    BufferHead* const first = create_buffers(page, size, false);
    if (!first)
      return false;
    attach(page, *first);
  }
  WB_ASSERT(page_buffers(page).b_size == size);
  std::int64_t block = first_block;
  for_each_buffer(*this, page, [&](BufferHead& bh) {
    if (!bh.hashed) {
      bh.b_dev = &dev;
      bh.b_blocknr = block;
      bh.set(page.test(PG_uptodate) ? BH_Mapped | BH_Uptodate : unsigned{BH_Mapped});
      insert_into_hash_list(bh);
    }
    ++block;
  });
  return true;
}

bool BufferCache::drop_buffers(Page& page) {
  WB_ASSERT(page.test(PG_private));
  bool busy = false;
  for_each_buffer(*this, page, [&busy](const BufferHead& bh) { busy = busy || bh.busy(); });
  if (busy)
    return false;
  BufferHead* bh = &page_buffers(page);
  BufferHead* const first = bh;
  do {
    BufferHead* const next = bh->b_this_page;
    remove_from_free_list(*bh);
    remove_from_hash_queue(*bh);
    remove_from_lru_list(*bh);
    remove_inode_queue(*bh);
    put_unused_buffer_head(*bh);
    bh = next;
  } while (bh != first);
  page.buffers = 0;
  page.clear(PG_private);
  return true;
}

}  // namespace wbsim::v24
