// Write caches of drives: early completion, destaging, FLUSH and FUA; and the data's places.
#include <algorithm>
#include <catch2/catch.hpp>
#include <string>

#include "models/device/hdd.hpp"
#include "models/device/write_cache.hpp"
#include "tests/support/device_harness.hpp"

namespace wbsim {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

struct PlaceLog final : MediumObserver {
  std::string text;
  void moved(Sectors start, Sectors length, DataPlace from, DataPlace to) override {
    const auto letter = [](DataPlace place) { return "MFVDL"[static_cast<int>(place)]; };
    text += std::to_string(start.count()) + "+" + std::to_string(length.count()) + letter(from) +
            letter(to) + " ";
  }
};

DeviceConfig cached_disk(Bytes cache) {
  DeviceConfig config;
  config.model = "hdd";
  config.capacity = Bytes(std::int64_t{1} << 30);
  config.driver_depth = 8;
  config.hdd.overhead = microseconds(100);
  config.hdd.write_cache = cache;
  return config;
}

constexpr DeviceHarness::Shape write_at(std::int64_t sector) {
  return {Sectors(sector), Sectors(8), BioOp::kWrite};
}
constexpr DeviceHarness::Shape kFlush{Sectors(0), Sectors(0), BioOp::kFlush};

TEST_CASE("WriteCache joins what touches and hands it out in order of sectors", "[device]") {
  WriteCache cache(Sectors(100));
  cache.add(Sectors(40), Sectors(8));
  cache.add(Sectors(8), Sectors(8));
  cache.add(Sectors(16), Sectors(8));
  cache.add(Sectors(44), Sectors(8));
  CHECK(cache.size() == Sectors(28));
  CHECK_FALSE(cache.has_room(Sectors(73)));
  std::string gaps;
  cache.for_each_gap({Sectors(0), Sectors(60)}, [&](Sectors start, Sectors length) {
    gaps += std::to_string(start.count()) + "+" + std::to_string(length.count()) + " ";
  });
  CHECK(gaps == "0+8 24+16 52+8 ");
  std::string order;
  cache.for_some(Sectors(30), 5, [&](const WriteCache::Extent& e) {
    order += std::to_string(e.start.count()) + "+" + std::to_string(e.length.count()) + " ";
  });
  CHECK(order == "40+12 8+16 ");
  const WriteCache::Extent first = cache.take(Sectors(40), Sectors(10));
  CHECK((first.start == Sectors(40) && first.length == Sectors(10)));
  CHECK(cache.take(Sectors(50), Sectors(10)).length == Sectors(2));
  CHECK(cache.take(Sectors(8), Sectors(100)).length == Sectors(16));
  CHECK(cache.empty());
}

TEST_CASE("a cached write completes after its overhead, a flush when all is on the medium",
          "[device]") {
  DeviceHarness h(make_device(cached_disk(Bytes(1 << 20))));
  PlaceLog log;
  h.device->observe(log);
  h.keep = true;
  h.arrive(write_at(1000));
  h.arrive(write_at(900'000));
  h.arrive(kFlush);
  h.arrive(write_at(5000));
  h.sim.run_until(TimePoint::max());
  REQUIRE(h.done.size() == 4);
  CHECK(h.done[0].completed == TimePoint(microseconds(100)));
  CHECK(h.done[1].completed == TimePoint(microseconds(200)));
  CHECK(h.done[2].rq.op == BioOp::kFlush);
  CHECK(h.done[2].completed > TimePoint(milliseconds(1)));
  CHECK(h.done[3].completed == h.done[2].completed + microseconds(100));  // it waited
  CHECK(log.text ==
        "1000+8MF 900000+8MF 5000+8MF 1000+8FV 900000+8FV 1000+8VD 900000+8VD "
        "5000+8FV 5000+8VD ");
}

TEST_CASE("FUA goes to the medium, past the cache", "[device]") {
  DeviceHarness h(make_device(cached_disk(Bytes(1 << 20))));
  PlaceLog log;
  h.device->observe(log);
  h.arrive({Sectors(64), Sectors(8), BioOp::kWrite, true});
  h.sim.run_until(TimePoint::max());
  CHECK(log.text == "64+8MF 64+8FD ");
}

TEST_CASE("a full cache takes writes at the rate of the medium", "[device]") {
  const Bytes cache(64 * 4096);
  DeviceHarness h(make_device(cached_disk(cache)));
  RandomStream random(3, "places");
  const double cached = h.closed(
      4, 4000, [&] { return write_at(static_cast<std::int64_t>(random() % 200'000) * 8); });
  DeviceHarness bare(make_device(cached_disk(Bytes(0))));
  const double uncached = bare.closed(
      4, 4000, [&] { return write_at(static_cast<std::int64_t>(random() % 200'000) * 8); });
  CHECK(cached > 1.2 * uncached);  // 64 to sort, not 4
  CHECK(cached < 10 * uncached);
  CHECK(dynamic_cast<HardDisk&>(*h.device).cached() == Sectors(0));
}

TEST_CASE("nothing is passed over for longer than the age limit", "[device]") {
  DeviceConfig config = cached_disk(Bytes(0));
  config.driver_depth = 32;
  config.hdd.age_limit = milliseconds(50);
  DeviceHarness h(make_device(config));
  h.keep = true;
  RandomStream random(3, "places");
  bool first = true;
  h.closed(32, 3000, [&] {  // one far away, the rest close together
    const std::int64_t sector = first ? 2'000'000 : static_cast<std::int64_t>(random() % 500) * 8;
    first = false;
    return DeviceHarness::Shape{Sectors(sector), Sectors(8), BioOp::kRead};
  });
  const auto far = std::find_if(h.done.begin(), h.done.end(), [](const DeviceHarness::Done& d) {
    return d.rq.sector == Sectors(2'000'000);
  });
  REQUIRE(far != h.done.end());
  CHECK(far->completed - far->arrived > milliseconds(0));
  CHECK(far->completed - far->arrived < milliseconds(50 + 30));
}

}  // namespace
}  // namespace wbsim
