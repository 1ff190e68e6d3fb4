#include <catch2/catch.hpp>
#include <cmath>
#include <tuple>

#include "models/device/hdd.hpp"
#include "sim/random.hpp"

namespace wbsim {
namespace {

DeviceConfig hp97560() {
  DeviceConfig config;
  config.model = "hdd";
  config.capacity = Bytes(std::int64_t{1962} * 19 * 72 * 512);
  config.hdd.rpm = 4002;
  config.hdd.heads = 19;
  config.hdd.zones = {{1962, 72, 8, 18}};
  config.hdd.overhead = std::chrono::microseconds(2200);
  config.hdd.head_switch = std::chrono::microseconds(1600);
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

Duration serve(HardDisk& disk, std::int64_t sector, TimePoint now, BioOp op = BioOp::kRead) {
  DeviceRequest rq;
  rq.op = op;
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
  CHECK(disk.geometry().transfer_ns(Sectors(0), Sectors(1)) * 1e-6 == Approx(0.20823).margin(1e-5));
  CHECK(disk.geometry().transfer_ns(Sectors(0), Sectors(8)) * 1e-6 == Approx(1.6658).margin(1e-4));
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

TEST_CASE("a read that follows on at once does not wait for the platter, a late one does",
          "[device]") {
  HardDisk disk(hp97560());
  const TimePoint start = at_ms(5);
  const Duration first = serve(disk, 1020, start);
  const TimePoint end = start + first;
  HardDisk late(hp97560());
  CHECK(serve(late, 1020, start) == first);
  CHECK(ms(serve(disk, 1028, end)) == Approx(2.2 + 1.6658).margin(0.001));
  const Duration missed = serve(late, 1028, end + std::chrono::milliseconds(1));
  CHECK(ms(missed) == Approx(ms(late.rotation()) - 1.0 + 1.6658).margin(0.001));
}

TEST_CASE("a write in a row loses a revolution without cache and queue", "[device]") {
  const TimePoint start = at_ms(5);
  for (const bool queued : {false, true}) {
    DeviceConfig config = hp97560();
    config.driver_depth = queued ? 2 : 1;
    HardDisk disk(config);
    const TimePoint end = start + serve(disk, 1020, start, BioOp::kWrite);
    const double on = ms(serve(disk, 1028, end, BioOp::kWrite));
    CHECK(on == Approx(queued ? 2.2 + 1.6658 : ms(disk.rotation()) + 1.6658).margin(0.001));
  }
}

TEST_CASE("the drive reads on after a read, as far as its buffer goes", "[device]") {
  DeviceConfig config = hp97560();
  config.hdd.read_ahead = Bytes(8 * 512);
  config.hdd.link_bytes_per_s = 4'096'000;  // 8 sectors take 1 ms
  HardDisk disk(config);
  const TimePoint end = at_ms(5) + serve(disk, 1000, at_ms(5));
  const TimePoint later = end + std::chrono::milliseconds(5);
  CHECK(ms(serve(disk, 1008, later)) == Approx(2.2 + 1.0).margin(0.001));
}

TEST_CASE("a small gap is passed at the media rate", "[device]") {
  HardDisk disk(hp97560());
  const TimePoint end = at_ms(5) + serve(disk, 1080, at_ms(5));
  CHECK(ms(serve(disk, 1096, end)) == Approx(2.2 + 2 * 1.6658).margin(0.001));
}

TEST_CASE("the end of a track and of a cylinder cost their skews", "[device]") {
  const HardDisk disk(hp97560());
  const double sector = ms(disk.rotation()) / 72;
  const auto transfer = [&](std::int64_t start, std::int64_t n) {
    return disk.geometry().transfer_ns(Sectors(start), Sectors(n)) * 1e-6;
  };
  CHECK(transfer(0, 72) == Approx(72 * sector));
  CHECK(transfer(0, 73) == Approx((73 + 8) * sector));
  CHECK(transfer(71, 2) == Approx((2 + 8) * sector));
  CHECK(transfer(0, 19 * 72 + 1) == Approx((19 * 72 + 1 + 18 * 8 + 18) * sector));
  // Where the next track begins, the head arrives when the skew has passed.
  CHECK(disk.geometry().place_of(Sectors(72)).angle == Approx(8.0 / 72));
  CHECK(disk.geometry().place_of(Sectors(19 * 72)).angle == Approx((18.0 * 8 + 18) / 72 - 2));
}

TEST_CASE("Cheetah 9LP: rates with one skew a track", "[device]") {
  for (const auto& [per_track, skew, media, sustained] :
       {std::tuple{254, 97, 21.77, 15.76}, std::tuple{167, 88, 14.31, 9.37}}) {
    DeviceConfig config = hp97560();
    config.hdd.rpm = 10045;
    config.hdd.zones = {{1962, per_track, skew, skew}};
    const HardDisk disk(config);
    const double track_s = disk.geometry().transfer_ns(Sectors(0), Sectors(per_track)) * 1e-9;
    CHECK(per_track * 512 / track_s * 1e-6 == Approx(media).epsilon(0.001));
    CHECK(disk.geometry().sustained_bytes_per_s(Sectors(0)) * 1e-6 ==
          Approx(sustained).epsilon(0.002));
  }
}

TEST_CASE("zones derived from the rates have them at both ends", "[device]") {
  DeviceConfig config;
  config.model = "hdd";
  config.capacity = Bytes(500'000'000'000 / 4096 * 4096);
  config.hdd.head_switch = std::chrono::microseconds(800);
  const HardDisk disk(config);  // 150 to 75 MB/s, 7200 rpm
  const DiskGeometry& geometry = disk.geometry();
  CHECK(geometry.sustained_bytes_per_s(Sectors(0)) * 1e-6 == Approx(150.0).epsilon(0.002));
  const Sectors last = disk.capacity() - Sectors(1);
  CHECK(geometry.sustained_bytes_per_s(last) * 1e-6 == Approx(75.0).epsilon(0.002));
  CHECK(geometry.place_of(last).cylinder >= geometry.cylinders() - 16);
  // Two thirds of the radius hold more than two thirds of the bytes.
  CHECK(geometry.place_of(disk.capacity() / 2).cylinder < geometry.cylinders() / 2);
}

TEST_CASE("a measured seek curve is interpolated", "[device]") {
  DeviceConfig config = hp97560();
  config.hdd.seek_table = {{1, 830}, {10, 1450}, {100, 2150}};
  const HardDisk disk(config);
  CHECK(ms(disk.seek_time(0)) == 0);
  CHECK(ms(disk.seek_time(1)) == Approx(0.830));
  CHECK(ms(disk.seek_time(55)) == Approx(1.800));
  CHECK(ms(disk.seek_time(1961)) == Approx(2.150));
}

TEST_CASE("HP 97560: mean random 4 KiB write", "[device]") {
  HardDisk disk(hp97560());
  RandomStream random(1, "sectors");
  TimePoint now{};
  constexpr int kWrites = 20'000;
  for (int i = 0; i < kWrites; ++i) {
    const auto sector = static_cast<std::int64_t>(random() % (disk.capacity().count() / 8)) * 8;
    now += serve(disk, sector, now, BioOp::kWrite);
  }
  CHECK(ms(now.time_since_epoch()) / kWrites == Approx(24.19).margin(0.15));
}

}  // namespace
}  // namespace wbsim
