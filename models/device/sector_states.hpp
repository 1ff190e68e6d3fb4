// For each block of a device: the oldest write whose data is still in memory, in flight, or in a
// volatile cache, and so would be lost by a power cut. Writes are numbered; number 0 is none.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "models/device/medium.hpp"

namespace wbsim {

class SectorStates final : public MediumObserver {
 public:
  SectorStates(Sectors capacity, Sectors block);

  // Write number `stamp` of `file` put new data of the range into memory.
  void wrote(Sectors start, Sectors length, std::uint32_t file, std::uint64_t stamp);
  void moved(Sectors start, Sectors length, DataPlace from, DataPlace to) override;

  // Blocks that have data in this place; a block may have older data in another one.
  Bytes in(DataPlace place) const {
    return to_bytes(block_) * counts_[static_cast<std::size_t>(place)];
  }

  struct Block {
    std::array<std::uint64_t, 5> first{};  // by DataPlace; that of kMedium is not used
    std::uint32_t file = 0;
    bool written = false;

    std::uint64_t at(DataPlace place) const { return first[static_cast<std::size_t>(place)]; }
    // The oldest write that a power cut would undo, 0 if it is durable.
    std::uint64_t at_risk() const;
  };
  // Calls f(block, bytes) for each block ever written.
  template <class F>
  void for_each_written(F f) const {
    for (const auto& chunk : chunks_) {
      for (std::size_t i = 0; chunk && i < chunk->size(); ++i)
        if ((*chunk)[i].written)
          f((*chunk)[i], to_bytes(block_));
    }
  }

 private:
  static constexpr std::size_t kChunk = 1024;
  using Chunk = std::array<Block, kChunk>;

  Block& block_at(std::size_t index);
  void set(Block& block, DataPlace place, std::uint64_t stamp);
  void add(Block& block, DataPlace place, std::uint64_t stamp);
  template <class F>
  void for_range(Sectors start, Sectors length, F f);

  Sectors block_;
  std::vector<std::unique_ptr<Chunk>> chunks_;
  std::array<std::int64_t, 5> counts_{};
};

}  // namespace wbsim
