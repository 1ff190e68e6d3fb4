// A kernel of 2.4 put together: the buffer cache behind the interfaces that the rest of the machine
// knows.
#pragma once

#include "models/fs/file24.hpp"
#include "models/fs/file_operations.hpp"
#include "models/mm/dirty_memory.hpp"
#include "models/writeback/sync_inodes.hpp"

namespace wbsim {

// Metadata blocks as buffers of the device.
class BufferMetadata : public MetadataBlocks {
 public:
  explicit BufferMetadata(v24::Buffers& buffers) : buffers_(buffers) {}
  bool in_memory(Inode& device, std::int64_t block) override;
  void preload(Inode& device, std::int64_t block, Keep keep) override;
  void dirty(Inode& device, std::int64_t block, Inode* owner) override;
  Task<Errno> update(Inode& device, std::int64_t block, TaskStruct& task, bool wait) override;

 private:
  v24::Buffers& buffers_;
};

class BufferFiles : public FileOperations {
 public:
  BufferFiles(WritebackContext& context, v24::Buffers& buffers, SyncInodes& inodes)
      : context_(context), buffers_(buffers), inodes_(inodes) {}
  Task<Errno> write(Inode& file, std::int64_t pos, std::int64_t length, TaskStruct& task) override;
  Task<Errno> read(Inode& file, std::int64_t pos, std::int64_t length, FileRaState& ra,
                   std::int64_t ra_pages, TaskStruct& task) override;
  // sys_fsync(): holds i_sem throughout. A device is written whole.
  Task<Errno> fsync(File& file, SyncWhat what, TaskStruct& task) override;

 private:
  Task<Errno> ext2_sync_file(Inode& inode, SyncWhat what, TaskStruct& task);

  WritebackContext& context_;
  v24::Buffers& buffers_;
  SyncInodes& inodes_;
};

// Dirty buffers in pages.
class BufferMemory : public DirtyMemory {
 public:
  explicit BufferMemory(v24::Buffers& buffers) : buffers_(buffers) {}
  VmCounters counters() const override;
  DirtyLimits limits() const override;
  void publish(BackingDevInfo& bdi) const override;

 private:
  v24::Buffers& buffers_;
};

// Wires itself into the context: metadata, files and dirty memory. Before the file systems.
struct Kernel24 {
  Kernel24(WritebackContext& context, TaskQueueDisk& tq_disk, v24::Release release,
           const v24::BdfPrm& prm);

  v24::Buffers buffers;
  SyncInodes inodes;
  BufferMetadata metadata;
  BufferFiles files;
  BufferMemory memory;
};

}  // namespace wbsim
