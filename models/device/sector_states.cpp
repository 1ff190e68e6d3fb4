#include "models/device/sector_states.hpp"

#include <algorithm>

#include "sim/assert.hpp"

namespace wbsim {

SectorStates::SectorStates(Sectors capacity, Sectors block)
    : block_(block),
      chunks_(static_cast<std::size_t>(capacity.count() / block.count()) / kChunk + 1) {}

std::uint64_t SectorStates::Block::at_risk() const {
  std::uint64_t oldest = 0;
  for (const DataPlace place :
       {DataPlace::kMemory, DataPlace::kInFlight, DataPlace::kVolatileCache}) {
    if (at(place) != 0 && (oldest == 0 || at(place) < oldest))
      oldest = at(place);
  }
  return oldest;
}

SectorStates::Block& SectorStates::block_at(std::size_t index) {
  std::unique_ptr<Chunk>& chunk = chunks_[index / kChunk];
  if (!chunk)
    chunk = std::make_unique<Chunk>();
  return (*chunk)[index % kChunk];
}

template <class F>
void SectorStates::for_range(Sectors start, Sectors length, F f) {
  const std::int64_t first = start.count() / block_.count();
  const std::int64_t last = ((start + length).count() - 1) / block_.count();
  for (std::int64_t i = first; i <= last; ++i)
    f(block_at(static_cast<std::size_t>(i)));
}

void SectorStates::set(Block& block, DataPlace place, std::uint64_t stamp) {
  std::uint64_t& first = block.first[static_cast<std::size_t>(place)];
  counts_[static_cast<std::size_t>(place)] += (stamp != 0 ? 1 : 0) - (first != 0 ? 1 : 0);
  first = stamp;
}

void SectorStates::add(Block& block, DataPlace place, std::uint64_t stamp) {
  const std::uint64_t there = block.at(place);
  if (stamp != 0 && (there == 0 || stamp < there))
    set(block, place, stamp);
}

void SectorStates::wrote(Sectors start, Sectors length, std::uint32_t file, std::uint64_t stamp) {
  for_range(start, length, [&](Block& block) {
    block.written = true;
    block.file = file;
    add(block, DataPlace::kMemory, stamp);
  });
}

void SectorStates::moved(Sectors start, Sectors length, DataPlace from, DataPlace to) {
  for_range(start, length, [&](Block& block) {
    const std::uint64_t stamp = block.at(from);
    set(block, from, 0);
    if (to != DataPlace::kMedium) {
      add(block, to, stamp);
    } else if (from == DataPlace::kInFlight) {  // newer than what a cache may hold
      set(block, DataPlace::kVolatileCache, 0);
    }
    if (to == DataPlace::kMedium || to == DataPlace::kVolatileCache)
      set(block, DataPlace::kLost, 0);  // written again with success
  });
}

}  // namespace wbsim
