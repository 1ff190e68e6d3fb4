#include <catch2/catch.hpp>

#include "models/device/flash.hpp"
#include "tests/support/device_harness.hpp"

namespace wbsim {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

DeviceConfig drive(int units, double read_us) {
  DeviceConfig config;
  config.model = "ssd";
  config.driver_depth = 64;
  FlashConfig& f = config.flash;
  f.units = units;
  f.placement = FlashPlacement::kAny;
  f.read_time = Duration(static_cast<std::int64_t>(read_us * 1e3));
  f.link_bytes_per_s = 0;
  f.read_command_time = f.write_command_time = f.command_latency = Duration(0);
  return config;
}

double iops(const DeviceConfig& config, int depth, Duration* latency = nullptr) {
  DeviceHarness h(make_device(config));
  h.keep = latency != nullptr;
  const double rate = h.closed(depth, 20'000, [] {
    return DeviceHarness::Shape{Sectors(0), Sectors(8), BioOp::kRead};
  });
  if (latency) {
    Duration total{};
    for (const DeviceHarness::Done& d : h.done)
      total += d.completed - d.arrived;
    *latency = total / static_cast<std::int64_t>(h.done.size());
  }
  return rate;
}

TEST_CASE("P4800X model: 5 units of 8.9 us", "[device]") {
  Duration latency{};
  CHECK(iops(drive(5, 8.9), 1) == Approx(112.4e3).epsilon(0.001));
  CHECK(iops(drive(5, 8.9), 16, &latency) == Approx(562e3).epsilon(0.001));
  CHECK(static_cast<double>(latency.count()) * 1e-3 == Approx(28.5).epsilon(0.002));
}

TEST_CASE("850 PRO model: 10 units of 100 us", "[device]") {
  Duration latency{};
  CHECK(iops(drive(10, 100), 1) == Approx(10e3).epsilon(0.001));
  CHECK(iops(drive(10, 100), 4) == Approx(40e3).epsilon(0.001));
  CHECK(iops(drive(10, 100), 32, &latency) == Approx(100e3).epsilon(0.005));
  CHECK(static_cast<double>(latency.count()) * 1e-3 == Approx(320).epsilon(0.002));
}

TEST_CASE("1 MiB over a link of 520 MB/s takes 2.016 ms", "[device]") {
  DeviceConfig config = drive(10, 0);
  config.flash.link_bytes_per_s = 520'000'000;
  DeviceHarness h(make_device(config));
  h.keep = true;
  h.arrive({Sectors(0), Sectors(2048), BioOp::kWrite});
  h.sim.run_until(TimePoint::max());
  CHECK(to_seconds(h.done[0].rq.service) * 1e3 == Approx(2.016).epsilon(0.001));
}

TEST_CASE("a full buffer takes writes at the sustained rate; a flush waits for what is in it",
          "[device]") {
  DeviceConfig config = drive(10, 0);
  config.flash.write_buffer = Bytes(10 * 4096);
  config.flash.write_bytes_per_s = 4'096'000;  // a millisecond for 4 KiB
  for (const bool is_protected : {false, true}) {
    config.flash.power_loss_protection = is_protected;
    DeviceHarness h(make_device(config));
    h.keep = true;
    for (int i = 0; i < 20; ++i)
      h.arrive({Sectors(i * 8), Sectors(8), BioOp::kWrite});
    h.arrive({Sectors(0), Sectors(0), BioOp::kFlush});
    h.sim.run_until(TimePoint::max());
    REQUIRE(h.done.size() == 21);
    std::vector<TimePoint> writes;
    for (const DeviceHarness::Done& d : h.done) {
      if (d.rq.op == BioOp::kWrite)
        writes.push_back(d.completed);
      else
        CHECK(d.completed == TimePoint(is_protected ? milliseconds(0) : milliseconds(20)));
    }
    CHECK(writes[9] == TimePoint(milliseconds(0)));
    CHECK(writes[10] == TimePoint(milliseconds(1)));
    CHECK(writes[19] == TimePoint(milliseconds(10)));
  }
}

TEST_CASE("garbage collection stalls writes so often and so long on average", "[device]") {
  DeviceConfig config = drive(4, 0);
  config.flash.write_buffer = Bytes(0);
  config.flash.program_time = microseconds(10);
  config.flash.gc_interval = Bytes(100 * 4096);
  config.flash.gc_stall = milliseconds(2);
  DeviceHarness h(make_device(config));
  const std::int64_t writes = 200'000;
  const double rate = h.closed(1, writes, [] {
    return DeviceHarness::Shape{Sectors(0), Sectors(8), BioOp::kWrite};
  });
  // 10 us each and a hundredth of 2 ms; a stall needs a write that comes after its distance.
  CHECK(1e6 / rate == Approx(10 + 2000.0 / 100.5).epsilon(0.04));
}

TEST_CASE("a large read uses as many units as it has stripes", "[device]") {
  DeviceConfig config = drive(8, 100);
  DeviceHarness h(make_device(config));
  h.keep = true;
  h.arrive({Sectors(0), Sectors(64), BioOp::kRead});
  h.sim.run_until(TimePoint::max());
  CHECK(h.done[0].rq.service == microseconds(100));
}

}  // namespace
}  // namespace wbsim
