// I/O of single buffers, and the completions of buffer I/O.
//
// MODELS:   fs/buffer.c of 2.6.18 - 6.1: submit_bh(), end_buffer_async_write(), ll_rw_block(),
//           sync_dirty_buffer(), fsync_buffers_list().
#pragma once

#include "models/fs/submit.hpp"
#include "sim/assert.hpp"

namespace wbsim {

// submit_bh() as far as building the one-segment bio: the buffer is locked, mapped and has its
// b_end_io. A write of a buffer that was submitted before forgets its old write error.
FileBio& buffer_bio(Vfs& vfs, BufferHead& bh, BioOp op, bool sync, WriteReason reason);

// What the buffer knows of a submission: that it was one.
inline void mark_submitted(BufferHead& bh, BioOp op) {
  constexpr unsigned kLooked = BH_Lock | BH_Mapped | BH_Delay | BH_Unwritten;
  WB_ASSERT((bh.b_state() & kLooked) == (BH_Lock | BH_Mapped));
  WB_ASSERT(bh.b_end_io() != BufferEndIo::kNone);
  if (bh.test(BH_Req) && op == BioOp::kWrite)
    bh.clear(BH_Write_EIO);
  bh.set(BH_Req);
}

// Exactly one completion, the one that sees no other Async_Write in the ring, ends the page's
// write-back. A failed write leaves the buffer clean and not uptodate.
void end_buffer_async_write(Vfs& vfs, BufferHead& bh, bool ok);
void end_buffer_async_read(Vfs& vfs, BufferHead& bh, bool ok);
void end_buffer_write_sync(Vfs& vfs, BufferHead& bh, bool ok);
void end_buffer_read_sync(Vfs& vfs, BufferHead& bh, bool ok);

void unlock_buffer(Vfs& vfs, BufferHead& bh);
Task<> lock_buffer(Vfs& vfs, BufferHead& bh, TaskStruct& task);
Task<> wait_on_buffer(Vfs& vfs, BufferHead& bh, TaskStruct& task);

enum class BlockRw : std::uint8_t { kRead, kWrite, kSwrite };
// kRead and kWrite skip a locked buffer, even one redirtied since its I/O began; kSwrite waits for
// the lock.
Task<> ll_rw_block(Vfs& vfs, BlockRw rw, BufferHead& bh, TaskStruct& task);
// Writes the buffer if it is dirty and waits.
Task<Errno> sync_dirty_buffer(Vfs& vfs, BufferHead& bh, TaskStruct& task);
// Writes and awaits the metadata on the file's private_list, in its order.
Task<Errno> fsync_buffers_list(Vfs& vfs, AddressSpace& owner, TaskStruct& task);

}  // namespace wbsim
