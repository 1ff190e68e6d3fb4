// An open file description, and how it learns of errors of write-back.
//
// MODELS:   struct file; 6.1 mm/filemap.c file_check_and_advance_wb_err(),
//           file_fdatawait_range(); before 4.13 the mapping's bits alone.
#pragma once

#include <vector>

#include "models/fs/page_scan.hpp"

namespace wbsim {

// struct file_ra_state, in pages.
struct FileRaState {
  std::int64_t start = 0;  // of the window last read
  std::int64_t size = 0;
  std::int64_t async_size = 0;   // reaching this many pages before its end reads the next one
  std::int64_t prev_index = -1;  // last page read
  int mmap_miss = 0;             // faults on pages that were not there, less those that were
};

// The lowest page tables of a mapping, each of 512 pages of which a process has touched one.
class PageTables {
 public:
  // Whether the page needs a new one.
  bool add(PageIndex page) {
    const std::size_t table = page / kPages;
    if (table >= there_.size())
      there_.resize(table + 1);
    const bool had = there_[table];
    there_[table] = true;
    return !had;
  }

 private:
  static constexpr PageIndex kPages = 512;
  std::vector<bool> there_;
};

struct File {
  Inode* f_inode = nullptr;
  FileRaState f_ra{};
  ErrSeq::Mark f_wb_err = 0;
  PageTables page_tables{};  // of its mapping, if there is one

  void open() {
    f_ra = FileRaState{};
    f_wb_err = f_inode->i_mapping->wb_err.sample();
  }
};

// The error this file has not been told of yet; kernels without errseq_t: nobody has.
Errno file_check_and_advance_wb_err(Vfs& vfs, File& file);
// Waits for the pages under write-back, and tells of their errors in the kernel's way.
Task<Errno> file_fdatawait(Vfs& vfs, File& file, TaskStruct& task, PageIndex first = 0,
                           PageIndex last = ~PageIndex{0});

}  // namespace wbsim
