// The tracepoints of single pages, buffers and inodes, by the release that brought them or gave
// them another name: include/trace/events/writeback.h and block.h of 3.9 and later.
#include "app/ftrace_sink.hpp"
#include "models/fs/inode.hpp"

namespace wbsim {
namespace {

constexpr KernelVersion kFolios{5, 18, 0};

void put_hex(TextLine& line, std::int64_t value) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string digits;
  auto left = static_cast<std::uint64_t>(value);
  do {
    digits.insert(digits.begin(), kDigits[left & 15]);
    left >>= 4;
  } while (left != 0);
  line.text("0x").text(digits);
}

}  // namespace

bool FtraceSink::wants_page_events() const {
  return version_ >= kWritebackTracepoints;
}

void FtraceSink::on_page(const PageEvent& e) {
  std::string_view name;
  if (e.what == PageEvent::What::kDirtied && version_ >= KernelVersion{3, 9, 0})
    name = version_ >= kFolios ? "writeback_dirty_folio" : "writeback_dirty_page";
  else if (e.what == PageEvent::What::kWait && version_ >= KernelVersion{5, 2, 0})
    name = version_ >= kFolios ? "folio_wait_writeback" : "wait_on_page_writeback";
  if (name.empty() || !shows(name))
    return;
  begin(e.time, task_of(e.thread), name);
  bdi(e.bdi);
  field("ino", static_cast<std::int64_t>(e.ino));
  field("index", static_cast<std::int64_t>(e.index));
  end();
}

void FtraceSink::on_buffer_dirty(const BufferDirtyEvent& e) {
  if (version_ < KernelVersion{3, 9, 0} || !shows("block_dirty_buffer"))
    return;
  begin(e.time, task_of(e.thread), "block_dirty_buffer");
  line_.number(TaskIds::kMajor).text(",").number(TaskIds::minor(e.bdi));
  field("sector", e.block);
  field("size", e.size);
  end();
}

void FtraceSink::put_inode(const InodeEvent& e, std::string_view name) {
  if (!shows(name))
    return;
  begin(e.time, task_of(e.thread), name);
  if (e.bdi >= 0)
    bdi(e.bdi);
  else
    line_.text("bdi (unknown):");
  field("ino", static_cast<std::int64_t>(e.ino));
  if (e.what != InodeEvent::What::kMarkDirty) {
    field("sync_mode", e.sync_all ? 1 : 0);
    return end_writeback();
  }
  if (version_ >= KernelVersion{4, 0, 0})
    put_inode_state(line_.text(" state="), e.state);
  put_inode_state(line_.text(" flags="), e.flags);
  end();
}

// No inode is deleted: each is a file that its owner may write.
void FtraceSink::put_lazytime(const InodeEvent& e) {
  if (!shows("writeback_lazytime"))
    return;
  begin(e.time, task_of(e.thread), "writeback_lazytime");
  line_.text("dev ").number(TaskIds::kMajor).text(",").number(TaskIds::minor(e.bdi));
  field("ino", static_cast<std::int64_t>(e.ino));
  field("dirtied", e.dirtied_when.count());
  put_inode_state(line_.text(" state="), e.state);
  line_.text(" mode=0100644");
  end();
}

void FtraceSink::on_inode(const InodeEvent& e) {
  if (version_ < KernelVersion{3, 9, 0})
    return;
  if (e.what == InodeEvent::What::kLazytime)
    put_lazytime(e);
  if (e.what == InodeEvent::What::kWriteStart)
    put_inode(e, "writeback_write_inode_start");
  if (e.what == InodeEvent::What::kWriteEnd)
    put_inode(e, "writeback_write_inode");
  if (e.what != InodeEvent::What::kMarkDirty)
    return;
  if (version_ >= KernelVersion{4, 0, 0})
    put_inode(e, "writeback_mark_inode_dirty");
  if ((e.flags & (I_DIRTY_SYNC | I_DIRTY_DATASYNC)) == 0)
    return;
  put_inode(e, "writeback_dirty_inode_start");
  put_inode(e, "writeback_dirty_inode");
}

void FtraceSink::on_wbc_writepage(const WbcWritepageEvent& e) {
  if (version_ < kWritebackTracepoints || !shows("wbc_writepage"))
    return;
  begin(e.time, task_of(e.thread), "wbc_writepage");
  bdi(e.bdi);
  field("towrt", e.nr_to_write);
  field("skip", e.pages_skipped);
  field("mode", e.sync_all ? 1 : 0);
  field("kupd", e.for_kupdate ? 1 : 0);
  field("bgrd", e.for_background ? 1 : 0);
  field("reclm", 0);
  field("cyclic", e.range_cyclic ? 1 : 0);
  put_hex(line_.text(" start="), e.range_start);
  put_hex(line_.text(" end="), e.range_end);
  end_writeback();
}

}  // namespace wbsim
