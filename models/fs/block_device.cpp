#include "models/fs/block_device.hpp"

#include "models/fs/buffer.hpp"
#include "models/fs/buffer_io.hpp"
#include "sim/assert.hpp"

namespace wbsim {

Inode& BlockDevSuperBlock::add(Vfs& vfs, BackingDevInfo& bdi, Sectors start, Sectors length,
                               int soft_block_bits) {
  WB_ASSERT(to_bytes(length).count() >> soft_block_bits <= BufferHead::kMostBlocks);
  Inode& inode =
      inodes_.emplace_back(vfs.cache.tree_nodes(), *this, inodes_.size() + 1, soft_block_bits);
  inode.is_block_device = true;
  inode.i_size = to_bytes(length).count();
  inode.i_data.bdi = &bdi;
  inode.i_data.disk_start = start;
  s_inodes.push_back(&inode);
  return inode;
}

GetBlock BlockDevSuperBlock::get_block(Inode& inode, std::int64_t block, BufferHead& bh, bool,
                                       std::int64_t&) {
  if (block >= inode.i_size >> inode.i_blkbits)
    return GetBlock::kEio;
  bh.map_to(block);
  return GetBlock::kMapped;
}

Task<Errno> BlockDevSuperBlock::write_inode(Inode&, TaskStruct&, bool) {
  co_return Errno::kOk;
}

Inode& RootFsSuperBlock::make_node(Vfs& vfs, Inode& device) {
  Inode& node = nodes_.emplace_back(vfs.cache.tree_nodes(), *this, nodes_.size() + 1, kPageShift);
  node.i_mapping = &device.i_data;
  s_inodes.push_back(&node);
  return node;
}

GetBlock RootFsSuperBlock::get_block(Inode&, std::int64_t, BufferHead&, bool, std::int64_t&) {
  return GetBlock::kEio;  // a node has no pages of its own
}

Task<Errno> RootFsSuperBlock::write_inode(Inode&, TaskStruct&, bool) {
  co_return Errno::kOk;
}

namespace {

struct BlockPlace {
  PageIndex index;
  int number;  // of the buffer in the page
};

BlockPlace place_of(const Inode& device, std::int64_t block) {
  const int shift = static_cast<int>(kPageShift) - device.i_blkbits;
  return {static_cast<PageIndex>(block >> shift),
          static_cast<int>(block & ((std::int64_t{1} << shift) - 1))};
}

BufferHead& buffer_number(Vfs& vfs, Page& page, int number) {
  return ring_of(vfs, page)[static_cast<std::size_t>(number)];
}

// The buffer in a page that is locked or held, mapped.
BufferHead& buffer_in(Vfs& vfs, Inode& device, Page& page, std::int64_t block) {
  if (!page.test(PG_private))
    create_empty_buffers(vfs, page, device.block_size(), 0);
  BufferHead& bh = buffer_number(vfs, page, place_of(device, block).number);
  bh.map_to(block);
  return bh;
}

}  // namespace

BufferHead* find_uptodate_block(Vfs& vfs, Inode& device, std::int64_t block) {
  const auto [index, number] = place_of(device, block);
  Page* page = vfs.cache.find_get_page(device.i_data, index);
  if (!page || !page->test(PG_private))
    return nullptr;
  BufferHead& bh = buffer_number(vfs, *page, number);
  if (!bh.test_all(BH_Uptodate | BH_Mapped))
    return nullptr;
  vfs.cache.mark_page_accessed(*page);
  return &bh;
}

BufferHead& make_uptodate_block(Vfs& vfs, Inode& device, std::int64_t block) {
  const auto [index, number] = place_of(device, block);
  Page* page = vfs.cache.find_get_page(device.i_data, index);
  if (!page) {
    page = &vfs.cache.add_to_page_cache(device.i_data, index);
    vfs.cache.unlock_page(*page);
  }
  BufferHead& bh = buffer_in(vfs, device, *page, block);
  bh.set(BH_Uptodate);
  return bh;
}

Task<BufferHead*> bread(Vfs& vfs, Inode& device, std::int64_t block, TaskStruct& task) {
  if (BufferHead* bh = find_uptodate_block(vfs, device, block))
    co_return bh;
  const PageIndex index = place_of(device, block).index;
  Page* page = vfs.cache.find_get_page(device.i_data, index);
  if (!page) {
    page = &vfs.add_page(device.i_data, index, task);
    vfs.cache.unlock_page(*page);
  }
  BufferHead& bh = buffer_in(vfs, device, *page, block);
  vfs.cache.get_page(*page);
  ++page->b_count;
  co_await ll_rw_block(vfs, BlockRw::kRead, bh, task);
  co_await wait_on_buffer(vfs, bh, task);
  --page->b_count;
  vfs.cache.put_page(*page);
  vfs.cache.mark_page_accessed(*page);
  co_return bh.test(BH_Uptodate) ? &bh : nullptr;
}

bool DeviceMetadata::in_memory(Inode& device, std::int64_t block) {
  return find_uptodate_block(vfs_, device, block) != nullptr;
}

void DeviceMetadata::preload(Inode& device, std::int64_t block, Keep keep) {
  BufferHead& bh = make_uptodate_block(vfs_, device, block);
  if (keep == Keep::kActive)
    vfs_.cache.activate_page(page_of(vfs_, bh));
  if (keep == Keep::kHeld)
    get_bh(vfs_, bh);
}

void DeviceMetadata::dirty(Inode& device, std::int64_t block, Inode* owner) {
  BufferHead* const bh = find_uptodate_block(vfs_, device, block);
  WB_ASSERT(bh);
  if (owner)
    mark_buffer_dirty_inode(vfs_, *bh, *owner, nullptr);
  else
    mark_buffer_dirty(vfs_, *bh, nullptr);
}

Task<Errno> DeviceMetadata::update(Inode& device, std::int64_t block, TaskStruct& task, bool wait) {
  BufferHead* bh = co_await bread(vfs_, device, block, task);
  if (!bh)
    co_return Errno::kEio;
  mark_buffer_dirty(vfs_, *bh, &task);
  if (!wait)
    co_return Errno::kOk;
  co_return co_await sync_dirty_buffer(vfs_, *bh, task);
}

void unmap_underlying_metadata(Vfs& vfs, Inode& file, const BufferHead& bh) {
  Inode* device = file.i_sb->block_device();
  if (!device)
    return;
  const auto [index, number] = place_of(*device, bh.b_blocknr());
  Page* page = vfs.cache.find_get_page(device->i_data, index);
  if (!page || !page->test(PG_private))
    return;
  BufferHead& alias = buffer_number(vfs, *page, number);
  alias.clear(BH_Dirty | BH_Req);
}

}  // namespace wbsim
