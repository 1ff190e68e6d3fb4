// Writing buffers by the list: for the daemons, for writers who must take part, for sync and fsync.
//
// MODELS:   fs/buffer.c of 2.4.0 and 2.4.17.
#pragma once

#include "models/fs/buffer24.hpp"

namespace wbsim::v24 {

enum class CheckAge : bool { kNo, kYes };
// 2.4.0: one buffer after the other, each time from the oldest on. Without the age up to ndirty;
// returns how many, and one more if there were more. With it all that are expired; returns 0.
// `written` grows by what went to the disk.
Task<int> flush_dirty_buffers(Buffers& b, CheckAge check_age, WriteReason reason, TaskStruct& task,
                              Bytes& written);

enum class Scan : std::uint8_t { kEnd, kAgain };
// 2.4.17: a batch of NRSYNC. kEnd: the end of the list was reached.
Task<Scan> write_some_buffers(Buffers& b, const BlockDevice* dev, WriteReason reason,
                              TaskStruct& task, Bytes& written);
// 2.4.17: waits for the oldest locked buffer. kEnd: there was none.
Task<Scan> wait_for_some_buffers(Buffers& b, const BlockDevice* dev, TaskStruct& task);

enum class Wait : bool { kNo, kYes };
// Of one device, or of all (null).
Task<Errno> sync_buffers(Buffers& b, const BlockDevice* dev, Wait wait, TaskStruct& task);

// Writes and awaits what is on the list; newly dirtied buffers may join it meanwhile. A buffer that
// is being written is awaited, but not written again: fsync can miss what was redirtied.
Task<Errno> fsync_inode_buffers(Buffers& b, InodeBuffers& inode, TaskStruct& task);
// Waits for those under I/O, from the tail; writes nothing.
Task<Errno> osync_inode_buffers(Buffers& b, InodeBuffers& inode, TaskStruct& task);

// try_to_free_buffers() of reclaim: what is busy is written. 2.4.0 starts every dirty buffer, and
// waits for locked ones if asked to. 2.4.17 marks a buffer Wait_IO at the first visit, starts it
// with launder set at the second, and waits for what it laundered.
Task<bool> try_to_free_buffers(Buffers& b, Page& page, Wait wait, TaskStruct& task);

}  // namespace wbsim::v24
