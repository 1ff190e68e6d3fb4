// Writing one inode, and fsync(2).
//
// MODELS:   fs/fs-writeback.c __writeback_single_inode(), fs/sync.c vfs_fsync(), ext2_sync_file(),
//           2.6.24 - 2.6.32.
#pragma once

#include "models/writeback/writeback_context.hpp"

namespace wbsim {

// Pages up to wbc.nr_to_write, then the inode itself if more than pages were dirty; afterwards the
// inode is filed on the list where its state and the kernel's rule put it.
Task<Errno> writeback_single_inode(WritebackContext& context, Inode& inode, WritebackControl& wbc,
                                   TaskStruct& task);

enum class SyncWhat : std::uint8_t { kFsync, kFdatasync };
// Everything dirtied before the call is on the disk when it returns kOk.
Task<Errno> vfs_fsync(WritebackContext& context, Inode& inode, SyncWhat what, TaskStruct& task);

// sync_inodes_sb() with waiting, from 2.6.31: waits for the pages of every inode.
Task<Errno> wait_sb_inodes(WritebackContext& context, SuperBlock& sb, TaskStruct& task);

}  // namespace wbsim
