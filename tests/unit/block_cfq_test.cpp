#include <catch2/catch.hpp>

#include "models/block/cfq.hpp"
#include "tests/support/block_fixture.hpp"
#include "tests/support/task_queue_bench.hpp"

namespace wbsim {
namespace {

using std::chrono::milliseconds;

constexpr BioOp R = BioOp::kRead;
constexpr BioOp W = BioOp::kWrite;

TEST_CASE("block-layer 7.7: slices by priority", "[block]") {
  CHECK(cfq_prio_slice(Jiffies(100), 4) == Jiffies(100));  // HZ=1000
  CHECK(cfq_prio_slice(Jiffies(100), 0) == Jiffies(180));
  CHECK(cfq_prio_slice(Jiffies(100), 7) == Jiffies(40));
  CHECK(cfq_prio_slice(Jiffies(40), 4) == Jiffies(40));
  CHECK(CfqElevator::kQuantum == 4);
  CHECK(cfq_prio_to_maxrq(4) == 16);
}

struct CfqBench : TaskQueueBench<CfqElevator> {
  explicit CfqBench(const CfqRules& rules = {}, bool may_wait = true)
      : TaskQueueBench(rules, TickClock(1000), may_wait) {}
};

TEST_CASE("a task has the disk for its slice, then the next one has", "[block]") {
  CfqBench bench;
  for (int i = 0; i < 3; ++i)
    bench.add(R, 1000 + i * 100, bench.a);
  bench.add(R, 50, bench.b);
  CHECK(bench.sector(10) == 1000);  // its slice of 100 ms begins with this completion
  CHECK(bench.sector(60) == 1100);
  CHECK(bench.sector(109) == 1200);
  bench.add(R, 1300, bench.a, 109);
  CHECK(bench.sector(110) == 50);
}

TEST_CASE("after its last request a task may keep the disk idle for 8 ms", "[block]") {
  CfqBench bench;
  bench.add(R, 1000, bench.a);
  bench.add(W, 9000, bench.b);
  CHECK(bench.sector(10) == 1000);
  CHECK(bench.sector(17) == -1);
  CHECK(bench.elevator.idles_until() == Jiffies(18));
  SECTION("it comes back in time") {
    bench.add(R, 1008, bench.a, 17);
    CHECK(bench.sector(17) == 1008);
    CHECK(bench.sector(24) == -1);
    CHECK(bench.sector(25) == 9000);
  }
  SECTION("it does not") {
    CHECK(bench.sector(18) == 9000);
  }
}

TEST_CASE("no write-back while a synchronous request is in flight", "[block]") {
  CfqBench bench;
  Request& read = bench.add(R, 1000, bench.a);
  bench.add(W, 9000, bench.b);
  CHECK(bench.elevator.next(Jiffies(10)) == &read);
  CHECK(bench.elevator.next(Jiffies(10)) == nullptr);
  CHECK(bench.elevator.idles_until() == Jiffies(0));  // the completion will tell
  bench.elevator.completed(read, Jiffies(20));
  CHECK(bench.sector(28) == 9000);
}

TEST_CASE("a task whose request is under way keeps its turn", "[block]") {
  CfqBench bench;
  Request& first = bench.add(R, 1000, bench.a);
  Request& second = bench.add(R, 1008, bench.a);
  bench.add(R, 9000, bench.b);
  CHECK(bench.elevator.next(Jiffies(10)) == &first);
  CHECK(bench.elevator.next(Jiffies(10)) == &second);
  CHECK(bench.elevator.next(Jiffies(10)) == nullptr);
  bench.elevator.completed(first, Jiffies(11));
  CHECK(bench.elevator.idles_until() == Jiffies(0));
  CHECK(bench.elevator.next(Jiffies(11)) == nullptr);
  bench.elevator.completed(second, Jiffies(12));
  CHECK(bench.elevator.idles_until() == Jiffies(20));
}

TEST_CASE("the disk idles no more when the task is back, or has lost its turn", "[block]") {
  for (const bool back : {true, false}) {
    CfqBench bench;
    IoContext urgent;
    urgent.ioprio = {PriorityClass::kRealtime, 4};
    bench.add(R, 1000, bench.a);
    bench.sector(10);
    CHECK(bench.elevator.idles_until() == Jiffies(18));
    bench.add(R, 1008, back ? bench.a : urgent, 12);
    CHECK(bench.elevator.idles_until() == Jiffies(0));
  }
}

TEST_CASE("the disk does not idle where nothing is gained by it", "[block]") {
  CfqBench bench({}, /*may_wait=*/false);
  bench.add(R, 1000, bench.a);
  bench.add(R, 9000, bench.b);
  CHECK(bench.sector(10) == 1000);
  CHECK(bench.elevator.idles_until() == Jiffies(0));
  CHECK(bench.sector(10) == 9000);
}

TEST_CASE("the slice of an asynchronous queue is 40 ms", "[block]") {
  CfqBench bench;
  bench.b.ioprio = {PriorityClass::kBestEffort, 5};
  for (int i = 0; i < 3; ++i)
    bench.add(W, 100 * i, bench.a);
  bench.add(W, 50'000, bench.b);
  CHECK(bench.sector(10) == 0);
  CHECK(bench.sector(49) == 100);
  CHECK(bench.sector(50) == 50'000);
}

TEST_CASE("a turn begins with the oldest request once it is 125 ms old, of a write 250 ms",
          "[block]") {
  for (const BioOp op : {R, W}) {
    const int expires = op == R ? 126 : 251;  // they come in jiffy 1
    for (const int jiffy : {expires - 1, expires}) {
      CfqBench bench;
      bench.add(op, 90'000, bench.a);
      bench.add(op, 10, bench.a);
      CHECK(bench.sector(jiffy) == (jiffy == expires ? 90'000 : 10));
    }
  }
  CfqBench bench;  // and so does the next turn, but only its first request
  bench.add(R, 90'000, bench.a);
  bench.add(R, 10, bench.a);
  bench.add(R, 500, bench.b);
  CHECK(bench.sector(20) == 10);
  bench.add(R, 20, bench.a, 30);
  bench.add(R, 30, bench.a, 30);
  CHECK(bench.sector(120) == 500);
  CHECK(bench.sector(128) == 90'000);
  CHECK(bench.sector(300) == 20);
}

TEST_CASE("before 2.6.31 write-back does not wait for it, and a queue alone has 4 in flight too",
          "[block]") {
  CfqBench bench(kCfq2618);
  for (int i = 0; i < 20; ++i)
    bench.add(R, 1000 + 100 * i, bench.a);
  for (int i = 0; i < CfqElevator::kQuantum; ++i)
    CHECK(bench.elevator.next(Jiffies(10)) != nullptr);
  CHECK(bench.elevator.next(Jiffies(10)) == nullptr);
  bench.add(W, 9000, bench.b);
  CHECK(bench.elevator.next(Jiffies(10)) == nullptr);  // the task has its slice

  CfqBench two(kCfq2618);
  Request& read = two.add(R, 1000, two.a);
  two.add(W, 9000, two.b);
  CHECK(two.elevator.next(Jiffies(10)) == &read);
  two.add(R, 1008, two.a);
  two.elevator.completed(read, Jiffies(20));
  CHECK(two.elevator.next(Jiffies(20))->sector == Sectors(1008));
  CHECK(two.elevator.next(Jiffies(120))->sector == Sectors(9000));  // slice over, a read under way
}

TEST_CASE("asynchronous writes give way after 16 requests, a queue has 4 in flight", "[block]") {
  CfqBench bench;
  for (int i = 0; i < 20; ++i)
    bench.add(W, 100 * i, bench.a);
  bench.add(R, 50'000, bench.b);
  for (int i = 0; i < 16; ++i)
    CHECK(bench.sector(10) == 100 * i);
  CHECK(bench.sector(10) == 50'000);

  CfqBench two;
  for (int i = 0; i < 20; ++i)
    two.add(R, 100 * i, two.a);
  two.add(R, 50'000, two.b);
  for (int i = 0; i < CfqElevator::kQuantum; ++i)
    CHECK(two.elevator.next(Jiffies(10)) != nullptr);
  CHECK(two.elevator.next(Jiffies(10)) == nullptr);

  CfqBench alone;
  for (int i = 0; i < 20; ++i)
    alone.add(R, 100 * i, alone.a);
  for (int i = 0; i < 4 * CfqElevator::kQuantum; ++i)
    CHECK(alone.elevator.next(Jiffies(10)) != nullptr);
  CHECK(alone.elevator.next(Jiffies(10)) == nullptr);
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
  CHECK(bench.sector(10) == 1000);
  CHECK(bench.sector(189) == 1100);  // 180 ms, from the first completion on
  bench.add(R, 70, urgent);
  CHECK(bench.sector(190) == 70);
  CHECK(bench.sector(198) == 1200);  // it did not come back within 8 ms
  CHECK(bench.sector(199) == 1300);
  CHECK(bench.sector(207) == 50);
}

TEST_CASE("who waits does not wait for write-back to use up its slice", "[block]") {
  CfqBench bench;
  for (int i = 0; i < 8; ++i)
    bench.add(W, 100 * i, bench.a);
  CHECK(bench.sector(10) == 0);
  bench.add(R, 50'000, bench.b, 11);
  CHECK(bench.sector(11) == 50'000);
  CHECK(bench.sector(12) == -1);
  CHECK(bench.sector(19) == 100);
}

TEST_CASE("the realtime class cuts the slice of others short, from 2.6.31 on", "[block]") {
  for (const bool preempts : {true, false}) {
    CfqBench bench(preempts ? CfqRules{} : kCfq2618);
    IoContext urgent;
    urgent.ioprio = {PriorityClass::kRealtime, 4};
    bench.add(R, 1000, bench.a);
    bench.add(R, 1100, bench.a);
    CHECK(bench.sector(10) == 1000);
    bench.add(R, 50'000, urgent, 11);
    CHECK(bench.sector(11) == (preempts ? 50'000 : 1100));
  }
}

TEST_CASE("who preempts is next, before those who wait", "[block]") {
  CfqBench bench;
  bench.b.ioprio = {PriorityClass::kBestEffort, 5};
  for (int i = 0; i < 3; ++i)
    bench.add(W, 100 * i, bench.a);
  bench.add(W, 50'000, bench.b);
  CHECK(bench.sector(10) == 0);
  IoContext reader;
  bench.add(R, 70'000, reader, 11);
  CHECK(bench.sector(11) == 70'000);

  CfqBench used;  // so is the first to come after the end of a slice
  IoContext late;
  for (int i = 0; i < 3; ++i)
    used.add(R, 100 * i, used.a);
  used.add(R, 50'000, used.b);
  CHECK(used.sector(10) == 0);
  used.add(R, 70'000, late, 110);
  CHECK(used.sector(110) == 70'000);
}

TEST_CASE("the idle class has one request in flight, and gives way after each", "[block]") {
  CfqBench bench;
  bench.b.ioprio = {PriorityClass::kIdle, 7};
  for (int i = 0; i < 3; ++i)
    bench.add(R, 100 * i, bench.b);
  Request* first = bench.elevator.next(Jiffies(10));
  REQUIRE(first != nullptr);
  CHECK(bench.elevator.next(Jiffies(10)) == nullptr);
  bench.elevator.completed(*first, Jiffies(10));
  CHECK(bench.sector(11) == 100);  // nobody else is there
  bench.add(R, 5000, bench.a, 12);
  CHECK(bench.sector(12) == 5000);
  CHECK(bench.sector(19) == -1);
  CHECK(bench.sector(20) == 200);
}

// Reads at this distance, the way back and forth of a program that thinks so long.
Jiffies idle_after_thinking(std::int64_t think_time) {
  CfqBench bench;
  std::int64_t now = 1;
  for (int i = 0; i < 20; ++i) {
    bench.add(R, 100 * i, bench.a, now);
    bench.sector(now);
    now += think_time;
  }
  bench.add(R, 3000, bench.a, now);
  bench.add(W, 9000, bench.b, now);
  bench.sector(now);
  return bench.elevator.idles_until() == Jiffies(0) ? Jiffies(0)
                                                    : bench.elevator.idles_until() - Jiffies(now);
}

TEST_CASE("the disk does not wait for a task that thinks for longer than 8 ms", "[block]") {
  CHECK(idle_after_thinking(1) == Jiffies(8));
  CHECK(idle_after_thinking(7) == Jiffies(8));
  CHECK(idle_after_thinking(8) == Jiffies(8));
  CHECK(idle_after_thinking(10) == Jiffies(0));
  CHECK(idle_after_thinking(1000) == Jiffies(0));
}

TEST_CASE("the longest pause counts as 16 ms of thought", "[block]") {
  for (const int pauses : {3, 7}) {
    CfqBench bench;
    std::int64_t now = 1;
    for (int i = 0; i < 20 + pauses; ++i) {
      bench.add(R, 100 * i, bench.a, now += i < 20 ? 0 : 1000);
      bench.sector(now);
    }
    CHECK(bench.elevator.idles_until() == Jiffies(pauses == 3 ? now + 8 : 0));
  }
}

TEST_CASE("the disk does not wait for what would come after the slice", "[block]") {
  CfqBench bench;
  std::int64_t now = 1;  // the slice ends at 101
  for (; now <= 91; now += 6) {
    bench.add(R, 100 * now, bench.a, now);
    bench.sector(now);
    CHECK(bench.elevator.idles_until() == Jiffies(now + 8));
  }
  bench.add(R, 100 * now, bench.a, now);
  bench.sector(now);
  CHECK(bench.elevator.idles_until() == Jiffies(0));
}

TEST_CASE("a think time is known after three requests", "[block]") {
  ThinkTime think_time;
  think_time.sent(Jiffies(100), Jiffies(16));
  think_time.completed(Jiffies(100));
  think_time.sent(Jiffies(104), Jiffies(16));
  CHECK_FALSE(think_time.valid());
  think_time.completed(Jiffies(110));
  think_time.sent(Jiffies(1000), Jiffies(16));  // counts as 16
  CHECK(think_time.valid());
  CHECK(think_time.mean() == Jiffies(8));  // (7 * (7 * 0 + 4) / 8 + 16) / 8 of 84 / 256
}

TEST_CASE("nothing is expected after the write of a task that waits for it", "[block]") {
  for (const bool waited_for : {false, true}) {
    CfqBench bench;
    Request& write = bench.add(R, 1000, bench.a);
    write.noidle = waited_for;
    bench.add(W, 9000, bench.b);
    CHECK(bench.sector(10) == 1000);
    CHECK(bench.sector(11) == (waited_for ? 9000 : -1));
  }
}

TEST_CASE("ten thousand tasks have a turn each", "[block]") {
  CfqBench bench;
  check_that_ten_thousand_tasks_take_turns(bench);
}

TEST_CASE("asynchronous writes share a queue of their priority", "[block]") {
  CfqBench bench;
  bench.b.ioprio = {PriorityClass::kBestEffort, 7};
  for (int i = 0; i < 20; ++i) {
    bench.add(W, 100 * i, bench.a);
    bench.add(W, 50'000 + 100 * i, bench.b);
  }
  for (int i = 0; i < 16; ++i)
    CHECK(bench.sector(10) == 100 * i);
  for (int i = 0; i < 4; ++i)
    CHECK(bench.sector(10) == 50'000 + 100 * i);
  CHECK(bench.sector(10) == 1600);
}

TEST_CASE("within a queue the nearest request is next, the way back counting twice", "[block]") {
  CfqBench bench;
  bench.add(W, 10'000, bench.a);
  CHECK(bench.sector(10) == 10'000);  // the head is at 10008
  bench.add(W, 9'958, bench.a);
  bench.add(W, 10'128, bench.a);
  CHECK(bench.sector(10) == 9'958);  // 50 * 2 < 120
  bench.add(W, 9'900, bench.a);
  CHECK(bench.sector(10) == 9'900);
  bench.add(W, 9'800, bench.a);
  CHECK(bench.sector(10) == 9'800);  // 108 * 2 < 220
  bench.add(W, 9'600, bench.a);
  CHECK(bench.sector(10) == 10'128);  // 208 * 2 > 320
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
