#include <catch2/catch.hpp>

#include "models/block/cfq.hpp"
#include "tests/support/block_fixture.hpp"

namespace wbsim {
namespace {

using std::chrono::milliseconds;

constexpr BioOp R = BioOp::kRead;
constexpr BioOp W = BioOp::kWrite;

TEST_CASE("example 7: slices by priority", "[block]") {
  CHECK(cfq_prio_slice(Jiffies(100), 4) == Jiffies(100));  // HZ=1000
  CHECK(cfq_prio_slice(Jiffies(100), 0) == Jiffies(180));
  CHECK(cfq_prio_slice(Jiffies(100), 7) == Jiffies(40));
  CHECK(cfq_prio_slice(Jiffies(40), 4) == Jiffies(40));
  CHECK(cfq_prio_to_maxrq(4) == 16);
}

class CfqBench {
 public:
  explicit CfqBench(const CfqRules& rules = {}) : cfq(rules, TickClock(1000)) {}

  Request& add(BioOp op, std::int64_t sector, const IoContext& task, std::int64_t jiffy = 1) {
    Request& rq = requests_.emplace_back();
    rq.op = op;
    rq.sync = op == R;
    rq.sector = Sectors(sector);
    rq.sectors = Sectors(8);
    rq.ioc = &task;
    rq.ioprio = task.ioprio;
    cfq.add(rq, Jiffies(jiffy));
    return rq;
  }
  // The sector of the next request, which completes at once; -1 without one.
  std::int64_t serve(std::int64_t jiffy) {
    Request* rq = cfq.next(Jiffies(jiffy));
    if (!rq)
      return -1;
    cfq.completed(*rq, Jiffies(jiffy));
    return rq->sector.count();
  }

  CfqElevator cfq;
  IoContext a, b;

 private:
  std::deque<Request> requests_;
};

TEST_CASE("a task has the disk for its slice, then the next one has", "[block]") {
  CfqBench bench;
  for (int i = 0; i < 3; ++i)
    bench.add(R, 1000 + i * 100, bench.a);
  bench.add(R, 50, bench.b);
  CHECK(bench.serve(10) == 1000);  // its slice of 100 ms begins with this completion
  CHECK(bench.serve(60) == 1100);
  CHECK(bench.serve(109) == 1200);
  bench.add(R, 1300, bench.a, 109);
  CHECK(bench.serve(110) == 50);
}

TEST_CASE("after its last request a task may keep the disk idle for 8 ms", "[block]") {
  CfqBench bench;
  bench.add(R, 1000, bench.a);
  bench.add(W, 9000, bench.b);
  CHECK(bench.serve(10) == 1000);
  CHECK(bench.serve(17) == -1);
  CHECK(bench.cfq.idles_until() == Jiffies(18));
  SECTION("it comes back in time") {
    bench.add(R, 1008, bench.a, 17);
    CHECK(bench.serve(17) == 1008);
    CHECK(bench.serve(24) == -1);
    CHECK(bench.serve(25) == 9000);
  }
  SECTION("it does not") {
    CHECK(bench.serve(18) == 9000);
  }
}

TEST_CASE("no write-back while a synchronous request is in flight", "[block]") {
  CfqBench bench;
  Request& read = bench.add(R, 1000, bench.a);
  bench.add(W, 9000, bench.b);
  CHECK(bench.cfq.next(Jiffies(10)) == &read);
  CHECK(bench.cfq.next(Jiffies(10)) == nullptr);
  CHECK(bench.cfq.idles_until() == Jiffies(0));  // the completion will tell
  bench.cfq.completed(read, Jiffies(20));
  CHECK(bench.serve(28) == 9000);
}

TEST_CASE("before 2.6.31 write-back does not wait for it, and a queue alone has 4 in flight too",
          "[block]") {
  CfqBench bench(kCfq2618);
  for (int i = 0; i < 20; ++i)
    bench.add(R, 1000 + 100 * i, bench.a);
  for (int i = 0; i < CfqElevator::kQuantum; ++i)
    CHECK(bench.cfq.next(Jiffies(10)) != nullptr);
  CHECK(bench.cfq.next(Jiffies(10)) == nullptr);
  bench.add(W, 9000, bench.b);
  CHECK(bench.cfq.next(Jiffies(10)) == nullptr);  // the task has its slice

  CfqBench two(kCfq2618);
  Request& read = two.add(R, 1000, two.a);
  two.add(W, 9000, two.b);
  CHECK(two.cfq.next(Jiffies(10)) == &read);
  two.add(R, 1008, two.a);
  two.cfq.completed(read, Jiffies(20));
  CHECK(two.cfq.next(Jiffies(20))->sector == Sectors(1008));
  CHECK(two.cfq.next(Jiffies(120))->sector == Sectors(9000));  // slice over, a read under way
}

TEST_CASE("asynchronous writes give way after 16 requests, a queue has 4 in flight", "[block]") {
  CfqBench bench;
  for (int i = 0; i < 20; ++i)
    bench.add(W, 100 * i, bench.a);
  bench.add(R, 50'000, bench.b);
  for (int i = 0; i < 16; ++i)
    CHECK(bench.serve(10) == 100 * i);
  CHECK(bench.serve(10) == 50'000);

  CfqBench two;
  for (int i = 0; i < 20; ++i)
    two.add(R, 100 * i, two.a);
  two.add(R, 50'000, two.b);
  for (int i = 0; i < CfqElevator::kQuantum; ++i)
    CHECK(two.cfq.next(Jiffies(10)) != nullptr);
  CHECK(two.cfq.next(Jiffies(10)) == nullptr);

  CfqBench alone;
  for (int i = 0; i < 20; ++i)
    alone.add(R, 100 * i, alone.a);
  for (int i = 0; i < 4 * CfqElevator::kQuantum; ++i)
    CHECK(alone.cfq.next(Jiffies(10)) != nullptr);
  CHECK(alone.cfq.next(Jiffies(10)) == nullptr);
}

TEST_CASE("priority makes the slice, and its class the turn", "[block]") {
  CfqBench bench;
  bench.a.ioprio = {PriorityClass::kBestEffort, 0};
  bench.b.ioprio = {PriorityClass::kIdle, 4};
  IoContext urgent;
  urgent.ioprio = {PriorityClass::kRealtime, 4};
  for (int i = 0; i < 4; ++i)
    bench.add(R, 1000 + 100 * i, bench.a);
  bench.add(R, 50, bench.b);
  CHECK(bench.serve(10) == 1000);
  CHECK(bench.serve(189) == 1100);  // 180 ms, from the first completion on
  bench.add(R, 70, urgent);
  CHECK(bench.serve(190) == 70);
  CHECK(bench.serve(198) == 1200);  // it did not come back within 8 ms
  CHECK(bench.serve(199) == 1300);
  CHECK(bench.serve(207) == 50);
}

TEST_CASE("asynchronous writes share a queue of their priority", "[block]") {
  CfqBench bench;
  bench.b.ioprio = {PriorityClass::kBestEffort, 7};
  for (int i = 0; i < 20; ++i) {
    bench.add(W, 100 * i, bench.a);
    bench.add(W, 50'000 + 100 * i, bench.b);
  }
  for (int i = 0; i < 16; ++i)
    CHECK(bench.serve(10) == 100 * i);
  for (int i = 0; i < 4; ++i)
    CHECK(bench.serve(10) == 50'000 + 100 * i);
  CHECK(bench.serve(10) == 1600);
}

TEST_CASE("within a queue the nearest request is next, the way back counting twice", "[block]") {
  CfqBench bench;
  bench.add(W, 10'000, bench.a);
  CHECK(bench.serve(10) == 10'000);  // the head is at 10008
  bench.add(W, 9'958, bench.a);
  bench.add(W, 10'128, bench.a);
  CHECK(bench.serve(10) == 9'958);  // 50 * 2 < 120
  bench.add(W, 9'900, bench.a);
  CHECK(bench.serve(10) == 9'900);
}

TEST_CASE("bios of another task, or asynchronous ones, are not merged into a task's request",
          "[block]") {
  BlockSetup setup;
  setup.queue.scheduler = "cfq";
  BlockFixture f(setup);
  IoContext other;
  other.thread = "other";
  f.submit(1000, 8, R);
  CHECK(f.queue.try_submit(f.make_bio(1008, 8, R), other) == RequestQueue::Submit::kQueued);
  CHECK(f.submit(1008, 8, R) == RequestQueue::Submit::kMerged);
  CHECK(f.submit(2000) == RequestQueue::Submit::kQueued);
  CHECK(f.queue.try_submit(f.make_bio(2008), other) == RequestQueue::Submit::kMerged);
  f.run();
  CHECK(f.ended.size() == 5);
}

}  // namespace
}  // namespace wbsim
