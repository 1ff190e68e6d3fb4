#include <catch2/catch.hpp>

#include "models/device/raid.hpp"
#include "tests/support/device_harness.hpp"

namespace wbsim {
namespace {

DeviceConfig array_of(const char* model, std::size_t members) {
  DeviceConfig config;
  config.model = model;
  config.name = "md0";
  config.array.chunk = Bytes(65536);  // 128 sectors
  config.array.members.resize(members);
  for (DeviceConfig& member : config.array.members) {
    member.capacity = Bytes(64 << 20);
    member.fixed.overhead = Duration(0);
    member.fixed.bandwidth_bytes_per_s = 512'000'000;  // 1 us a sector
  }
  return config;
}

TEST_CASE("raid0: chunks go to the members in turn, and back", "[device]") {
  const DiskArray array(array_of("raid0", 3));
  CHECK(array.capacity() == Sectors(3 * 131072));
  const auto part = array.first_part(Sectors(4 * 128 + 5), Sectors(1000));
  CHECK(part.member == 1);
  CHECK(part.sector == Sectors(128 + 5));
  CHECK(part.length == Sectors(123));
  for (std::int64_t s = 0; s < 3 * 131072; s += 77) {
    const auto p = array.first_part(Sectors(s), Sectors(1));
    CHECK(array.array_sector(p.member, p.sector) == Sectors(s));
  }
}

TEST_CASE("jbod: one member behind the other", "[device]") {
  DeviceConfig config = array_of("jbod", 2);
  config.array.members[0].capacity = Bytes(1 << 20);
  const DiskArray array(config);
  CHECK(array.capacity() == Sectors(2048 + 131072));
  const auto part = array.first_part(Sectors(2040), Sectors(100));
  CHECK((part.member == 0 && part.sector == Sectors(2040) && part.length == Sectors(8)));
  CHECK(array.first_part(Sectors(2048), Sectors(1)).member == 1);
  CHECK(array.array_sector(1, Sectors(5)) == Sectors(2053));
}

TEST_CASE("raid0: a large command takes as long as its largest part", "[device]") {
  DeviceHarness h(make_device(array_of("raid0", 4)));
  h.keep = true;
  h.arrive({Sectors(0), Sectors(1024), BioOp::kWrite});  // two chunks on each
  h.sim.run_until(TimePoint::max());
  REQUIRE(h.done.size() == 1);
  CHECK(h.done[0].rq.service == std::chrono::microseconds(256));
}

TEST_CASE("raid0: n members serve n times as many small commands", "[device]") {
  const auto rate = [](std::size_t members) {
    DeviceHarness h(make_device(array_of("raid0", members)));
    std::int64_t chunk = 0;
    return h.closed(64, 20'000, [&] {
      return DeviceHarness::Shape{Sectors(chunk++ % 1000 * 128), Sectors(8), BioOp::kRead};
    });
  };
  CHECK(rate(4) == Approx(4 * rate(1)).epsilon(0.01));
}

TEST_CASE("an array reports where its sectors are, not those of its members", "[device]") {
  struct Log final : MediumObserver {
    Sectors durable{};
    void moved(Sectors start, Sectors length, DataPlace, DataPlace to) override {
      CHECK(start >= Sectors(1000));
      CHECK(start + length <= Sectors(2024));
      if (to == DataPlace::kMedium)
        durable += length;
    }
  } log;
  DeviceHarness h(make_device(array_of("raid0", 3)));
  h.device->observe(log);
  h.arrive({Sectors(1000), Sectors(1024), BioOp::kWrite});
  h.sim.run_until(TimePoint::max());
  CHECK(log.durable == Sectors(1024));
}

}  // namespace
}  // namespace wbsim
