// Tells a sink what happens to single pages, buffers and inodes. There is one only in runs whose
// sink wants to know (Vfs::trace).
#pragma once

#include <cstdint>
#include <string_view>

#include "models/trace.hpp"
#include "sim/units.hpp"

namespace wbsim {

class AddressSpace;
class BufferHead;
struct Inode;
struct Page;
struct Vfs;
struct WritebackControl;

class FsTrace {
 public:
  FsTrace(Vfs& vfs, TraceSink& sink, TimePoint origin) : vfs_(vfs), sink_(sink), origin_(origin) {}
  FsTrace(const FsTrace&) = delete;

  void page(PageEvent::What what, const Page& page, const WritebackControl* wbc = nullptr);
  // mark_buffer_dirty() for each buffer of the page that overlaps [from, to).
  void buffers_dirty(const Page& page, std::int64_t from, std::int64_t to);
  void buffer_dirty(const BufferHead& bh);
  void inode(InodeEvent::What what, const Inode& inode, unsigned flags = 0, bool sync_all = false);
  // The inode has been put on that list of dirty inodes, or on none.
  void inode_filed(const Inode& inode, std::string_view list);
  void wbc_writepage(const WritebackControl& wbc, const AddressSpace& mapping);

  Duration time() const;
  // The thread that runs now; empty in an interrupt.
  std::string_view thread() const;

  TraceSink& sink() const { return sink_; }

 private:
  InodeEvent inode_event(InodeEvent::What what, const Inode& inode) const;

  Vfs& vfs_;
  TraceSink& sink_;
  TimePoint origin_;
};

}  // namespace wbsim
