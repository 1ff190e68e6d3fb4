// The buffer cache of 2.4 as a data structure: hash, free lists, LRU lists, and the lists of
// inodes. Plain functions without an engine; what sleeps is in buffer24.hpp and
// buffer24_sync.hpp.
//
// MODELS:   fs/buffer.c of 2.4.0 (free lists by size) and 2.4.17 (buffers of device pages).
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "models/fs/buffer24_head.hpp"

namespace wbsim::v24 {

enum class Release : std::uint8_t {
  k240,   // free_list[] by size, flush_dirty_buffers(): up to about 2.4.9
  k2417,  // no free lists, write_some_buffers()
};

struct CacheParams {
  Release release = Release::k2417;
  std::int64_t heads_max = 1 << 20;  // the slab gives no more
  std::int64_t hash_size = 1 << 10;  // a power of two, 4096 at least for 2.2's shifts
};

inline constexpr int kNrSync = 32;  // NRSYNC: buffers of a batch of write_some_buffers()

// _hashfn() of 2.4.0: the chain of a block in a table of 2^bits of them.
constexpr std::size_t hashfn(int dev, std::int64_t block, int bits) {
  const auto d = static_cast<std::uint64_t>(dev);
  const auto b = static_cast<std::uint64_t>(block);
  const std::uint64_t by_dev = (d << (bits - 6)) ^ (d << (bits - 9));
  const std::uint64_t by_block = (b << (bits - 6)) ^ (b >> 13) ^ (b << (bits - 12));
  return (by_dev ^ by_block) & ((std::uint64_t{1} << bits) - 1);
}

class BufferCache {
 public:
  using LruList = FreeChain;  // oldest first

  explicit BufferCache(const CacheParams& params);
  BufferCache(const BufferCache&) = delete;

  Release release() const { return params_.release; }
  BufferHead& operator[](std::uint32_t id) { return chunks_[id / kChunk][id % kChunk]; }
  BufferHead& page_buffers(const Page& page) { return (*this)[page.buffers]; }

  // Heads (buffer24_heads.cpp). An async caller may use the reserve of NR_RESERVED, nobody else.
  int nr_reserved() const;
  int nr_unused() const { return nr_unused_; }
  BufferHead* get_unused_buffer_head(bool async);
  void put_unused_buffer_head(BufferHead& bh);
  // From the page's end backwards; ascending, null-terminated. Null when heads run out.
  BufferHead* create_buffers(Page& page, int size, bool async);
  // Closes such a chain to the ring of the page.
  void attach(Page& page, BufferHead& first);
  // Drops the buffers of a page if none is busy: try_to_free_buffers() without its writes.
  bool drop_buffers(Page& page);

  // 2.4.0, grow_buffers(): the new page's buffers go behind the head of their free list, and the
  // page's first one becomes the head.
  bool grow_free_list(Page& page, int size);
  // 2.4.17, grow_buffers(): they are hashed as the device's blocks from `first_block` on.
  bool hash_page_buffers(Page& page, BlockDevice& dev, std::int64_t first_block, int size);

  // Look-up (buffer24_lookup.cpp).
  BufferHead* get_hash_table(const BlockDevice& dev, std::int64_t block);  // takes a reference
  // 2.4.0, getblk(): the head of the free list becomes that block. Null: refill_freelist().
  BufferHead* take_from_free_list(BlockDevice& dev, std::int64_t block, int size);
  void brelse(BufferHead& bh);
  void bforget(BufferHead& bh);
  void put_last_free(BufferHead& bh);  // 2.4.0
  const FreeChain& free_list(int size) const { return free_list_[free_index(size)]; }

  // Dirtying and filing (buffer24_lists.cpp).
  // __mark_buffer_dirty(): false when it was dirty already, and then nothing changes.
  bool mark_dirty(BufferHead& bh, Jiffies flushtime);
  void refile_buffer(BufferHead& bh);
  void buffer_insert_inode_queue(BufferHead& bh, InodeBuffers& inode);  // at the head
  void remove_inode_queue(BufferHead& bh);
  void invalidate_inode_buffers(InodeBuffers& inode);
  // Dirty no more, and nobody will write it.
  void discard(BufferHead& bh);
  // A locked buffer goes to the disk: not dirty any more. Refiling is the caller's.
  void start_write(BufferHead& bh);
  void end_write(BufferHead& bh);

  // What to write next (buffer24_lists.cpp).
  // 2.4.0: the oldest dirty buffer that is not locked; refiles those on BUF_DIRTY that are clean.
  BufferHead* oldest_unlocked();
  // 2.4.17, write_some_buffers(): locks, cleans, refiles and references up to NRSYNC dirty buffers
  // of `dev` (null: of any). Their number; kNrSync means that there may be more.
  int take_some_buffers(const BlockDevice* dev, std::array<BufferHead*, kNrSync>& taken);
  // 2.4.17, wait_for_some_buffers(): the oldest locked one; refiles those on BUF_LOCKED that are
  // not.
  BufferHead* oldest_locked(const BlockDevice* dev);

  LruList& lru_list(BufferList list) { return lru_list_[list]; }
  std::int64_t nr_buffers_type(BufferList list) const { return nr_buffers_type_[list]; }
  Bytes size_buffers_type(BufferList list) const { return size_buffers_type_[list]; }
  const BufferLedger& ledger() const { return ledger_; }
  std::int64_t heads_in_use() const { return heads_in_use_; }

  // Recounts everything; throws when a counter or list disagrees.
  void check() const;

 private:
  static constexpr std::uint32_t kChunk = 1024;
  static std::size_t free_index(int size);
  HashChain& chain(const BlockDevice& dev, std::int64_t block);
  void insert_into_hash_list(BufferHead& bh);
  void remove_from_hash_queue(BufferHead& bh);
  void insert_into_lru_list(BufferHead& bh, BufferList list);
  void remove_from_lru_list(BufferHead& bh);
  void remove_from_free_list(BufferHead& bh);
  BufferHead* allocate_head();
  void note_peaks(BufferLedger& ledger) const;
  template <class F>
  void account(BufferHead& bh, F&& change);

  CacheParams params_;
  std::vector<std::unique_ptr<BufferHead[]>> chunks_;
  std::uint32_t next_id_ = 1;  // 0: none
  std::int64_t heads_in_use_ = 0;
  FreeChain slab_;    // freed to the slab
  FreeChain unused_;  // unused_list
  int nr_unused_ = 0;
  std::vector<HashChain> hash_;
  int hash_shift_ = 0;
  std::array<FreeChain, 7> free_list_;  // 512 to 32768
  std::array<LruList, NR_LIST> lru_list_;
  std::array<std::int64_t, NR_LIST> nr_buffers_type_{};
  std::array<Bytes, NR_LIST> size_buffers_type_{};
  BufferLedger ledger_;
};

// Calls f(bh) for each buffer of the page, first to last. f must not free the ring.
template <class F>
void for_each_buffer(BufferCache& cache, const Page& page, F&& f) {
  BufferHead& first = cache.page_buffers(page);
  BufferHead* bh = &first;
  do {
    BufferHead* next = bh->b_this_page;
    f(*bh);
    bh = next;
  } while (bh != &first);
}

}  // namespace wbsim::v24
