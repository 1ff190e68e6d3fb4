#include "models/fs/sync_file_range.hpp"

#include <limits>

namespace wbsim {

Task<Errno> sync_file_range(Vfs& vfs, File& file, std::int64_t offset, std::int64_t length,
                            std::uint8_t flags, TaskStruct& task) {
  task.charge(vfs.costs.write_syscall);
  const auto first = static_cast<PageIndex>(offset >> kPageShift);
  const auto last =
      length == 0 ? ~PageIndex{0} : static_cast<PageIndex>((offset + length - 1) >> kPageShift);
  Errno result = Errno::kOk;
  if ((flags & SYNC_FILE_RANGE_WAIT_BEFORE) != 0)
    result = co_await file_fdatawait(vfs, file, task, first, last);
  if (result == Errno::kOk && (flags & SYNC_FILE_RANGE_WRITE) != 0) {
    WritebackControl wbc;
    wbc.sync_mode = vfs.rules.sync_file_range;
    wbc.nr_to_write = std::numeric_limits<std::int64_t>::max();
    wbc.range_start = first;
    wbc.range_end = last;
    wbc.reason = WriteReason::kSync;
    result = co_await do_writepages(vfs, file.f_inode->host(), wbc, task);
  }
  if (result == Errno::kOk && (flags & SYNC_FILE_RANGE_WAIT_AFTER) != 0)
    result = co_await file_fdatawait(vfs, file, task, first, last);
  co_await vfs.cpu.settle(task);
  co_return result;
}

}  // namespace wbsim
