// Tells a sink what happens to the buffers of 2.4's buffer cache.
#pragma once

#include "models/fs/buffer24.hpp"

namespace wbsim::v24 {

// Nothing unless the run's sink wants to know.
void trace_buffer(Buffers& b, BufferCacheEvent::What what, const BufferHead& bh);
// Of a block that has no buffer.
void trace_block(Buffers& b, BufferCacheEvent::What what, const BlockDevice& dev,
                 std::int64_t block, int size);

}  // namespace wbsim::v24
