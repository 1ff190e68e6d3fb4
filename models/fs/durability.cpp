#include "models/fs/durability.hpp"

#include <algorithm>

#include "models/fs/buffer.hpp"
#include "models/fs/vfs.hpp"

namespace wbsim {

void Durability::add_device(Device& device, Sectors block) {
  devices_.push_back({device, SectorStates(device.capacity(), block)});
  device.observe(devices_.back().states);
}

const SectorStates& Durability::device(std::size_t number, TimePoint now) const {
  const Watched& watched = devices_[number];
  watched.device.settle(now);
  return watched.states;
}

std::uint32_t Durability::number_of(const Inode& inode) {
  if (last_file_ < files_.size() && files_[last_file_].inode == &inode)
    return last_file_;
  const auto found = std::find_if(files_.begin(), files_.end(),
                                  [&](const File& file) { return file.inode == &inode; });
  last_file_ = static_cast<std::uint32_t>(found - files_.begin());
  if (found == files_.end())
    files_.push_back({&inode, 0});
  return last_file_;
}

void Durability::begin_write(const Inode& inode) {
  last_file_ = number_of(inode);
  ++stamp_;
}

void Durability::wrote_block(const Inode& inode, std::int64_t block, int size) {
  const std::int64_t sectors = size / kSectorSize;
  devices_[static_cast<std::size_t>(inode.i_data.bdi->id)].states.wrote(
      inode.i_data.disk_start + Sectors(block * sectors), Sectors(sectors), last_file_, stamp_);
}

void Durability::wrote(Vfs& vfs, Inode& inode, Page& page, std::int64_t from, std::int64_t to) {
  begin_write(inode);
  std::int64_t start = 0;
  for_each_buffer(vfs, page, [&](const BufferHead& bh) {
    const std::int64_t end = start + bh.b_size();
    if (bh.test(BH_Mapped) && start < to && end > from)
      wrote_block(inode, bh.b_blocknr(), bh.b_size());
    start = end;
  });
}

void Durability::promise(const Inode& inode, std::uint64_t up_to) {
  File& file = files_[number_of(inode)];
  file.promised = std::max(file.promised, up_to);
}

FileAtCut Durability::at_cut(const Inode& inode, TimePoint now) const {
  FileAtCut result;
  const auto found = std::find_if(files_.begin(), files_.end(),
                                  [&](const File& file) { return file.inode == &inode; });
  if (found == files_.end())
    return result;
  const auto number = static_cast<std::uint32_t>(found - files_.begin());
  const SectorStates& states = device(static_cast<std::size_t>(inode.i_data.bdi->id), now);
  states.for_each_written([&](const SectorStates::Block& block, Bytes bytes) {
    if (block.file != number)
      return;
    const std::uint64_t at_risk = block.at_risk();
    if (block.at(DataPlace::kMemory) != 0)
      result.in_memory += bytes;
    else if (block.at(DataPlace::kInFlight) != 0)
      result.in_flight += bytes;
    else if (block.at(DataPlace::kVolatileCache) != 0)
      result.in_volatile_cache += bytes;
    else if (block.at(DataPlace::kLost) != 0)
      result.lost_by_errors += bytes;
    else
      result.durable += bytes;
    if (at_risk != 0 && at_risk <= found->promised)
      result.promised_and_lost += bytes;
  });
  return result;
}

}  // namespace wbsim
