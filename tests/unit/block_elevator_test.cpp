#include <catch2/catch.hpp>
#include <deque>
#include <string>
#include <vector>

#include "models/block/elevator.hpp"
#include "models/block/queue_settings.hpp"

namespace wbsim {
namespace {

constexpr BioOp R = BioOp::kRead;
constexpr BioOp W = BioOp::kWrite;

QueueRules with(const DeadlineRules& deadline) {
  QueueRules rules;
  rules.deadline = deadline;
  return rules;
}

class Bench {
 public:
  explicit Bench(const DeadlineRules& rules, const char* name = "deadline")
      : elevator_(make_elevator(name, with(rules), TickClock(250))) {}

  Request& add(BioOp op, std::int64_t sector, std::int64_t jiffy = 0, std::int64_t sectors = 8) {
    Request& rq = requests_.emplace_back();
    rq.op = op;
    rq.sector = Sectors(sector);
    rq.sectors = Sectors(sectors);
    rq.ioprio = priority_;
    elevator_->add(rq, Jiffies(jiffy));
    return rq;
  }
  std::string next(std::int64_t jiffy = 0) {
    const Request* rq = elevator_->next(Jiffies(jiffy));
    return rq ? (rq->op == R ? "R" : "W") + std::to_string(rq->sector.count()) : "-";
  }
  std::vector<std::string> drain() {
    std::vector<std::string> order;
    while (!elevator_->empty())
      order.push_back(next());
    return order;
  }
  Request& add_of(PriorityClass cls, BioOp op, std::int64_t sector, std::int64_t jiffy = 0) {
    priority_ = {cls, 4};
    Request& rq = add(op, sector, jiffy);
    priority_ = {};
    return rq;
  }
  Elevator& elevator() { return *elevator_; }

 private:
  std::unique_ptr<Elevator> elevator_;
  std::deque<Request> requests_;
  IoPriority priority_;
};

const std::vector<DeadlineRules> kAllRules{kDeadline2618, kDeadline2624, kDeadline2631,
                                           kDeadline310, kDeadline61};

// block-layer section 4, the version differences.
TEST_CASE("the version table of deadline", "[block]") {
  struct Row {
    DeadlineRules rules;
    bool contiguous, lowest_sector, resets, keeps, inclusive;
  };
  for (const Row& row : {Row{kDeadline2618, true, true, false, false, false},
                         Row{kDeadline2624, true, false, true, false, false},
                         Row{kDeadline2631, false, false, true, false, false},
                         Row{kDeadline310, false, false, true, false, true},
                         Row{kDeadline61, false, false, true, true, true}}) {
    CHECK(row.rules.batch_needs_contiguous == row.contiguous);
    CHECK(row.rules.lowest_sector_restart == row.lowest_sector);
    CHECK(row.rules.reselect_resets_batching == row.resets);
    CHECK(row.rules.keeps_other_direction == row.keeps);
    CHECK(row.rules.expired_inclusive == row.inclusive);
  }
}

// Example 2: which dispatch is the write, after `stride`d reads have begun.
int write_is_dispatched_as(const DeadlineRules& rules, std::int64_t stride) {
  Bench bench(rules);
  for (int i = 0; i < 100; ++i)
    bench.add(R, 1000 + i * stride);
  bench.add(W, 5);
  for (int number = 1;; ++number) {
    if (bench.next() == "W5")
      return number;
  }
}

TEST_CASE("block-layer 7.1: two reads first, then the writes in order", "[block]") {
  for (const DeadlineRules& rules : kAllRules) {
    Bench bench(rules);
    bench.add(R, 1000);
    bench.add(R, 2000);
    bench.add(W, 100);
    bench.add(W, 200);
    bench.add(W, 5000);
    CHECK(bench.drain() == std::vector<std::string>{"R1000", "R2000", "W100", "W200", "W5000"});
  }
}

TEST_CASE("block-layer 7.2: one write among 100 reads", "[block]") {
  CHECK(write_is_dispatched_as(kDeadline2618, 8) == 18);
  CHECK(write_is_dispatched_as(kDeadline2624, 8) == 33);
  CHECK(write_is_dispatched_as(kDeadline2631, 8) == 33);
  CHECK(write_is_dispatched_as(kDeadline61, 8) == 33);
  CHECK(write_is_dispatched_as(kDeadline2618, 16) == 3);
  CHECK(write_is_dispatched_as(kDeadline2624, 16) == 3);
  CHECK(write_is_dispatched_as(kDeadline2631, 16) == 33);
  CHECK(write_is_dispatched_as(kDeadline61, 16) == 33);
}

TEST_CASE("an expired request is served when the batch ends: after its jiffy, or from it on",
          "[block]") {
  for (const DeadlineRules& rules : kAllRules) {
    for (const int jiffy : {1249, 1250, 1251}) {
      Bench bench(rules);
      bench.add(W, 1000);
      bench.add(W, 1008);
      CHECK(bench.next() == "W1000");
      bench.add(W, 10);  // passed over; it expires at 5 s, 1250 jiffies
      for (int i = 2; i < 20; ++i)
        bench.add(W, 1000 + 8 * i, 1000);
      for (int i = 1; i < 16; ++i)
        CHECK(bench.next(1251) == "W" + std::to_string(1000 + 8 * i));
      const bool expired = rules.expired_inclusive ? jiffy >= 1250 : jiffy > 1250;
      CHECK(bench.next(jiffy) == (expired ? "W10" : "W1128"));
    }
  }
}

TEST_CASE("a read expires after 500 ms", "[block]") {
  for (const int jiffy : {125, 126}) {
    Bench bench(kDeadline2631);
    bench.add(R, 1000);
    bench.add(R, 1008);
    CHECK(bench.next() == "R1000");
    bench.add(R, 10);  // passed over; 125 jiffies
    for (int i = 2; i < 20; ++i)
      bench.add(R, 1000 + 8 * i, 100);
    for (int i = 1; i < 16; ++i)
      CHECK(bench.next() == "R" + std::to_string(1000 + 8 * i));
    CHECK(bench.next(jiffy) == (jiffy == 126 ? "R10" : "R1128"));
  }
}

TEST_CASE("what has expired begins a batch of 16", "[block]") {
  for (const DeadlineRules& rules : {kDeadline2624, kDeadline2631, kDeadline310, kDeadline61}) {
    Bench bench(rules);
    for (int i = 0; i < 16; ++i)
      bench.add(W, 1000 + 8 * i);
    bench.add(W, 10);
    bench.add(W, 18);
    for (int i = 0; i < 16; ++i)
      bench.next();
    bench.add(R, 50'000, 2000);
    CHECK(bench.next(2000) == "R50000");
    CHECK(bench.next(2000) == "W10");
    bench.add(R, 60'000, 2000);
    CHECK(bench.next(2000) == "W18");
    CHECK(bench.next(2000) == "R60000");
  }
}

TEST_CASE("2.6.18: a gap ends the batch, and the next one has no batch of its own", "[block]") {
  for (const bool early : {true, false}) {
    Bench bench(early ? kDeadline2618 : kDeadline2624);
    for (const int sector : {1000, 1008, 2000, 2008, 2016})
      bench.add(R, sector);
    bench.add(W, 5);
    for (const char* rq : {"R1000", "R1008", "R2000"})
      CHECK(bench.next() == rq);
    CHECK(bench.next() == (early ? "W5" : "R2008"));
  }
}

TEST_CASE("writes that had their turn are starved by two batches again", "[block]") {
  for (const DeadlineRules& rules : {kDeadline2624, kDeadline2631, kDeadline310, kDeadline61}) {
    Bench bench(rules);
    for (int i = 0; i < 100; ++i)
      bench.add(R, 10'000 + 8 * i);
    bench.add(W, 5);
    for (int i = 0; i < 33; ++i)
      bench.next();
    bench.add(W, 6000);
    for (int i = 0; i < 32; ++i)
      CHECK(bench.next().front() == 'R');
    CHECK(bench.next() == "W6000");
  }
  Bench alone(kDeadline2631);  // nor does a turn without reads count as starving
  alone.add(W, 5);
  alone.add(R, 1000);
  alone.add(R, 1008);
  CHECK(alone.next() == "R1000");  // starved once
  CHECK(alone.next() == "R1008");
  CHECK(alone.next() == "W5");
  alone.add(W, 600);
  for (int i = 0; i < 40; ++i)
    alone.add(R, 10'000 + 8 * i);
  for (int i = 0; i < 32; ++i)
    CHECK(alone.next().front() == 'R');
  CHECK(alone.next() == "W600");
}

TEST_CASE("2.6.18 restarts at an expired request, not at the lowest sector", "[block]") {
  for (const int jiffy : {1250, 1251}) {
    Bench bench(kDeadline2618);
    bench.add(W, 500);
    bench.add(W, 100, 1000);
    CHECK(bench.next(jiffy) == (jiffy == 1251 ? "W500" : "W100"));
  }
}

TEST_CASE("without a next request 2.6.18 restarts at the lowest sector, later ones at the oldest",
          "[block]") {
  for (const DeadlineRules& rules : kAllRules) {
    Bench bench(rules);
    bench.add(W, 500);
    bench.add(W, 100);
    CHECK(bench.next() == (rules.lowest_sector_restart ? "W100" : "W500"));
  }
}

TEST_CASE("6.1 resumes the writes where it left them, the others at the oldest", "[block]") {
  for (const DeadlineRules& rules : {kDeadline2631, kDeadline61}) {
    Bench bench(rules);
    bench.add(W, 300);
    bench.add(W, 900);
    CHECK(bench.next() == "W300");
    bench.add(W, 400);
    // A batch of 16 takes in W900; then reads take over.
    for (int i = 0; i < 15; ++i)
      bench.add(W, 1000 + 8 * i);
    bench.add(R, 50);
    for (int i = 0; i < 15; ++i)
      bench.next();
    CHECK(bench.next() == "R50");
    CHECK(bench.next() == (rules.keeps_other_direction ? "W1112" : "W400"));
  }
}

TEST_CASE("writes are starved by two batches of reads, not more", "[block]") {
  Bench bench(kDeadline2631);
  bench.add(W, 1);
  for (int i = 0; i < 64; ++i)
    bench.add(R, 1000 + 100 * i);
  const std::vector<std::string> order = bench.drain();
  CHECK(order[32] == "W1");
}

TEST_CASE("6.1 serves a class of priority when none above it has anything queued or under way",
          "[block]") {
  Bench bench(kDeadline61);
  bench.add_of(PriorityClass::kIdle, R, 10);
  bench.add_of(PriorityClass::kBestEffort, R, 20);
  Request& first = bench.add_of(PriorityClass::kRealtime, W, 30);
  CHECK(bench.next() == "W30");
  CHECK(bench.next() == "-");
  bench.elevator().completed(first, Jiffies(0));
  CHECK(bench.next() == "R20");
  CHECK(bench.next() == "-");

  Bench older(kDeadline310);
  older.add_of(PriorityClass::kIdle, R, 10);
  older.add_of(PriorityClass::kRealtime, R, 30);
  CHECK(older.drain() == std::vector<std::string>{"R10", "R30"});
}

TEST_CASE("6.1 holds a lower class back for 10 s, not longer", "[block]") {
  Bench bench(kDeadline61);
  bench.add_of(PriorityClass::kIdle, R, 10, 100);
  for (int i = 0; i < 4; ++i)
    bench.add_of(PriorityClass::kBestEffort, R, 1000 + 100 * i, 2000);
  CHECK(bench.next(2599) == "R1000");  // inserted at 100: 2500 jiffies are 10 s
  CHECK(bench.next(2600) == "R10");
  CHECK(bench.next(2600) == "R1100");
}

TEST_CASE("6.1: a class has a position of its own in each direction", "[block]") {
  Bench bench(kDeadline61);
  Request& ahead = bench.add_of(PriorityClass::kBestEffort, R, 500);
  bench.add_of(PriorityClass::kBestEffort, R, 600);
  CHECK(bench.next() == "R500");
  bench.add_of(PriorityClass::kBestEffort, R, 100);
  Request& urgent = bench.add_of(PriorityClass::kRealtime, R, 50);
  CHECK(bench.next() == "R50");
  bench.elevator().completed(urgent, Jiffies(0));
  bench.elevator().completed(ahead, Jiffies(0));
  CHECK(bench.next() == "R600");
}

TEST_CASE("a joined request takes over the earlier deadline and the place", "[block]") {
  Bench bench(kDeadline2631);
  Request& early = bench.add(W, 108, 0);
  bench.add(W, 500, 1);
  Request& late = bench.add(W, 100, 2);
  late.sectors += early.sectors;
  bench.elevator().joined(late, early);
  CHECK(late.deadline == Jiffies(1250));
  CHECK(bench.next() == "W100");
}

TEST_CASE("the next request of a batch may vanish in a join", "[block]") {
  Bench bench(kDeadline2631);
  bench.add(W, 100);
  bench.add(W, 50);
  Request& next = bench.add(W, 208);
  bench.add(W, 300);
  CHECK(bench.next() == "W100");
  Request& before = bench.add(W, 200);
  before.sectors += next.sectors;
  bench.elevator().joined(before, next);
  CHECK(bench.next() == "W300");
}

Bio ending_at(BioOp op, std::int64_t end) {
  Bio bio;
  bio.op = op;
  bio.sector = Sectors(end - 8);
  bio.length = Sectors(8);
  return bio;
}

TEST_CASE("find_start looks in one direction only", "[block]") {
  Bench bench(kDeadline2631);
  Request& rq = bench.add(W, 100);
  CHECK(bench.elevator().find_start(ending_at(W, 100), {}) == &rq);
  CHECK(bench.elevator().find_start(ending_at(R, 100), {}) == nullptr);
  CHECK(bench.elevator().find_start(ending_at(W, 101), {}) == nullptr);
}

TEST_CASE("noop is first in, first out", "[block]") {
  Bench bench({}, "noop");
  bench.add(W, 500);
  bench.add(R, 100);
  bench.add(W, 300);
  CHECK(bench.drain() == std::vector<std::string>{"W500", "R100", "W300"});
}

TEST_CASE("an unknown scheduler is refused", "[block]") {
  CHECK_THROWS_AS(make_elevator("cfq2", {}, TickClock(250)), std::invalid_argument);
}

}  // namespace
}  // namespace wbsim
