#include <catch2/catch.hpp>

#include "models/device/device.hpp"

namespace wbsim {
namespace {

DeviceConfig recorded_disk(std::int64_t bandwidth, bool seeks) {
  DeviceConfig config;
  config.capacity = Bytes(std::int64_t{6144} << 20);
  config.fixed.overhead = std::chrono::microseconds(50);
  config.fixed.bandwidth_bytes_per_s = bandwidth;
  if (seeks) {
    config.fixed.seek_base = std::chrono::milliseconds(4);
    config.fixed.seek_full = std::chrono::milliseconds(8);
  }
  return config;
}

// The recordings show microseconds with two decimals, e.g. 5684.31 for the last one below.
std::int64_t serve(Device& disk, std::int64_t sector, std::int64_t sectors) {
  return disk.serve({Sectors(sector), Sectors(sectors), true}, TimePoint{}).count();
}

TEST_CASE("service times of the recorded disk", "[device]") {
  const auto disk = make_device(recorded_disk(50'000'000, false));
  CHECK(serve(*disk, 80, 96) == 1'033'040);
  CHECK(serve(*disk, 184, 1024) == 10'535'760);
  CHECK(disk->head() == Sectors(1208));
  CHECK(serve(*disk, 0, 2) == 70'480);
}

TEST_CASE("service times of the recorded disk with a cost of seeking", "[device]") {
  const auto disk = make_device(recorded_disk(50'000'000, true));
  disk->serve({Sectors(12320888), Sectors(8), true}, TimePoint{});
  CHECK(serve(*disk, 80, 96) == 12'866'403);
  CHECK(serve(*disk, 184, 1024) == 10'535'760);  // 8 sectors on: near
  disk->serve({Sectors(25352), Sectors(96), true}, TimePoint{});
  CHECK(serve(*disk, 1049816, 96) == 5'684'315);
}

TEST_CASE("a seek is anything but 0 to near_sectors ahead", "[device]") {
  const auto disk = make_device(recorded_disk(50'000'000, true));
  disk->serve({Sectors(1000), Sectors(8), true}, TimePoint{});
  CHECK_FALSE(disk->is_seek(Sectors(1008)));
  CHECK_FALSE(disk->is_seek(Sectors(1136)));
  CHECK(disk->is_seek(Sectors(1137)));
  CHECK(disk->is_seek(Sectors(1007)));
}

TEST_CASE("a request beyond the capacity is refused", "[device]") {
  const auto disk = make_device(recorded_disk(50'000'000, false));
  const DeviceRequest beyond{disk->capacity() - Sectors(4), Sectors(8), true};
  CHECK_THROWS(disk->serve(beyond, TimePoint{}));
}

TEST_CASE("an unknown device model is refused", "[device]") {
  DeviceConfig config;
  config.model = "floppy";
  CHECK_THROWS_AS(make_device(config), std::invalid_argument);
}

}  // namespace
}  // namespace wbsim
