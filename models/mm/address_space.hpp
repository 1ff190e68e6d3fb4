// The cached pages of one file or block device: struct address_space.
#pragma once

#include <cstdint>

#include "models/mm/errseq.hpp"
#include "models/mm/page.hpp"
#include "models/mm/page_tree.hpp"
#include "models/mm/private_list.hpp"
#include "models/mm/shadow_leaves.hpp"
#include "sim/units.hpp"

namespace wbsim {

struct BackingDevInfo;
struct Inode;
struct InodeWb;

class AddressSpace {
 public:
  explicit AddressSpace(PageTreeNodes& nodes) : pages(nodes) {}

  // DIRTY is set with PG_dirty, but cleared by set_page_writeback(), not by
  // clear_page_dirty_for_io(): a page redirtied in between is found again by the next scan.
  PageTree pages;
  ShadowLeaves shadows;
  Inode* host = nullptr;
  BackingDevInfo* bdi = nullptr;
  InodeWb* i_wb = nullptr;  // with memory cgroups: once `bdi` is that of the one it belongs to
  Sectors disk_start{};     // of block 0 of its file system or partition
  std::int64_t nrpages = 0;
  PageIndex writeback_index = 0;  // where the next range_cyclic scan starts
  PrivateList private_list;
  bool AS_EIO = false;
  bool AS_ENOSPC = false;
  ErrSeq wb_err;
};

// mapping_set_error(): write-back of the mapping failed.
inline void mapping_set_error(AddressSpace& mapping, Errno error) {
  (error == Errno::kEnospc ? mapping.AS_ENOSPC : mapping.AS_EIO) = true;
  mapping.wb_err.set(error);
}
// filemap_check_errors(): the first to ask is told, and no one after it.
inline Errno filemap_check_errors(AddressSpace& mapping) {
  const Errno error = mapping.AS_EIO      ? Errno::kEio
                      : mapping.AS_ENOSPC ? Errno::kEnospc
                                          : Errno::kOk;
  mapping.AS_ENOSPC = mapping.AS_EIO = false;
  return error;
}

}  // namespace wbsim
