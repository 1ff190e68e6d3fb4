// Loads and stores through a shared mapping of a file or block device.
//
// MODELS:   mm/filemap.c filemap_fault(), do_sync_mmap_readahead(), do_async_mmap_readahead(),
//           mm/memory.c __do_fault() with page_mkwrite, 2.6.30 on; the same for 2.6.24.
// DEVIATES: one mapping a file, which is never unmapped: a page that is dirty can be stored to
//           without a fault, whoever dirtied it. No fault-around: a load of a page that was loaded
//           before costs a fault.
#pragma once

#include "models/fs/file.hpp"

namespace wbsim {

enum class MmapAccess : std::uint8_t { kLoad, kStore };

// Touches each page of [pos, pos + length), which lies within the file. Stores are throttled as
// writes are.
Task<Errno> mmap_access(Vfs& vfs, File& file, std::int64_t pos, std::int64_t length,
                        MmapAccess access, std::int64_t ra_pages, TaskStruct& task);

}  // namespace wbsim
