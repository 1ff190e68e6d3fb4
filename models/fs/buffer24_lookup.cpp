// Finding a block's buffer, and letting go of it.
#include "models/fs/buffer24_cache.hpp"
#include "sim/assert.hpp"

namespace wbsim::v24 {

std::size_t BufferCache::free_index(int size) {
  std::size_t index = 0;
  while ((kSectorSize << index) < size)
    ++index;
  return index;
}

HashChain& BufferCache::chain(const BlockDevice& dev, std::int64_t block) {
  return hash_[hashfn(dev.number, block, hash_shift_)];
}

void BufferCache::insert_into_hash_list(BufferHead& bh) {
  chain(*bh.b_dev, bh.b_blocknr).push_front(bh);
  bh.hashed = true;
}

void BufferCache::remove_from_hash_queue(BufferHead& bh) {
  if (!bh.hashed)
    return;
  chain(*bh.b_dev, bh.b_blocknr).erase(HashChain::s_iterator_to(bh));
  bh.hashed = false;
}

BufferHead* BufferCache::get_hash_table(const BlockDevice& dev, std::int64_t block) {
  for (BufferHead& bh : chain(dev, block)) {
    if (bh.b_blocknr != block || bh.b_dev != &dev)
      continue;
    ++bh.b_count;
    return &bh;
  }
  return nullptr;
}

BufferHead* BufferCache::take_from_free_list(BlockDevice& dev, std::int64_t block, int size) {
  WB_ASSERT(release() == Release::k240);
  FreeChain& list = free_list_[free_index(size)];
  if (list.empty())
    return nullptr;
  BufferHead& bh = list.front();
  list.pop_front();
  bh.on_free = false;
  bh.b_count = 1;
  bh.b_dev = &dev;
  bh.b_blocknr = block;
  bh.b_state = BH_Mapped;
  insert_into_hash_list(bh);
  insert_into_lru_list(bh, BUF_CLEAN);
  return &bh;
}

// A release too many is only a warning in the kernel; here it is a mistake of ours.
void BufferCache::brelse(BufferHead& bh) {
  WB_ASSERT(bh.b_count > 0);
  --bh.b_count;
}

void BufferCache::bforget(BufferHead& bh) {
  if (release() == Release::k2417) {
    if (bh.test(BH_Dirty)) {
      discard(bh);
      refile_buffer(bh);
    }
    brelse(bh);
    return;
  }
  brelse(bh);
  if (bh.b_count > 0 || bh.test(BH_Lock))
    return;
  discard(bh);
  remove_from_hash_queue(bh);
  remove_inode_queue(bh);
  remove_from_lru_list(bh);
  put_last_free(bh);
}

void BufferCache::put_last_free(BufferHead& bh) {
  WB_ASSERT(release() == Release::k240);
  WB_ASSERT(!bh.busy() && !bh.hashed && !bh.on_lru && !bh.b_inode);
  bh.b_state = 0;
  bh.b_dev = nullptr;
  free_list_[free_index(bh.b_size)].push_back(bh);
  bh.on_free = true;
}

void BufferCache::remove_from_free_list(BufferHead& bh) {
  if (!bh.on_free)
    return;
  free_list_[free_index(bh.b_size)].erase(FreeChain::s_iterator_to(bh));
  bh.on_free = false;
}

}  // namespace wbsim::v24
