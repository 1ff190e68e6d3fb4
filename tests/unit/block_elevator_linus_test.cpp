// The elevator of 2.4, without an engine: the spec's worked examples.
#include <catch2/catch.hpp>
#include <deque>
#include <string>

#include "models/block/elevator_linus.hpp"

namespace wbsim {
namespace {

QueueParams limits() {
  QueueParams limits;
  limits.max_sectors = Sectors(255);
  limits.max_segments = 128;
  return limits;
}

struct Queue : LinusElevator {
  using LinusElevator::LinusElevator;
  using Merge = LinusElevator::Merge;

  static Bio bio(BioOp op, std::int64_t sector, std::int64_t length) {
    Bio bio;
    bio.op = op;
    bio.sector = Sectors(sector);
    bio.length = Sectors(length);
    return bio;
  }
  // As __make_request() would, without slots.
  std::string submit(BioOp op, std::int64_t sector, std::int64_t length) {
    const Bio incoming = bio(op, sector, length);
    const Found found = merge(incoming, limits());
    if (found.merge == Merge::kNone) {
      Request& rq = requests.emplace_back();
      rq.op = op;
      rq.sector = incoming.sector;
      rq.sectors = incoming.length;
      rq.segments = 1;
      add(rq, found);
      return "new";
    }
    if (found.merge == Merge::kFront)
      found.rq->sector = incoming.sector;
    found.rq->sectors += incoming.length;
    return (found.merge == Merge::kFront ? "front " : "back ") +
           std::to_string(found.rq->sector.count());
  }
  std::string write(std::int64_t sector, std::int64_t length = 8) {
    return submit(BioOp::kWrite, sector, length);
  }
  std::string read(std::int64_t sector, std::int64_t length = 8) {
    return submit(BioOp::kRead, sector, length);
  }
  // "100+8 s16384, ..." from the head.
  std::string text() const {
    std::string all;
    for (const Request& rq : list())
      all += (all.empty() ? "" : ", ") + std::to_string(rq.sector.count()) + "+" +
             std::to_string(rq.sectors.count()) + " s" + std::to_string(rq.elevator_sequence);
    return all;
  }
  std::string order() const {
    std::string all;
    for (const Request& rq : list())
      all += (all.empty() ? "" : " ") + std::to_string(rq.sector.count());
    return all;
  }
  Request& at(std::size_t i) { return requests[i]; }

  std::deque<Request> requests;
};

Queue of_2417() {
  return Queue(LinusRelease::k2417);
}

TEST_CASE("2.4.17: of two places a new request goes to the one nearer to the tail", "[block]") {
  Queue wrapped = of_2417();
  wrapped.write(100);
  wrapped.write(300);
  wrapped.at(1).elevator_sequence = 0;
  wrapped.write(120);
  wrapped.write(320);
  REQUIRE(wrapped.order() == "100 300 120 320");
  wrapped.at(1).elevator_sequence = 16'000;
  wrapped.write(200);
  CHECK(wrapped.order() == "100 300 120 200 320");
}

void fill(Queue& queue) {
  for (int sector : {100, 500, 900})
    queue.write(sector);
  for (std::size_t i = 0; i < 3; ++i)
    queue.at(i).elevator_sequence = 16384;
}

TEST_CASE("2.4 10.5: the elevator of 2.4.17", "[block]") {
  Queue queue = of_2417();
  fill(queue);
  REQUIRE(queue.order() == "100 500 900");

  CHECK(queue.write(508) == "back 500");
  CHECK(queue.text() == "100+8 s16384, 500+16 s16383, 900+8 s16375");
  CHECK(queue.write(300) == "new");
  CHECK(queue.text() == "100+8 s16383, 300+8 s16384, 500+16 s16382, 900+8 s16374");
  CHECK(queue.read(96, 4) == "new");
  CHECK(queue.text() == "100+8 s16382, 300+8 s16383, 500+16 s16381, 900+8 s16373, 96+4 s8192");
  CHECK(queue.write(92) == "front 92");
  CHECK(queue.text() == "92+16 s16373, 300+8 s16374, 500+16 s16372, 900+8 s16364, 96+4 s8183");
  CHECK(queue.write(908, 250) == "new");
  CHECK(queue.order() == "92 300 500 900 908 96");
  CHECK(queue.at(5).elevator_sequence == 16384);
}

TEST_CASE("2.4 10.5: a starved request is a barrier", "[block]") {
  Queue queue = of_2417();
  queue.write(100);
  queue.write(500);
  queue.at(0).elevator_sequence = 3;
  queue.at(1).elevator_sequence = 0;
  CHECK(queue.write(108) == "new");
  CHECK(queue.order() == "100 500 108");
  CHECK(queue.at(1).elevator_sequence == -1);
  CHECK(queue.at(0).elevator_sequence == 3);
}

TEST_CASE("2.4.17 puts a request behind the last one unless a place lies between two", "[block]") {
  Queue queue = of_2417();
  queue.write(500);
  CHECK(queue.write(100) == "new");  // nothing lies between: to the tail
  CHECK(queue.order() == "500 100");
  queue.write(600);  // 500 and 100 are where the order wraps around
  CHECK(queue.order() == "500 600 100");
  queue.write(50);
  CHECK(queue.order() == "500 600 50 100");
}

TEST_CASE("2.4.17 does not merge into a request that has less patience than sectors to come",
          "[block]") {
  Queue queue = of_2417();
  queue.write(100);
  queue.at(0).elevator_sequence = 8;
  CHECK(queue.write(108) == "new");  // 7 are left, 8 come
  CHECK(queue.order() == "100 108");
}

TEST_CASE("a request of 255 sectors is full, and so is one of 128 pieces", "[block]") {
  for (const LinusRelease release : {LinusRelease::k240, LinusRelease::k2417}) {
    Queue queue(release);
    queue.write(0, 248);
    CHECK(queue.write(248, 8) == "new");
    CHECK(queue.write(256, 4) == "back 248");
    queue.at(1).segments = 128;
    CHECK(queue.write(260, 4) == "new");
  }
}

TEST_CASE("reads and writes do not merge", "[block]") {
  for (const LinusRelease release : {LinusRelease::k240, LinusRelease::k2417}) {
    Queue queue(release);
    queue.write(100);
    CHECK(queue.read(108) == "new");
  }
}

TEST_CASE("2.4.0 sorts by insertion from the tail; each request passed loses one", "[block]") {
  Queue queue(LinusRelease::k240);
  for (int sector : {100, 900, 500, 300})
    queue.write(sector);
  CHECK(queue.text() == "100+8 s2000000, 300+8 s2000000, 500+8 s1999999, 900+8 s1999998");
  CHECK(queue.read(700) == "new");
  CHECK(queue.text() ==
        "100+8 s2000000, 300+8 s2000000, 500+8 s1999999, 700+8 s1000000, 900+8 s1999997");
}

TEST_CASE("2.4.0 lets nothing pass a request that has waited long enough", "[block]") {
  Queue queue(LinusRelease::k240);
  queue.write(500);
  queue.write(900);
  queue.at(1).elevator_sequence = 0;
  queue.write(100);
  CHECK(queue.order() == "500 900 100");

  SECTION("a back merge with it is tried first, a front merge is not") {
    CHECK(queue.write(908) == "back 900");
    CHECK(queue.write(892) == "new");
  }
  SECTION("what lies before it is not looked at") {
    CHECK(queue.write(508) == "new");
  }
}

TEST_CASE("2.4.0: passing by a merge costs one, a front merge costs the request one too",
          "[block]") {
  Queue queue(LinusRelease::k240);
  for (int sector : {100, 500, 900})
    queue.write(sector);
  CHECK(queue.write(108) == "back 100");
  CHECK(queue.text() == "100+16 s2000000, 500+8 s1999999, 900+8 s1999999");
  CHECK(queue.write(492) == "front 492");
  CHECK(queue.text() == "100+16 s2000000, 492+16 s1999998, 900+8 s1999998");
}

}  // namespace
}  // namespace wbsim
