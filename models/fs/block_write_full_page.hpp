// Writing the dirty buffers of one page, each as its own bio, in three passes over the ring. Bios
// that are adjacent on the disk share one FileBio where the queue merges them anyway.
//
// MODELS:   fs/buffer.c __block_write_full_page() and block_write_full_page(), 2.6.18 - 6.1.
// DEVIATES: 6.1 leaves the buffers of a page outside i_size as they are.
#pragma once

#include "models/fs/submit.hpp"
#include "models/mm/writeback_control.hpp"

namespace wbsim {

// One page on its way through. The passes are plain functions; whoever runs them sleeps when told
// to and calls again: what is done already is not done twice.
struct FullPageWrite {
  enum class State : std::uint8_t {
    kSubmit,         // pass 3: submit_buffers(), then call block_write_full_page_end()
    kOutside,        // the page lies outside i_size: unlocked, nothing to do, no error
    kBlockedOnLock,  // pass 2: wait for buffer `blocked_on`, then call again
    kNeedsMetadata,  // pass 1: read block `metadata_block` of the device, then call again,
                     // with `error` set if it cannot be read
  };
  State state = State::kSubmit;
  Errno error = Errno::kOk;  // get_block failed; what was mapped is written all the same
  int nr_underway = 0;
  bool one_run = false;  // all buffers of the page, in blocks that follow each other
  std::size_t next = 0;  // pass 3 goes on with this one of the ring
  BioList bios;          // of pass 3: the one that must wait for a request slot
  BufferId blocked_on = 0;
  std::int64_t metadata_block = -1;
};

// The page is locked, not under write-back, and clear_page_dirty_for_io() has taken it.
void block_write_full_page(Vfs& vfs, Inode& inode, Page& page, WritebackControl& wbc,
                           FullPageWrite& write);
// The bio that buffers were put into last, as long as more can follow without anybody looking:
// until the task sleeps.
struct OpenBio {
  FileBio* bio = nullptr;
  std::int64_t next_block = 0;  // the buffer that continues it
  PageIndex page = 0;           // whose buffers it ends with
  bool ends_page = false;       // with the last of them
  std::uint64_t event = 0;      // Simulator::events_run() then
};
// Pass 3: hands over the marked buffers in the order of the ring. False: the task must wait for a
// request slot for write.bios, and call again.
bool submit_buffers(Vfs& vfs, Page& page, const WritebackControl& wbc, FullPageWrite& write,
                    OpenBio& open, TaskStruct& task);
// After the submission: unlocks the page; with nothing underway its write-back ends at once.
void block_write_full_page_end(Vfs& vfs, Page& page, WritebackControl& wbc,
                               const FullPageWrite& write);

// redirty_page_for_writepage(): dirty again without touching buffers; counts as skipped.
void redirty_page_for_writepage(Vfs& vfs, WritebackControl& wbc, Page& page);

}  // namespace wbsim
