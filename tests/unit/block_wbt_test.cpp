#include <catch2/catch.hpp>
#include <tuple>

#include "models/block/blk_mq.hpp"
#include "tests/support/block_fixture.hpp"

namespace wbsim {
namespace {

using std::chrono::milliseconds;
using Depths = std::tuple<int, int, int>;

Depths depths(int queue_depth, int step) {
  const WbtDepth d = wbt_depth(queue_depth, step);
  return {d.max, d.normal, d.background};
}

TEST_CASE("block-layer 7.3: the depths of blk-wbt by queue depth and step", "[block]") {
  CHECK(depths(32, 0) == Depths{16, 8, 4});
  CHECK(depths(32, 1) == Depths{8, 4, 2});
  CHECK(depths(32, 2) == Depths{4, 2, 1});
  CHECK(depths(32, 3) == Depths{2, 2, 1});
  CHECK(depths(32, 4) == Depths{1, 1, 1});
  CHECK(depths(32, -1) == Depths{24, 12, 6});
  CHECK(wbt_depth(32, -1).scaled_max);
  CHECK(depths(1, 0) == Depths{2, 2, 1});
  CHECK(depths(1, 1) == Depths{1, 1, 1});
  CHECK(depths(1023, -3) == Depths{121, 61, 31});
  CHECK_FALSE(wbt_depth(1023, -3).scaled_max);
  CHECK(depths(1023, -6) == Depths{767, 384, 192});
}

TEST_CASE("block-layer 7.4: the window shrinks as blk-wbt scales down", "[block]") {
  CHECK(wbt_window(0) == Duration(100'000'000));
  CHECK(wbt_window(-3) == Duration(100'000'000));
  CHECK(wbt_window(1) == Duration(72'727'272));
  CHECK(wbt_window(2) == Duration(59'259'259));
  CHECK(wbt_window(3) == Duration(50'000'000));
  CHECK(wbt_window(4) == Duration(45'714'285));
}

// blk-mq on a slow disk of depth 32, so that what limits is blk-wbt and not the device.
struct WbtBench {
  WbtBench() : f(setup()), queue(dynamic_cast<BlkMqQueue&>(f.queue)) {}

  static BlockSetup setup() {
    BlockSetup setup;
    setup.rules.kind = QueueKind::kMulti;
    setup.rules.plug = kPlug61;
    setup.queue.rotational = false;
    setup.device.driver_depth = 32;
    setup.device.fixed.overhead = milliseconds(20);
    return setup;
  }
  Bio& write(int i, WriteReason reason = WriteReason::kBackground) {
    Bio& bio = f.make_bio(1000 * i);
    bio.reason = reason;
    return bio;
  }
  // From one task each, at the time the simulation is at.
  void submit(int count, WriteReason reason = WriteReason::kBackground) {
    for (int i = 0; i < count; ++i)
      f.spawn_writer("writer", write(next++, reason), f.task);
  }
  int inflight() const { return queue.wbt()->inflight(); }

  BlockFixture f;
  BlkMqQueue& queue;
  int next = 0;
};

TEST_CASE("background writes are kept to a quarter of the depth", "[block]") {
  WbtBench bench;
  bench.submit(12);
  bench.f.run_until(milliseconds(1));
  CHECK(bench.inflight() == 4);

  bench.f.run();
  CHECK(bench.f.ended.size() == 12);
  CHECK(bench.inflight() == 0);
}

TEST_CASE("other writes are kept to half of it, and all of it when a writer has just paused",
          "[block]") {
  WbtBench bench;
  bench.submit(40, WriteReason::kSync);
  bench.f.run_until(milliseconds(1));
  CHECK(bench.inflight() == 8);

  WbtBench paused;
  paused.f.queue.note_dirty_sleep(TimePoint{});
  paused.submit(40);
  paused.f.run_until(milliseconds(1));
  CHECK(paused.inflight() == 16);
}

TEST_CASE("a read within the last 100 ms makes every write a background one", "[block]") {
  WbtBench bench;
  bench.f.submit(0, 8, BioOp::kRead);
  bench.next = 1;
  bench.submit(40, WriteReason::kSync);
  bench.f.run_until(milliseconds(1));
  CHECK(bench.inflight() == 4);
}

TEST_CASE("direct writes and reads are not counted", "[block]") {
  WbtBench bench;
  for (int i = 0; i < 20; ++i) {
    Bio& bio = bench.write(bench.next++);
    bio.direct = true;
    CHECK(bench.f.queue.try_submit(bio, bench.f.task) != RequestQueue::Submit::kNoRequest);
  }
  CHECK(bench.inflight() == 0);
}

TEST_CASE("writes alone open the depth by a step each window", "[block]") {
  WbtBench bench;  // HZ=1000; a window of 100 ms ends after 101 jiffies
  bench.submit(60);
  bench.f.run_until(milliseconds(100));
  CHECK(bench.queue.wbt()->scale_step() == 0);
  bench.f.run_until(milliseconds(102));
  CHECK(bench.queue.wbt()->scale_step() == -1);
  CHECK(bench.queue.wbt()->depth().max == 31);  // of the 64 requests of the scheduler
  bench.f.run_until(milliseconds(203));
  CHECK(bench.queue.wbt()->scale_step() == -2);
  CHECK(bench.queue.wbt()->depth().max == 48);
}

TEST_CASE("a read slower than the target takes depth away", "[block]") {
  WbtBench bench;
  bench.submit(10);
  bench.f.spawn_writer("reader", bench.f.make_bio(500'000, 8, BioOp::kRead), bench.f.task);
  bench.f.run_until(milliseconds(102));
  CHECK(bench.queue.wbt()->scale_step() == 1);
  CHECK(bench.queue.wbt()->depth().max == 8);
}

TEST_CASE("the target is 75 ms on a rotating disk and 2 ms on others; 0 turns it off", "[block]") {
  CHECK(wbt_default_latency(true) == milliseconds(75));
  CHECK(wbt_default_latency(false) == milliseconds(2));
  BlockSetup setup = WbtBench::setup();
  setup.queue.wbt_lat = Duration::zero();
  BlockFixture f(setup);
  CHECK(dynamic_cast<BlkMqQueue&>(f.queue).wbt() == nullptr);
}

}  // namespace
}  // namespace wbsim
