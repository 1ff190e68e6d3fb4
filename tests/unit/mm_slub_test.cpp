// Which slabs of bios are new: the first request after one has ended comes 127 us sooner in E1 of
// 6.1 than those behind it (0.1754 s: 1081 us after the work began, the next 1178 us later).
#include <catch2/catch.hpp>

#include "models/mm/slub.hpp"

namespace wbsim {
namespace {

constexpr int kBiosASlab = 16;
constexpr int kBios = 320;  // of a request

std::vector<Slub::SlabId> request(Slub& bios) {
  std::vector<Slub::SlabId> slabs;
  for (int i = 0; i < kBios; ++i)
    slabs.push_back(bios.allocate());
  return slabs;
}

void end(Slub& bios, const std::vector<Slub::SlabId>& slabs) {
  for (const Slub::SlabId slab : slabs)
    bios.free(slab);
}

TEST_CASE("of a request's 20 slabs 11 stay when it ends", "[mm]") {
  Slub bios(kBiosASlab, 7);
  const auto first = request(bios);
  const auto second = request(bios);
  CHECK(bios.slabs() == 40);
  end(bios, first);
  // Two times 7 go from the processor to the node, which keeps 5; the last 6 stay.
  CHECK(bios.slabs() == 40 - 9);
  request(bios);
  CHECK(bios.slabs() == 40);
  end(bios, second);
  CHECK(bios.slabs() == 40 - 9);
}

TEST_CASE("what ends meanwhile adds nothing to what is kept", "[mm]") {
  Slub bios(kBiosASlab, 7);
  std::vector<std::vector<Slub::SlabId>> under_way;
  for (int i = 0; i < 4; ++i)
    under_way.push_back(request(bios));
  for (const auto& slabs : under_way)
    end(bios, slabs);
  // The 80th slab is the one that objects are taken from. Of the others the node keeps 5, and the
  // processor those since it had 7 the last time, 11 times 7.
  CHECK(bios.slabs() == 1 + 5 + 2);
}

TEST_CASE("an object comes from the slab in use while that has room", "[mm]") {
  Slub bios(kBiosASlab, 7);
  const Slub::SlabId slab = bios.allocate();
  for (int i = 0; i < 100; ++i) {
    CHECK(bios.allocate() == slab);
    bios.free(slab);
  }
  CHECK(bios.slabs() == 1);
}

TEST_CASE("a slab with a free object is filled before there is a new one", "[mm]") {
  Slub bios(kBiosASlab, 7);
  const auto slabs = request(bios);
  for (const int i : {0, 17, 200, 255})
    bios.free(slabs[static_cast<std::size_t>(i)]);
  for (int i = 0; i < 4; ++i)
    bios.allocate();
  CHECK(bios.slabs() == kBios / kBiosASlab);
  bios.allocate();
  CHECK(bios.slabs() == kBios / kBiosASlab + 1);
}

}  // namespace
}  // namespace wbsim
