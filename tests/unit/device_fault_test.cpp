#include <catch2/catch.hpp>

#include "models/device/fault_plan.hpp"
#include "tests/support/device_harness.hpp"

namespace wbsim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

FaultConfig fault(FaultKind kind, Duration start, std::optional<Duration> duration) {
  FaultConfig f;
  f.kind = kind;
  f.start = start;
  f.duration = duration;
  return f;
}

DeviceRequest command(BioOp op, std::int64_t sector = 0) {
  DeviceRequest rq;
  rq.op = op;
  rq.sector = Sectors(sector);
  rq.sectors = Sectors(8);
  return rq;
}

FaultPlan plan(std::vector<FaultConfig> faults) {
  return FaultPlan(faults, TimePoint(seconds(1)), RandomStream(1, "faults"));
}

TimePoint at(Duration d) {
  return TimePoint(seconds(1) + d);
}

TEST_CASE("a slow period stretches the part of a service that lies in it", "[device]") {
  FaultConfig slow = fault(FaultKind::kSlow, milliseconds(10), milliseconds(20));
  slow.factor = 4;
  const FaultPlan p = plan({slow});
  const DeviceRequest rq = command(BioOp::kWrite);
  CHECK(p.end_of(rq, at(milliseconds(0)), milliseconds(10)) == at(milliseconds(10)));
  CHECK(p.end_of(rq, at(milliseconds(10)), milliseconds(2)) == at(milliseconds(18)));
  CHECK(p.end_of(rq, at(milliseconds(5)), milliseconds(6)) == at(milliseconds(14)));
  // 5 ms before, 20 ms for 5 ms of work inside, 2 ms after.
  CHECK(p.end_of(rq, at(milliseconds(5)), milliseconds(12)) == at(milliseconds(32)));
}

TEST_CASE("a hang stops a service for its time", "[device]") {
  const FaultPlan p = plan({fault(FaultKind::kHang, milliseconds(10), milliseconds(500))});
  const DeviceRequest rq = command(BioOp::kRead);
  CHECK(p.end_of(rq, at(milliseconds(8)), milliseconds(4)) == at(milliseconds(512)));
  CHECK(p.end_of(rq, at(milliseconds(100)), milliseconds(1)) == at(milliseconds(511)));
}

TEST_CASE("after its removal a device fails everything at once", "[device]") {
  FaultPlan p = plan({fault(FaultKind::kRemove, milliseconds(10), std::nullopt)});
  const DeviceRequest rq = command(BioOp::kRead);
  CHECK(p.end_of(rq, at(milliseconds(8)), milliseconds(4)) == at(milliseconds(10)));
  CHECK(p.end_of(rq, at(milliseconds(50)), milliseconds(4)) == at(milliseconds(50)));
  CHECK(p.fails(rq, at(milliseconds(10))));
  CHECK_FALSE(p.fails(rq, at(milliseconds(9))));
}

TEST_CASE("errors hit by direction, place, time and probability", "[device]") {
  FaultConfig bad = fault(FaultKind::kError, milliseconds(10), milliseconds(10));
  bad.op = FaultOp::kWrite;
  bad.offset = Bytes(8192);
  bad.size = Bytes(4096);
  FaultPlan p = plan({bad});
  CHECK(p.fails(command(BioOp::kWrite, 16), at(milliseconds(15))));
  CHECK(p.fails(command(BioOp::kWrite, 23), at(milliseconds(15))));
  CHECK_FALSE(p.fails(command(BioOp::kWrite, 8), at(milliseconds(15))));
  CHECK_FALSE(p.fails(command(BioOp::kWrite, 24), at(milliseconds(15))));
  CHECK_FALSE(p.fails(command(BioOp::kRead, 16), at(milliseconds(15))));
  CHECK_FALSE(p.fails(command(BioOp::kWrite, 16), at(milliseconds(20))));
  FaultConfig rare = fault(FaultKind::kError, seconds(0), std::nullopt);
  rare.probability = 0.2;
  FaultPlan dice = plan({rare});
  int failed = 0;
  for (int i = 0; i < 10'000; ++i)
    failed += dice.fails(command(BioOp::kRead), at(milliseconds(1))) ? 1 : 0;
  CHECK(failed == Approx(2000).margin(150));
}

TEST_CASE("every model fails, slows down and comes to an end when it is removed", "[device]") {
  for (const std::string_view model : device_models()) {
    DeviceConfig config;
    config.model = std::string(model);
    config.name = "d";
    config.array.members.resize(3);
    FaultConfig bad = fault(FaultKind::kError, seconds(0), seconds(1));
    DeviceHarness h(make_device(config));
    h.device->arm_faults({bad, fault(FaultKind::kRemove, seconds(3), std::nullopt)}, TimePoint{});
    h.keep = true;
    RandomStream random(1, "places");
    const auto next = [&] {
      return DeviceHarness::Shape{Sectors(static_cast<std::int64_t>(random() % 100'000) * 8),
                                  Sectors(8), random() % 2 ? BioOp::kRead : BioOp::kWrite};
    };
    INFO(model);
    h.open(milliseconds(20), 400, next);
    CHECK(h.done.size() == 400);
    for (const DeviceHarness::Done& d : h.done) {
      const TimePoint end = d.completed;
      if (end < TimePoint(milliseconds(999)) || end > TimePoint(milliseconds(3100)))
        CHECK(d.rq.failed);
      if (end > TimePoint(milliseconds(1500)) && end < TimePoint(milliseconds(2999)))
        CHECK_FALSE(d.rq.failed);
    }
  }
}

}  // namespace
}  // namespace wbsim
