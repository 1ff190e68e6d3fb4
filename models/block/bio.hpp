// One submitted transfer, contiguous on the disk. The file side owns it; the block layer only links
// it, and never sees a page.
#pragma once

#include <cstdint>

#include "models/block/io_context.hpp"
#include "models/device/device_request.hpp"
#include "models/trace.hpp"
#include "sim/units.hpp"

namespace wbsim {

struct Bio {
  Bio* bi_next = nullptr;  // the block layer's while submitted
  Sectors sector, length;
  void (*bi_end_io)(Bio&, bool ok) = nullptr;
  void* bi_private = nullptr;
  std::uint64_t cookie = 0;  // the owner's
  std::uint16_t segments = 1;
  IoPriority ioprio;  // of the task that submits it
  BioOp op = BioOp::kWrite;
  WriteReason reason = WriteReason::kBackground;
  bool sync : 1 = false;    // somebody waits for it: BIO_RW_SYNCIO; reads count as sync without it
  bool unplug : 1 = false;  // start the queue at once: BIO_RW_UNPLUG; up to 2.6.28 BIO_RW_SYNC
  bool meta : 1 = false;    // file-system metadata, for the statistics
  bool preflush : 1 = false;  // REQ_PREFLUSH: what the drive caches goes to the medium first
  bool fua : 1 = false;       // REQ_FUA: ends when it is on the medium itself
  bool barrier : 1 = false;   // BIO_RW_BARRIER, up to 2.6.36: nothing passes it
  bool traced : 1 = false;    // block_bio_queue has been told: once, however often it is tried
  bool direct : 1 = false;    // O_DIRECT: SYNC and IDLE, which blk-wbt lets pass
};

}  // namespace wbsim
