// A file system whose get_block() does what the test says.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "models/fs/block_device.hpp"

namespace wbsim {

// Block n of the file lies where `blocks` says; a new one is put at first_new + n.
struct ScriptedFs : SuperBlock {
  std::map<std::int64_t, std::int64_t> blocks;
  std::int64_t first_new = 500;
  std::map<std::int64_t, GetBlock> failures;      // by file block
  std::map<std::int64_t, std::int64_t> metadata;  // file block -> device block to read before
  std::optional<std::int64_t> boundary;           // file block with the boundary flag
  std::vector<std::int64_t> asked;                // file blocks, in order
  bool mpage = false;
  bool times = false;
  Vfs* vfs = nullptr;
  Inode* device = nullptr;

  GetBlock get_block(Inode&, std::int64_t block, BufferHead& bh, bool create,
                     std::int64_t& metadata_block) override {
    asked.push_back(block);
    const auto needed = metadata.find(block);
    if (needed != metadata.end() && !find_uptodate_block(*vfs, *device, needed->second)) {
      metadata_block = needed->second;
      return GetBlock::kNeedsMetadata;
    }
    if (const auto failure = failures.find(block); failure != failures.end())
      return failure->second;
    if (!blocks.contains(block)) {
      if (!create)
        return GetBlock::kHole;
      blocks[block] = first_new + block;
      bh.set(BH_New);
    }
    bh.map_to(blocks[block]);
    if (boundary == block)
      bh.set(BH_Boundary);
    return GetBlock::kMapped;
  }
  Task<Errno> write_inode(Inode&, TaskStruct&, bool) override { co_return Errno::kOk; }
  bool uses_mpage() const override { return mpage; }
  bool keeps_times() const override { return times; }
  Inode* block_device() const override { return device; }
};

}  // namespace wbsim
