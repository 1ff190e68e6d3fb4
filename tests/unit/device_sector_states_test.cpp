#include <catch2/catch.hpp>

#include "models/device/sector_states.hpp"

namespace wbsim {
namespace {

constexpr Sectors kBlock{8};

SectorStates::Block block_of(const SectorStates& states) {
  SectorStates::Block found;
  int blocks = 0;
  states.for_each_written([&](const SectorStates::Block& block, Bytes) {
    found = block;
    ++blocks;
  });
  CHECK(blocks == 1);
  return found;
}

struct OneBlock {
  SectorStates states{Sectors(1 << 20), kBlock};
  void write(std::uint64_t stamp) { states.wrote(Sectors(64), kBlock, 0, stamp); }
  void move(DataPlace from, DataPlace to) { states.moved(Sectors(64), kBlock, from, to); }
  std::uint64_t at_risk() { return block_of(states).at_risk(); }
};

TEST_CASE("data is at risk until it is on the medium", "[device]") {
  OneBlock b;
  b.write(7);
  CHECK(b.at_risk() == 7);
  b.move(DataPlace::kMemory, DataPlace::kInFlight);
  CHECK(b.at_risk() == 7);
  CHECK(b.states.in(DataPlace::kMemory) == Bytes(0));
  CHECK(b.states.in(DataPlace::kInFlight) == Bytes(4096));
  b.move(DataPlace::kInFlight, DataPlace::kVolatileCache);
  CHECK(b.at_risk() == 7);
  b.move(DataPlace::kVolatileCache, DataPlace::kMedium);
  CHECK(b.at_risk() == 0);
  CHECK(b.states.in(DataPlace::kVolatileCache) == Bytes(0));
}

TEST_CASE("a block may be dirty again while its older data is on its way", "[device]") {
  OneBlock b;
  b.write(1);
  b.move(DataPlace::kMemory, DataPlace::kInFlight);
  b.write(2);
  b.write(3);
  CHECK(b.at_risk() == 1);
  b.move(DataPlace::kInFlight, DataPlace::kMedium);
  CHECK(b.at_risk() == 2);  // the first one since
  b.move(DataPlace::kMemory, DataPlace::kInFlight);
  b.move(DataPlace::kInFlight, DataPlace::kMedium);
  CHECK(b.at_risk() == 0);
}

TEST_CASE("what goes past the cache is newer than what is in it", "[device]") {
  OneBlock b;
  b.write(1);
  b.move(DataPlace::kMemory, DataPlace::kInFlight);
  b.move(DataPlace::kInFlight, DataPlace::kVolatileCache);
  b.write(2);
  b.move(DataPlace::kMemory, DataPlace::kInFlight);
  b.move(DataPlace::kInFlight, DataPlace::kMedium);  // FUA
  CHECK(b.at_risk() == 0);
}

TEST_CASE("what a failed command carried is lost until it is written again", "[device]") {
  OneBlock b;
  b.write(1);
  b.move(DataPlace::kMemory, DataPlace::kInFlight);
  b.move(DataPlace::kInFlight, DataPlace::kLost);
  CHECK(b.at_risk() == 0);
  CHECK(block_of(b.states).at(DataPlace::kLost) == 1);
  b.write(2);
  b.move(DataPlace::kMemory, DataPlace::kInFlight);
  b.move(DataPlace::kInFlight, DataPlace::kMedium);
  CHECK(block_of(b.states).at(DataPlace::kLost) == 0);
}

TEST_CASE("metadata that nobody wrote through write(2) is not counted", "[device]") {
  SectorStates states(Sectors(1 << 20), kBlock);
  states.moved(Sectors(0), Sectors(800), DataPlace::kMemory, DataPlace::kInFlight);
  states.moved(Sectors(0), Sectors(800), DataPlace::kInFlight, DataPlace::kVolatileCache);
  CHECK(states.in(DataPlace::kVolatileCache) == Bytes(0));
}

TEST_CASE("a write counts for each block it touches", "[device]") {
  SectorStates by_page(Sectors(1 << 20), kBlock);
  by_page.wrote(Sectors(12), Sectors(8), 0, 1);
  CHECK(by_page.in(DataPlace::kMemory) == Bytes(8192));
  SectorStates by_sector(Sectors(1 << 20), Sectors(1));
  by_sector.wrote(Sectors(12), Sectors(8), 0, 1);
  CHECK(by_sector.in(DataPlace::kMemory) == Bytes(4096));
}

}  // namespace
}  // namespace wbsim
