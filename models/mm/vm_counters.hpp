// Global page counters, exact, with the names of /proc/vmstat.
#pragma once

#include "sim/units.hpp"

namespace wbsim {

struct VmCounters {
  Pages nr_file_dirty{};
  Pages nr_writeback{};
  Pages nr_dirtied{};    // clean to dirty, redirtied pages included
  Pages nr_redirtied{};  // of these, by redirty_page_for_writepage()
  Pages nr_written{};    // write-backs completed
  Pages nr_discarded{};  // dirty pages that went away unwritten: truncation, outside i_size
  Pages nr_claimed{};    // taken by clear_page_dirty_for_io(), not yet under write-back
  Pages nr_file_pages{};
  Pages peak_dirty{};
  Pages peak_writeback{};
  Pages peak_dirty_and_writeback{};

  // dirtied = written + still dirty + on the way to the disk + discarded
  bool conserved() const {
    return nr_dirtied == nr_written + nr_file_dirty + nr_claimed + nr_writeback + nr_discarded;
  }
};

}  // namespace wbsim
