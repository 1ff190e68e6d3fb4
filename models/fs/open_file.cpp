#include "models/fs/open_file.hpp"

namespace wbsim {

Errno file_check_and_advance_wb_err(Vfs& vfs, File& file) {
  AddressSpace& mapping = *file.f_inode->i_mapping;
  const Errno bits = filemap_check_errors(mapping);
  return vfs.rules.errseq ? mapping.wb_err.check_and_advance(file.f_wb_err) : bits;
}

Task<Errno> file_fdatawait(Vfs& vfs, File& file, TaskStruct& task, PageIndex first,
                           PageIndex last) {
  Inode& inode = file.f_inode->host();
  if (!vfs.rules.errseq)
    co_return co_await filemap_fdatawait(vfs, inode, task, first, last);
  co_await filemap_fdatawait_keep_errors(vfs, inode, task, first, last);
  co_return file_check_and_advance_wb_err(vfs, file);
}

}  // namespace wbsim
