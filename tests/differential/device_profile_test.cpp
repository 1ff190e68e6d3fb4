// The shipped device profiles against the figures that are published for these devices.
#include <boost/random/uniform_int_distribution.hpp>
#include <catch2/catch.hpp>

#include "app/scenario_load.hpp"
#include "models/device/hdd.hpp"
#include "tests/support/device_harness.hpp"

namespace wbsim {
namespace {

DeviceConfig profile(const std::string& name, const std::string& more = "") {
  const std::string text =
      R"({"schema": "wbsim-scenario/1", "name": "n", "description": "d", "source": "s",
          "devices": [{"name": "d0", "profile": ")" +
      name + "\"" + more + R"(}],
          "workloads": [{"name": "w", "rw": "sync"}]})";
  return load_scenario(WBSIM_SOURCE_DIR "/scenarios/none.json", text, {}).file.scenario.devices[0];
}

// 4 KiB commands at random places.
struct RandomBlocks {
  Sectors capacity;
  BioOp op;
  RandomStream random{5, "places"};
  DeviceHarness::Shape operator()() {
    boost::random::uniform_int_distribution<std::int64_t> block(0, capacity.count() / 8 - 1);
    return {Sectors(block(random) * 8), Sectors(8), op};
  }
};

double random_iops(const DeviceConfig& config, BioOp op, int depth, std::int64_t count) {
  DeviceHarness harness(make_device(config));
  RandomBlocks blocks{harness.device->capacity(), op};
  return harness.closed(depth, count, std::ref(blocks));
}

// Bytes a second of commands in a row, from this sector on.
double sequential(const DeviceConfig& config, BioOp op, Sectors from, std::int64_t total_sectors,
                  int depth = 1) {
  DeviceHarness harness(make_device(config));
  constexpr std::int64_t kCommand = 1024;
  Sectors next = from;
  const double rate = harness.closed(depth, total_sectors / kCommand, [&] {
    const DeviceHarness::Shape shape{next, Sectors(kCommand), op};
    next += Sectors(kCommand);
    return shape;
  });
  return rate * kCommand * static_cast<double>(kSectorSize);
}

struct Point {
  const char* name;
  BioOp op;
  int depth;
  double iops;
};

TEST_CASE("flash drives: random commands a second at the published depths", "[device]") {
  for (const Point& p :
       {Point{"850-pro", BioOp::kRead, 1, 10e3}, Point{"850-pro", BioOp::kRead, 32, 100e3},
        Point{"850-pro", BioOp::kWrite, 1, 36e3}, Point{"850-pro", BioOp::kWrite, 32, 90e3},
        Point{"s3700", BioOp::kRead, 1, 6.6e3}, Point{"s3700", BioOp::kRead, 8, 58.4e3},
        Point{"s3700", BioOp::kRead, 32, 75e3}, Point{"s3700", BioOp::kWrite, 32, 36e3},
        Point{"p3700", BioOp::kRead, 1, 12.8e3}, Point{"p3700", BioOp::kRead, 16, 167.2e3},
        Point{"p3700", BioOp::kRead, 256, 460e3}, Point{"p3700", BioOp::kWrite, 64, 175e3},
        Point{"p4800x", BioOp::kRead, 1, 108.3e3}, Point{"p4800x", BioOp::kRead, 16, 584.8e3},
        Point{"p4800x", BioOp::kWrite, 16, 500e3}}) {
    INFO(p.name << (p.op == BioOp::kRead ? " read" : " write") << " at depth " << p.depth);
    CHECK(random_iops(profile(p.name), p.op, p.depth, 100'000) == Approx(p.iops).epsilon(0.05));
  }
}

TEST_CASE("flash drives: sequential rates", "[device]") {
  const std::int64_t gib = std::int64_t{1} << 21;  // sectors
  const auto read = [&](const char* name) {
    return sequential(profile(name), BioOp::kRead, Sectors(0), gib, 32) * 1e-6;
  };
  const auto written = [&](const char* name) {
    return sequential(profile(name), BioOp::kWrite, Sectors(0), 4 * gib, 32) * 1e-6;
  };
  CHECK(read("850-pro") == Approx(550).epsilon(0.05));
  CHECK(written("850-pro") == Approx(520).epsilon(0.05));
  CHECK(read("p3700") == Approx(2800).epsilon(0.05));
  CHECK(written("p3700") == Approx(2000).epsilon(0.05));
}

TEST_CASE("hard disks: mean time of a random 4 KiB write without cache and queue", "[device]") {
  const std::string bare = R"(, "drive_cache": "0B", "driver_depth": 1, "overhead": "0s")";
  CHECK(1e3 / random_iops(profile("hp-97560"), BioOp::kWrite, 1, 40'000) ==
        Approx(24.19).epsilon(0.01));
  CHECK(1e3 / random_iops(profile("sata-7200", bare), BioOp::kRead, 1, 40'000) ==
        Approx(12.694).epsilon(0.01));
  const std::string one = R"(, "drive_cache": "0B", "driver_depth": 1)";
  const double cheetah = 1e3 / random_iops(profile("cheetah-9lp", one), BioOp::kRead, 1, 40'000);
  CHECK(cheetah == Approx(0.3 + 5.44 + 0.5 * 60e3 / 10045 + 8.0 / 210 * 5.973).epsilon(0.03));
}

TEST_CASE("hard disks: media and sustained rates of the first and the last zone", "[device]") {
  const auto rates = [](const char* name, bool inner) {
    const DeviceConfig config = profile(name);
    const HardDisk disk(config);
    const Sectors at = inner ? disk.capacity() - Sectors(8) : Sectors(0);
    return disk.geometry().sustained_bytes_per_s(at) * 1e-6;
  };
  CHECK(rates("cheetah-9lp", false) == Approx(15.76).epsilon(0.01));
  CHECK(rates("cheetah-9lp", true) == Approx(9.37).epsilon(0.01));
  CHECK(rates("barracuda", false) == Approx(9.53).epsilon(0.01));
  CHECK(rates("sata-7200", false) == Approx(150).epsilon(0.01));
  CHECK(rates("sata-4tb", false) == Approx(175).epsilon(0.01));
  CHECK(rates("sata-4tb", true) == Approx(83).epsilon(0.01));
}

TEST_CASE("hard disks: a sequential read runs at the sustained rate of its zone", "[device]") {
  for (const char* name : {"cheetah-9lp", "sata-7200", "sata-4tb"}) {
    DeviceConfig config = profile(name);
    config.hdd.overhead = Duration(0);
    const HardDisk disk(config);
    const double media = disk.geometry().sustained_bytes_per_s(Sectors(0));
    const double rate = sequential(config, BioOp::kRead, Sectors(0), 300'000);
    INFO(name);
    CHECK(rate == Approx(media).epsilon(0.01));
  }
}

TEST_CASE("hard disks: a queue of 32 serves random reads half again as fast", "[device]") {
  const double one = random_iops(profile("sata-7200"), BioOp::kRead, 1, 20'000);
  const double deep = random_iops(profile("sata-7200"), BioOp::kRead, 32, 20'000);
  CHECK(one == Approx(78.8).epsilon(0.02));
  CHECK(deep > 1.5 * one);
  CHECK(deep < 4 * one);
}

TEST_CASE("a usb stick writes in a row at its rate, at random a few times a second", "[device]") {
  const DeviceConfig stick = profile("usb-stick");
  CHECK(sequential(stick, BioOp::kWrite, Sectors(0), 1'000'000) * 1e-6 == Approx(10).epsilon(0.1));
  CHECK(random_iops(stick, BioOp::kWrite, 1, 2'000) == Approx(19.6).epsilon(0.05));
}

}  // namespace
}  // namespace wbsim
