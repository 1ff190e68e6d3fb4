// Writing one inode, and fsync(2).
//
// MODELS:   fs/fs-writeback.c __writeback_single_inode(), fs/sync.c vfs_fsync(), ext2_sync_file(),
//           2.6.18 - 2.6.39, 3.10 and 6.1; from 3.4 on the flusher files the inode itself.
#pragma once

#include "models/fs/file_operations.hpp"
#include "models/writeback/writeback_context.hpp"

namespace wbsim {

// Pages up to wbc.nr_to_write, then the inode itself if more than pages were dirty; afterwards the
// inode is filed on the list where its state and the kernel's rule put it.
Task<Errno> writeback_single_inode(WritebackContext& context, Inode& inode, WritebackControl& wbc,
                                   TaskStruct& task);

// The file system's write_inode(), traced.
Task<Errno> write_inode(WritebackContext& context, Inode& inode, bool wait, TaskStruct& task);

// filemap_fdatawrite(), which is a chance to look at the bandwidth from 5.16 on.
Task<Errno> write_all_pages(WritebackContext& context, Inode& inode, TaskStruct& task);

// __writeback_single_inode() of 3.4 and later: the caller holds I_SYNC.
Task<Errno> write_locked_inode(WritebackContext& context, Inode& inode, WritebackControl& wbc,
                               TaskStruct& task);
// requeue_inode(): where a flusher puts the inode afterwards.
void requeue_inode(WritebackContext& context, Inode& inode, const WritebackControl& wbc);
// inode_sleep_on_writeback(): until somebody has finished with it.
Task<> wait_for_i_sync(WritebackContext& context, Inode& inode, TaskStruct& task);

// Everything dirtied before the call is on the disk when it returns kOk.
Task<Errno> vfs_fsync(WritebackContext& context, File& file, SyncWhat what, TaskStruct& task);

// sync_inodes_sb() with waiting, from 2.6.31: waits for the pages of every inode.
Task<Errno> wait_sb_inodes(WritebackContext& context, SuperBlock& sb, TaskStruct& task);

}  // namespace wbsim
