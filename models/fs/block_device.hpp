// Block devices as files: one inode per device or partition, its blocks 1:1 on the disk; and the
// metadata blocks that file systems keep in that inode's pages.
//
// MODELS:   fs/block_dev.c, and the buffer cache part of fs/buffer.c of 2.6: __bread(),
//           unmap_underlying_metadata().
// DEVIATES: unmap_underlying_metadata() does not wait for a write of the alias that is under way.
#pragma once

#include <deque>

#include "models/fs/vfs.hpp"

namespace wbsim {

// The pseudo file system "bdev" of all block device inodes.
class BlockDevSuperBlock : public SuperBlock {
 public:
  // A device or partition of `length`, from sector `start` of the disk.
  Inode& add(Vfs& vfs, BackingDevInfo& bdi, Sectors start, Sectors length, int soft_block_bits);

  GetBlock get_block(Inode& inode, std::int64_t block, BufferHead& bh, bool create,
                     std::int64_t& metadata_block) override;
  std::int64_t mapped_run(Inode& inode, std::int64_t block, int count) override {
    return block + count <= inode.i_size >> inode.i_blkbits ? block : -1;
  }
  Task<Errno> write_inode(Inode& inode, TaskStruct& task, bool wait) override;
  bool uses_mpage() const override { return false; }
  bool keeps_times() const override { return false; }

 private:
  std::deque<Inode> inodes_;
};

// The file system of the device nodes, /dev/NAME: the root's ramfs. Its inodes have times that
// change with every tick, and nowhere to be written to.
class RootFsSuperBlock : public SuperBlock {
 public:
  Inode& make_node(Vfs& vfs, Inode& device);

  GetBlock get_block(Inode& inode, std::int64_t block, BufferHead& bh, bool create,
                     std::int64_t& metadata_block) override;
  Task<Errno> write_inode(Inode& inode, TaskStruct& task, bool wait) override;
  bool uses_mpage() const override { return false; }
  bool keeps_times() const override { return true; }
  Duration time_granularity() const override { return Duration(1); }

 private:
  std::deque<Inode> nodes_;
};

// Metadata blocks in the device's own pages.
class DeviceMetadata : public MetadataBlocks {
 public:
  explicit DeviceMetadata(Vfs& vfs) : vfs_(vfs) {}
  bool in_memory(Inode& device, std::int64_t block) override;
  void preload(Inode& device, std::int64_t block, Keep keep) override;
  void dirty(Inode& device, std::int64_t block, Inode* owner) override;
  Task<Errno> update(Inode& device, std::int64_t block, TaskStruct& task, bool wait) override;

 private:
  Vfs& vfs_;
};

// The buffer of a block if it is in memory and uptodate, else null. Counts as an access.
BufferHead* find_uptodate_block(Vfs& vfs, Inode& device, std::int64_t block);
// A block whose content is known without reading, as at the start of a run.
BufferHead& make_uptodate_block(Vfs& vfs, Inode& device, std::int64_t block);
// __bread(): null after a read error.
Task<BufferHead*> bread(Vfs& vfs, Inode& device, std::int64_t block, TaskStruct& task);
// A block turned into file data: a stale copy in the device's own pages must not be written later.
void unmap_underlying_metadata(Vfs& vfs, Inode& file, const BufferHead& bh);

}  // namespace wbsim
