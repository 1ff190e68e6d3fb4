#include <catch2/catch.hpp>

#include "models/block/bfq.hpp"
#include "tests/support/block_fixture.hpp"
#include "tests/support/task_queue_bench.hpp"

namespace wbsim {
namespace {

using std::chrono::milliseconds;

constexpr BioOp R = BioOp::kRead;
constexpr BioOp W = BioOp::kWrite;

struct BfqBench : TaskQueueBench<BfqElevator> {
  BfqBench() : TaskQueueBench(TickClock(1000)) {}
};

TEST_CASE("bfq: ten thousand tasks have a turn each, in order of arrival", "[block]") {
  BfqBench bench;
  check_that_ten_thousand_tasks_take_turns(bench);
}

TEST_CASE("bfq: a budget is 16384 sectors, then the other task has its own", "[block]") {
  BfqBench bench;
  for (int i = 0; i < 20; ++i) {
    bench.add(R, 10'000 * i, bench.a, 1, 1024);
    bench.add(R, 1'000'000 + 10'000 * i, bench.b, 1, 1024);
  }
  for (int i = 0; i < 16; ++i)
    CHECK(bench.sector(1) == 10'000 * i);
  for (int i = 0; i < 16; ++i)
    CHECK(bench.sector(1) == 1'000'000 + 10'000 * i);
  CHECK(bench.sector(1) < 1'000'000);
}

TEST_CASE("bfq: a budget ends after HZ/8, used or not", "[block]") {
  BfqBench bench;
  for (int i = 0; i < 4; ++i)
    bench.add(R, 100 * i, bench.a, 10);
  bench.add(R, 50'000, bench.b, 10);
  CHECK(bench.sector(10) == 0);
  CHECK(bench.sector(134) == 100);
  CHECK(bench.sector(135) == 50'000);
}

TEST_CASE("bfq: sectors are shared by weight, whatever the size of the requests", "[block]") {
  BfqBench bench;
  bench.a.ioprio = IoPriority(PriorityClass::kBestEffort, 0);  // 80
  bench.b.ioprio = IoPriority(PriorityClass::kBestEffort, 6);  // 20
  CHECK(bfq_ioprio_to_weight(4) == 40);
  Sectors served_a, served_b;
  std::int64_t at = 0;
  for (int i = 0; i < 64; ++i) {
    bench.add(R, at += 2000, bench.a, 1, 1024);
    for (int j = 0; j < 4; ++j)
      bench.add(R, 10'000'000 + (at += 300), bench.b, 1, 256);
  }
  for (int i = 0; i < 20'000; ++i) {
    Request* rq = bench.serve(1);
    (rq->ioc == &bench.a ? served_a : served_b) += rq->sectors;
    bench.add(R, (rq->ioc == &bench.a ? 0 : 10'000'000) + (at += 300),
              rq->ioc == &bench.a ? bench.a : bench.b, 1, rq->sectors.count());
  }
  CHECK(static_cast<double>(served_a.count()) / static_cast<double>(served_b.count()) ==
        Approx(4).epsilon(0.05));
}

TEST_CASE("bfq: after its last request a task may keep the disk idle for 8 ms", "[block]") {
  BfqBench bench;
  bench.add(R, 1000, bench.a);
  bench.add(W, 9000, bench.b);
  CHECK(bench.sector(10) == 1000);
  CHECK(bench.sector(17) == -1);
  CHECK(bench.elevator.idles_until() == Jiffies(18));
  bench.add(R, 1008, bench.a, 17);
  CHECK(bench.sector(17) == 1008);
  CHECK(bench.sector(25) == 9000);
}

TEST_CASE("bfq: realtime goes before best effort, and that before idle", "[block]") {
  BfqBench bench;
  bench.a.ioprio = IoPriority(PriorityClass::kIdle);
  bench.b.ioprio = IoPriority(PriorityClass::kRealtime);
  bench.add(W, 100, bench.a);
  bench.add(W, 200, bench.c);
  bench.add(W, 300, bench.b);
  CHECK(bench.sector(1) == 300);
  CHECK(bench.sector(1) == 200);
  CHECK(bench.sector(1) == 100);
}

TEST_CASE("bfq leaves half of the tags to those somebody waits for, a quarter to reads",
          "[block]") {
  BlockSetup setup;
  setup.rules = queue_rules_61();
  setup.queue.scheduler = "bfq";
  setup.device.driver_depth = 2;
  BlockFixture f(setup);
  CHECK(f.queue.params().nr_requests == 4);
  CHECK(f.submit(1000) == RequestQueue::Submit::kQueued);
  CHECK(f.submit(2000) == RequestQueue::Submit::kQueued);
  CHECK(f.submit(3000) == RequestQueue::Submit::kNoRequest);
  Bio& waited_for = f.make_bio(4000);
  waited_for.sync = true;
  CHECK(f.queue.try_submit(waited_for, f.task) == RequestQueue::Submit::kQueued);
  CHECK(f.submit(5000) == RequestQueue::Submit::kNoRequest);
  CHECK(f.submit(6000, 8, R) == RequestQueue::Submit::kQueued);
}

TEST_CASE("bfq in a queue: what it holds back is asked for again", "[block]") {
  BlockSetup setup;
  setup.rules = queue_rules_61();
  setup.queue.scheduler = "bfq";
  setup.device.driver_depth = 2;
  BlockFixture f(setup);
  CHECK(f.queue.params().wbt_lat == Duration::zero());
  f.submit(1000, 8, R);
  f.submit(9000);
  f.run();
  REQUIRE(f.ended.size() == 2);
  CHECK(f.log.requests[1].started >= f.log.requests[0].completed + milliseconds(7));
}

TEST_CASE("bfq: of the tasks whose turn it is, the one that would finish first is served",
          "[block]") {
  BfqBench bench;
  bench.a.ioprio = IoPriority(PriorityClass::kBestEffort, 6);  // 20
  bench.b.ioprio = IoPriority(PriorityClass::kBestEffort, 0);  // 80
  bench.add(R, 1000, bench.a);
  bench.add(R, 2000, bench.b);
  CHECK(bench.sector(1) == 2000);
}

}  // namespace
}  // namespace wbsim
