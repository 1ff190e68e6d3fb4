#include <catch2/catch.hpp>

#include "models/device/fixed.hpp"

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
std::int64_t serve(FixedDisk& disk, std::int64_t sector, std::int64_t sectors) {
  DeviceRequest rq;
  rq.sector = Sectors(sector);
  rq.sectors = Sectors(sectors);
  return disk.serve(rq, TimePoint{}).count();
}

TEST_CASE("service times of the recorded disk", "[device]") {
  FixedDisk disk(recorded_disk(50'000'000, false));
  CHECK(serve(disk, 80, 96) == 1'033'040);
  CHECK(serve(disk, 184, 1024) == 10'535'760);
  CHECK(disk.head() == Sectors(1208));
  CHECK(serve(disk, 0, 2) == 70'480);
}

TEST_CASE("service times of the recorded disk with a cost of seeking", "[device]") {
  FixedDisk disk(recorded_disk(50'000'000, true));
  serve(disk, 12320888, 8);
  CHECK(serve(disk, 80, 96) == 12'866'403);
  CHECK(serve(disk, 184, 1024) == 10'535'760);  // 8 sectors on: near
  serve(disk, 25352, 96);
  CHECK(serve(disk, 1049816, 96) == 5'684'315);
}

TEST_CASE("reads may have a rate of their own", "[device]") {
  DeviceConfig config = recorded_disk(50'000'000, false);
  config.fixed.read_bytes_per_s = 100'000'000;
  FixedDisk disk(config);
  CHECK(serve(disk, 0, 1024) == 10'535'760);
  DeviceRequest read;
  read.sector = Sectors(1024);
  read.sectors = Sectors(1024);
  read.op = BioOp::kRead;
  CHECK(disk.serve(read, TimePoint{}) == Duration(5'292'880));
}

TEST_CASE("a seek is anything but 0 to near_sectors ahead", "[device]") {
  FixedDisk disk(recorded_disk(50'000'000, true));
  serve(disk, 1000, 8);
  CHECK_FALSE(disk.is_seek(Sectors(1008)));
  CHECK_FALSE(disk.is_seek(Sectors(1136)));
  CHECK(disk.is_seek(Sectors(1137)));
  CHECK(disk.is_seek(Sectors(1007)));
}

TEST_CASE("the first seek is from where the head stood", "[device]") {
  DeviceConfig config = recorded_disk(50'000'000, true);
  config.fixed.head_at_start = Sectors(1008);
  const FixedDisk disk(config);
  CHECK_FALSE(disk.is_seek(Sectors(1136)));
  CHECK(disk.is_seek(Sectors(0)));
}

// Recorded with null_blk on 6.1: three requests of 256 KiB a tick, 39.4 MB/s of 50, as a fourth one
// is 26 bytes too long.
TEST_CASE("null_blk's mbps loses what a tick leaves", "[device]") {
  DeviceConfig config = recorded_disk(1'000'000'000'000, false);
  config.fixed.overhead = Duration(0);
  config.fixed.mbps = 50;
  FixedDisk disk(config);
  TimePoint now{std::chrono::seconds(1)};
  const auto serve_at = [&](TimePoint when, std::int64_t sectors) {
    DeviceRequest rq;
    rq.sectors = Sectors(sectors);
    return disk.serve(rq, when).count() / 1'000'000;
  };
  for (int i = 0; i < 3; ++i)
    CHECK(serve_at(now, 512) == 0);
  CHECK(serve_at(now, 512) == 20);
  now += std::chrono::milliseconds(20);
  CHECK(serve_at(now, 1024) == 0);
  CHECK(serve_at(now + std::chrono::milliseconds(5), 1024) == 15);
  // Nobody comes in a whole tick: the next ones begin with the next request.
  now += std::chrono::milliseconds(107);
  CHECK(serve_at(now, 1536) == 0);
  CHECK(serve_at(now + std::chrono::milliseconds(19), 1536) == 1);
}

TEST_CASE("a request beyond the capacity is refused", "[device]") {
  FixedDisk disk(recorded_disk(50'000'000, false));
  CHECK_THROWS(serve(disk, disk.capacity().count() - 4, 8));
}

TEST_CASE("an unknown device model is refused", "[device]") {
  DeviceConfig config;
  config.model = "floppy";
  CHECK_THROWS_AS(make_device(config), std::invalid_argument);
}

}  // namespace
}  // namespace wbsim
