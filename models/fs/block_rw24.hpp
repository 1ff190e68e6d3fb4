// The two halves of a write(2) on a page of 2.4, and reading a page by its buffers.
#pragma once

#include "models/fs/buffer24.hpp"

namespace wbsim::v24 {

// Bytes [from, to) of the locked page are about to be written: maps them, and reads what is only
// partly overwritten.
Task<Errno> block_prepare_write(Buffers& b, Inode& inode, Page& page, std::int64_t from,
                                std::int64_t to, TaskStruct& task);
// True when a buffer is newly dirty: balance_dirty() is due, once.
bool block_commit_write(Buffers& b, Inode& inode, Page& page, std::int64_t from, std::int64_t to);

// get_block() for one buffer, reading indirect blocks as needed. A hole stays unmapped.
Task<Errno> map_buffer(Buffers& b, Inode& inode, BufferHead& bh, std::int64_t block, bool create,
                       TaskStruct& task);

// A locked page, unlocked when it is read.
Task<Errno> block_read_full_page(Buffers& b, Inode& inode, Page& page, TaskStruct& task);

inline std::int64_t first_block_of(const Inode& inode, const Page& page) {
  return (std::int64_t{page.index} << kPageShift) >> inode.i_blkbits;
}

}  // namespace wbsim::v24
