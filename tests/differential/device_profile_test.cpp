// The shipped device profiles against the figures that are published for these devices.
#include <boost/random/uniform_int_distribution.hpp>
#include <catch2/catch.hpp>
#include <utility>
#include <vector>

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

TEST_CASE("hard disks: mean time of a random 4 KiB command without cache and queue", "[device]") {
  const std::string bare = R"(, "drive_cache": "0B", "driver_depth": 1, "overhead": "0s")";
  CHECK(1e3 / random_iops(profile("hp-97560"), BioOp::kWrite, 1, 40'000) ==
        Approx(24.19).epsilon(0.01));
  CHECK(1e3 / random_iops(profile("sata-7200", bare), BioOp::kRead, 1, 40'000) ==
        Approx(12.694).epsilon(0.01));
  struct Drive {
    const char* name;
    double seek, rpm, sectors_per_track;  // the mean seek in ms
  };
  const std::string one = R"(, "overhead": "0s", "driver_depth": 1)";
  for (const Drive& drive :
       {Drive{"cheetah-9lp", 5.44, 10045, 210}, Drive{"cheetah-4lp", 7.97, 10033, 169},
        Drive{"barracuda", 9.19, 7200, 165}, Drive{"atlas-10k", 5.61, 10025, 297}}) {
    const double turn = 60e3 / drive.rpm;
    const double ms = 1e3 / random_iops(profile(drive.name, one), BioOp::kRead, 1, 40'000);
    INFO(drive.name);
    CHECK(ms == Approx(drive.seek + 0.5 * turn + 8 / drive.sectors_per_track * turn).epsilon(0.03));
  }
}

// Of the track at this sector, and with the skew to the next one: bytes a second.
struct TrackRates {
  double media, with_skew;
};
TrackRates track_rates(const HardDisk& disk, Sectors at, std::int64_t per_track) {
  const auto seconds = [&](Sectors start, std::int64_t n) {
    return disk.geometry().transfer_ns(start, Sectors(n)) * 1e-9;
  };
  const double bytes = static_cast<double>(per_track * kSectorSize);
  return {bytes / seconds(at, per_track), bytes / (seconds(at, per_track + 1) - seconds(at, 1))};
}

TEST_CASE("hard disks: media rates of the first and the last zone, and with one skew a track",
          "[device]") {
  struct Row {
    const char* name;
    bool inner;
    double media, with_skew;  // MB/s; 0: not published
  };
  for (const Row& row :
       {Row{"cheetah-9lp", false, 21.77, 15.76}, Row{"cheetah-9lp", true, 14.31, 9.37},
        Row{"atlas-10k", false, 28.57, 24.04}, Row{"barracuda", false, 11.43, 9.53},
        Row{"cheetah-4lp", false, 16.69, 15.00}, Row{"hp-c2249a", false, 4.42, 0}}) {
    const DeviceConfig config = profile(row.name);
    const HardDisk disk(config);
    const std::vector<HddZone>& zones = config.hdd.zones;
    const HddZone& zone = row.inner ? zones.back() : zones.front();
    Sectors start;
    for (const HddZone* z = zones.data(); z != &zone; ++z)
      start += Sectors(z->cylinders * z->sectors_per_track * config.hdd.heads);
    const TrackRates rates = track_rates(disk, start, zone.sectors_per_track);
    INFO(row.name << (row.inner ? ", inner zone" : ", outer zone"));
    CHECK(rates.media * 1e-6 == Approx(row.media).epsilon(0.01));
    if (row.with_skew > 0)
      CHECK(rates.with_skew * 1e-6 == Approx(row.with_skew).epsilon(0.01));
  }
}

TEST_CASE("hard disks: sustained rates of the first and the last sector", "[device]") {
  const auto rates = [](const char* name, bool inner) {
    const DeviceConfig config = profile(name);
    const HardDisk disk(config);
    const Sectors at = inner ? disk.capacity() - Sectors(8) : Sectors(0);
    return disk.geometry().sustained_bytes_per_s(at) * 1e-6;
  };
  CHECK(rates("sata-7200", false) == Approx(150).epsilon(0.01));
  CHECK(rates("sata-4tb", false) == Approx(175).epsilon(0.01));
  CHECK(rates("sata-4tb", true) == Approx(83).epsilon(0.01));
}

TEST_CASE("hard disks: seek times and their mean over random pairs of cylinders", "[device]") {
  struct Drive {
    const char* name;
    std::vector<std::pair<int, double>> seeks;  // cylinders, ms
    double mean;                                // ms
  };
  for (const Drive& drive : {Drive{"hp-97560",
                                   {{1, 3.640},
                                    {4, 4.040},
                                    {100, 7.240},
                                    {383, 11.068},
                                    {384, 11.072},
                                    {1000, 16.000},
                                    {1961, 23.688}},
                                   12.83},
                             Drive{"hp-c2249a",
                                   {{1, 2.89},
                                    {2, 3.68},
                                    {3, 3.81},
                                    {4, 3.98},
                                    {5, 4.27},
                                    {6, 4.65},
                                    {299, 9.516},
                                    {300, 9.520},
                                    {2050, 19.845}},
                                   0},
                             Drive{"cheetah-9lp",
                                   {{1, 0.83},
                                    {10, 1.45},
                                    {100, 2.15},
                                    {400, 3.05},
                                    {1000, 4.12},
                                    {2000, 5.28},
                                    {3000, 6.35},
                                    {5000, 8.49},
                                    {6894, 10.63}},
                                   5.44},
                             Drive{"cheetah-4lp",
                                   {{1, 0.64},
                                    {100, 2.71},
                                    {400, 4.14},
                                    {1000, 5.84},
                                    {2000, 7.79},
                                    {3000, 9.73},
                                    {5000, 13.24},
                                    {6580, 16.11}},
                                   7.97},
                             Drive{"barracuda",
                                   {{1, 1.94},
                                    {100, 4.16},
                                    {400, 5.71},
                                    {1000, 8.11},
                                    {2000, 10.09},
                                    {3000, 12.47},
                                    {4986, 16.68}},
                                   9.19},
                             Drive{"atlas-10k",
                                   {{1, 1.25},
                                    {100, 2.01},
                                    {400, 3.15},
                                    {1000, 3.82},
                                    {2000, 4.84},
                                    {3000, 5.64},
                                    {5000, 6.81},
                                    {10021, 10.83}},
                                   5.61}}) {
    INFO(drive.name);
    const HardDisk disk(profile(drive.name));
    const auto ms = [&](std::int64_t d) {
      return static_cast<double>(disk.seek_time(d).count()) * 1e-6;
    };
    for (const auto& [cylinders, time] : drive.seeks)
      CHECK(ms(cylinders) == Approx(time).margin(0.001));
    const std::int64_t n = disk.geometry().cylinders();
    double sum = 0;
    for (std::int64_t d = 1; d < n; ++d)
      sum += 2.0 * static_cast<double>(n - d) * ms(d);
    if (drive.mean > 0)
      CHECK(sum / static_cast<double>(n * n) == Approx(drive.mean).epsilon(0.01));
  }
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
