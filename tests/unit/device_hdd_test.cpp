#include <catch2/catch.hpp>
#include <cmath>

#include "models/device/hdd.hpp"
#include "sim/random.hpp"

namespace wbsim {
namespace {

DeviceConfig hp97560() {
  DeviceConfig config;
  config.model = "hdd";
  config.capacity = Bytes(std::int64_t{1962} * 19 * 72 * 512);
  config.hdd.rpm = 4002;
  config.hdd.cylinders = 1962;
  config.hdd.overhead = std::chrono::microseconds(2200);
  config.hdd.outer_bytes_per_s = config.hdd.inner_bytes_per_s = 72 * 512 * 4002 / 60;
  config.hdd.seek_a_ms = 3.24, config.hdd.seek_b_ms = 0.400, config.hdd.seek_split = 383;
  config.hdd.seek_c_ms = 8.00, config.hdd.seek_e_ms = 0.008;
  return config;
}

double ms(Duration d) {
  return static_cast<double>(d.count()) * 1e-6;
}
TimePoint at_ms(double time) {
  return TimePoint(Duration(static_cast<std::int64_t>(time * 1e6)));
}

Duration serve(HardDisk& disk, std::int64_t sector, TimePoint now) {
  DeviceRequest rq;
  rq.sector = Sectors(sector);
  rq.sectors = Sectors(8);
  return disk.serve(rq, now);
}

TEST_CASE("HP 97560: seek curve", "[device]") {
  const HardDisk disk(hp97560());
  struct Row {
    int cylinders;
    double time;
  };
  for (const Row& row : {Row{0, 0}, Row{1, 3.640}, Row{4, 4.040}, Row{100, 7.240}, Row{383, 11.068},
                         Row{384, 11.072}, Row{1000, 16.000}, Row{1961, 23.688}})
    CHECK(ms(disk.seek_time(row.cylinders)) == Approx(row.time).margin(0.0005));
  double sum = 0;
  for (int d = 1; d < 1962; ++d)
    sum += 2.0 * (1962 - d) * ms(disk.seek_time(d));
  CHECK(sum / (1962.0 * 1962.0) == Approx(12.83).margin(0.005));
}

TEST_CASE("C2249A: seek curve at the split", "[device]") {
  DeviceConfig config = hp97560();
  config.hdd.seek_a_ms = 3.81, config.hdd.seek_b_ms = 0.33, config.hdd.seek_split = 299;
  config.hdd.seek_c_ms = 7.75, config.hdd.seek_e_ms = 0.0059;
  const HardDisk disk(config);
  CHECK(ms(disk.seek_time(299)) == Approx(9.516).margin(0.0005));
  CHECK(ms(disk.seek_time(300)) == Approx(9.520).margin(0.0005));
  CHECK(ms(disk.seek_time(2050)) == Approx(19.845).margin(0.0005));
}

TEST_CASE("HP 97560: rotation and transfer", "[device]") {
  const HardDisk disk(hp97560());
  CHECK(ms(disk.rotation()) == Approx(14.9925).margin(0.0001));
  const double revolutions = disk.revolutions_to(Sectors(8)) - disk.revolutions_to(Sectors(0));
  CHECK(revolutions * ms(disk.rotation()) == Approx(1.6658).margin(0.0005));
}

TEST_CASE("the platter turns while nobody looks", "[device]") {
  // A read of sector 0 from the same cylinder waits for the rest of the revolution.
  for (const double start : {0.5, 7.0, 14.0, 1000.25}) {
    HardDisk disk(hp97560());
    const double rotation = ms(disk.rotation());
    const double arrival = std::fmod(start + 2.2, rotation);
    const double wait = rotation - arrival;
    const Duration service = serve(disk, 0, at_ms(start));
    CHECK(ms(service) == Approx(2.2 + wait + 1.6658).margin(0.001));
  }
}

TEST_CASE("what follows on at once does not wait for the platter, what comes late does",
          "[device]") {
  HardDisk disk(hp97560());
  const TimePoint start = at_ms(5);
  const Duration first = serve(disk, 1000, start);
  const TimePoint end = start + first;
  HardDisk late(hp97560());
  CHECK(serve(late, 1000, start) == first);
  const Duration follow_on = serve(disk, 1008, end);
  CHECK(ms(follow_on) == Approx(2.2 + 1.6658).margin(0.001));
  const Duration missed = serve(late, 1008, end + std::chrono::milliseconds(1));
  CHECK(ms(missed) == Approx(ms(late.rotation()) - 1.0 + 1.6658).margin(0.001));
}

TEST_CASE("a small gap is passed at the media rate", "[device]") {
  HardDisk disk(hp97560());
  const TimePoint end = at_ms(5) + serve(disk, 1000, at_ms(5));
  const Duration service = serve(disk, 1016, end);
  CHECK(ms(service) == Approx(2.2 + 2 * 1.6658).margin(0.001));
}

TEST_CASE("the media rate falls from the outer to the inner cylinders", "[device]") {
  DeviceConfig config;
  config.model = "hdd";
  config.capacity = Bytes(500'000'000'000);
  const HardDisk disk(config);  // 150 to 75 MB/s, 7200 rpm
  const auto rate_at = [&](Sectors from) {
    const double revolutions =
        disk.revolutions_to(from + Sectors(20'000)) - disk.revolutions_to(from);
    return 20'000 * 512 / (revolutions * ms(disk.rotation()) * 1e-3) * 1e-6;
  };
  CHECK(rate_at(Sectors(0)) == Approx(150.0).epsilon(0.001));
  CHECK(rate_at(disk.capacity() - Sectors(20'000)) == Approx(75.0).epsilon(0.001));
  CHECK(disk.cylinder_of(Sectors(0)) == 0);
  CHECK(disk.cylinder_of(disk.capacity()) == config.hdd.cylinders - 1);
  // Two thirds of the radius hold more than two thirds of the bytes.
  CHECK(disk.cylinder_of(disk.capacity() / 2) < config.hdd.cylinders / 2);
}

TEST_CASE("HP 97560: mean random 4 KiB write", "[device]") {
  HardDisk disk(hp97560());
  RandomStream random(1, "sectors");
  TimePoint now{};
  constexpr int kWrites = 20'000;
  for (int i = 0; i < kWrites; ++i) {
    const auto sector = static_cast<std::int64_t>(random() % (disk.capacity().count() / 8)) * 8;
    now += serve(disk, sector, now);
  }
  CHECK(ms(now.time_since_epoch()) / kWrites == Approx(24.19).margin(0.15));
}

}  // namespace
}  // namespace wbsim
