// What of the files' data would survive a power cut, and what fsync(2) said would. Kept only for
// runs that ask for it.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "models/device/device.hpp"
#include "models/device/sector_states.hpp"
#include "models/fs/inode.hpp"
#include "models/summary.hpp"

namespace wbsim {

struct Vfs;
struct Page;

class Durability {
 public:
  // The next device, in the order of their numbers, and the size of the blocks it is written in.
  void add_device(Device& device, Sectors block);
  const SectorStates& device(std::size_t number, TimePoint now) const;

  // write(2) put new data into [from, to) of a page whose buffers are mapped.
  void wrote(Vfs& vfs, Inode& inode, Page& page, std::int64_t from, std::int64_t to);
  // The same told block by block: one write of the file, then what it put where on its device.
  void begin_write(const Inode& inode);
  void wrote_block(const Inode& inode, std::int64_t block, int size);
  // fsync(2): take the number of the last write when it begins; when it has returned 0, all writes
  // up to that one are promised.
  std::uint64_t last_write() const { return stamp_; }
  void promise(const Inode& inode, std::uint64_t up_to);

  // What a power cut at this moment leaves of the file's data.
  FileAtCut at_cut(const Inode& inode, TimePoint now) const;

 private:
  std::uint32_t number_of(const Inode& inode);

  struct Watched {
    Device& device;
    SectorStates states;
  };
  std::deque<Watched> devices_;
  struct File {
    const Inode* inode;
    std::uint64_t promised;
  };
  std::vector<File> files_;
  std::uint32_t last_file_ = 0;
  std::uint64_t stamp_ = 0;
};

}  // namespace wbsim
