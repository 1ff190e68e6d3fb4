#include <catch2/catch.hpp>

#include "models/block/blk_mq.hpp"
#include "models/block/blk_plug.hpp"
#include "models/block/tag_queue.hpp"
#include "tests/support/block_fixture.hpp"

namespace wbsim {
namespace {

using std::chrono::milliseconds;
using Submit = RequestQueue::Submit;

BlockSetup mq(const char* scheduler, int depth) {
  BlockSetup setup;
  setup.rules.kind = QueueKind::kMulti;
  setup.rules.plug = kPlug61;
  setup.rules.deadline = kDeadline61;
  setup.queue.scheduler = scheduler;
  setup.queue.wbt_lat = Duration::zero();
  setup.device.driver_depth = depth;
  return setup;
}

std::vector<std::int64_t> served(const BlockFixture& f) {
  std::vector<std::int64_t> sectors;
  for (const RequestRecord& rq : f.log.requests)
    sectors.push_back(rq.sector.count());
  return sectors;
}

TEST_CASE("6.x 10.8: nr_requests by hardware depth, without and with a scheduler", "[block]") {
  const int depths[][3] = {{32, 32, 64}, {64, 64, 128}, {1023, 1023, 256}, {31, 31, 62}};
  for (const auto& [hw, none, scheduled] : depths) {
    CHECK(blk_mq_default_nr_requests(hw, false) == none);
    CHECK(blk_mq_default_nr_requests(hw, true) == scheduled);
    CHECK(BlockFixture(mq("none", hw)).queue.params().nr_requests == none);
    CHECK(BlockFixture(mq("mq-deadline", hw)).queue.params().nr_requests == scheduled);
  }
}

TEST_CASE("one hardware queue has mq-deadline, several have none", "[block]") {
  BlockSetup setup = mq("", 32);
  CHECK(BlockFixture(setup).queue.params().scheduler == "mq-deadline");
  setup.queue.nr_hw_queues = 4;
  setup.queue.cpus = 4;
  CHECK(BlockFixture(setup).queue.params().scheduler == "none");
  setup.queue.scheduler = "cfq";
  CHECK_THROWS_AS(BlockFixture(setup), std::invalid_argument);
  setup.queue.scheduler = "deadline";  // an alias
  CHECK(BlockFixture(setup).queue.params().scheduler == "mq-deadline");
}

TEST_CASE("whoever owes time for what it has done begins no request, but adds to one", "[block]") {
  BlockFixture f(mq("mq-deadline", 4));
  Thread flusher("flusher");
  f.task.task = &flusher;
  CHECK(f.submit(1000) == Submit::kQueued);
  flusher.charge(std::chrono::microseconds(3));
  CHECK(f.submit(2000) == Submit::kOwes);
  CHECK(f.queue.allocated() == 1);
  CHECK(f.submit(1008) == Submit::kMerged);
}

TEST_CASE("without a scheduler there are as many requests as the hardware takes", "[block]") {
  BlockFixture f(mq("none", 4));
  for (int i = 0; i < 4; ++i)
    CHECK(f.submit(i * 1000) == Submit::kQueued);
  CHECK(f.submit(4000) == Submit::kNoRequest);
  CHECK(f.queue.in_flight() == 4);
  CHECK_FALSE(f.queue.write_congested());
}

TEST_CASE("a scheduler holds twice as many and sorts those the hardware has not taken", "[block]") {
  BlockFixture f(mq("mq-deadline", 2));
  f.submit(9000);
  f.submit(8000);
  f.run_until(Duration(1));  // kblockd has run
  CHECK(f.queue.in_flight() == 2);
  f.submit(2000);
  f.submit(1000);
  CHECK(f.submit(500) == Submit::kNoRequest);
  f.run();
  // 2000 left the scheduler before the hardware had a tag for it: it keeps its turn.
  CHECK(f.ended.size() == 4);
  CHECK(served(f).size() == 4);
}

TEST_CASE("async_depth leaves the rest of the scheduler's tags to reads", "[block]") {
  BlockSetup setup = mq("mq-deadline", 2);
  setup.queue.async_depth = 3;
  BlockFixture f(setup);
  for (int i = 0; i < 3; ++i)
    CHECK(f.submit(1000 * i) == Submit::kQueued);
  CHECK(f.submit(4000) == Submit::kNoRequest);
  CHECK(f.submit(5000, 8, BioOp::kRead) == Submit::kQueued);
  CHECK(f.submit(6000, 8, BioOp::kRead) == Submit::kNoRequest);
  CHECK(BlockFixture(mq("mq-deadline", 32)).queue.params().async_depth == 64);
}

TEST_CASE("what has another priority is not merged", "[block]") {
  BlockFixture f(mq("mq-deadline", 2));
  IoContext urgent;
  urgent.ioprio = IoPriority(PriorityClass::kRealtime);
  CHECK(f.submit(1000) == Submit::kQueued);
  CHECK(f.queue.try_submit(f.make_bio(1008), urgent) == Submit::kQueued);
  CHECK(f.queue.try_submit(f.make_bio(1016), urgent) == Submit::kMerged);
  CHECK(f.submit(992) == Submit::kMerged);
  f.run();
  CHECK(f.ended.size() == 4);
}

TEST_CASE("who waits for a tag is woken after a batch of them", "[block]") {
  CHECK(TagQueue(1).wake_batch() == 1);
  CHECK(TagQueue(32).wake_batch() == 4);
  CHECK(TagQueue(64).wake_batch() == 8);
  CHECK(TagQueue(1023).wake_batch() == 8);

  BlockFixture f(mq("none", 32));
  for (int i = 0; i < 32; ++i)
    f.submit(i * 1000);
  f.spawn_writer("writer", f.make_bio(100'000), f.task);
  f.run();
  REQUIRE(f.log.requests.size() == 33);
  // The fourth completion let it go on.
  CHECK(f.log.requests[32].queued == f.log.requests[3].completed);
}

// The recorded 6.1 woke its flusher after three more completions where a fourth had come before the
// flusher ran (E8, 1.08 s).
TEST_CASE("a tag that is freed before the woken task runs is of the next batch", "[block]") {
  Simulator sim({.seed = 1});
  TagQueue tags(32);
  while (tags.try_get())
    continue;
  const auto wait_twice = [](TagQueue& from, int& rounds) -> Task<> {
    for (; rounds < 2; ++rounds) {
      co_await from.wait_ptr().wait("tag");
      from.finish_wait();
    }
  };
  int rounds = 0;
  sim.spawn("task", wait_twice(tags, rounds), ProcessKind::kDaemon);
  const auto free_and_run = [&](int count) {
    for (int i = 0; i < count; ++i)
      tags.put();
    sim.run_until(sim.now() + Duration(1));
  };
  free_and_run(0);
  free_and_run(5);  // the fourth wakes it
  CHECK(rounds == 1);
  free_and_run(2);
  CHECK(rounds == 1);
  free_and_run(1);
  CHECK(rounds == 2);
}

// Submits so many bios `stride` sectors apart on a plug, then sleeps or finishes the plug.
Task<> plugged(BlockFixture& f, int count, std::int64_t stride, bool sleeps) {
  Process& self = co_await this_process();
  BlkPlug plug;
  plug.start(f.task, self);
  for (int i = 0; i < count; ++i) {
    Bio& bio = f.make_bio(i * stride);
    if (f.queue.try_submit(bio, f.task) == Submit::kNoRequest)
      co_await f.queue.submit_slow(bio, f.task);
  }
  if (sleeps)
    co_await f.sim.delay(milliseconds(1));
  plug.finish();
}

TEST_CASE("a task that sleeps gives its plug away in order, one that ends it in reverse",
          "[block]") {
  for (const bool sleeps : {true, false}) {
    BlockFixture f(mq("none", 32));
    f.sim.spawn("task", plugged(f, 4, 1000, sleeps));
    f.run();
    const std::vector<std::int64_t> in_order{0, 1000, 2000, 3000};
    const std::vector<std::int64_t> reversed{3000, 2000, 1000, 0};
    CHECK(served(f) == (sleeps ? in_order : reversed));
  }
}

TEST_CASE("with a scheduler a plug keeps its order either way", "[block]") {
  BlockFixture f(mq("mq-deadline", 1));
  f.sim.spawn("task", plugged(f, 2, 1000, false));
  f.run();
  CHECK(served(f) == std::vector<std::int64_t>{0, 1000});
}

TEST_CASE("a plug holds 32 requests, or one that has grown to 128 KiB", "[block]") {
  BlockFixture f(mq("mq-deadline", 64));
  f.sim.spawn("task", plugged(f, 33, 1000, false));
  f.run();
  CHECK(f.log.requests[0].allocated == 33);

  BlockFixture g(mq("none", 64));
  const auto two_runs = [](BlockFixture& fixture) -> Task<> {
    Process& self = co_await this_process();
    BlkPlug plug;
    plug.start(fixture.task, self);
    for (int i = 0; i < 32; ++i)
      fixture.submit(i * 8);
    CHECK(fixture.queue.in_flight() == 0);
    fixture.submit(100'000);
    CHECK(fixture.queue.in_flight() == 1);
    plug.finish();
  };
  g.sim.spawn("task", two_runs(g));
  g.run();
  CHECK(g.log.requests[0].sectors == Sectors(256));
}

// Nine requests are in the software queue, kblockd has not run yet, and a bio comes that continues
// the n-th newest of them.
Submit behind_newest(int n, int nomerges) {
  BlockSetup setup = mq("none", 32);
  setup.queue.nomerges = nomerges;
  BlockFixture f(setup);
  IoContext other;
  Submit result{};
  const auto submit = [](BlockFixture& fixture, Bio& bio, IoContext& ioc, Submit& out) -> Task<> {
    out = fixture.queue.try_submit(bio, ioc);
    co_return;
  };
  f.sim.spawn("task", plugged(f, 9, 1000, true));
  f.sim.spawn("other", submit(f, f.make_bio((9 - n) * 1000 + 8), other, result));
  f.run();
  return result;
}

TEST_CASE("a bio is tried with the eight newest requests of the software queue", "[block]") {
  CHECK(behind_newest(1, 0) == Submit::kMerged);
  CHECK(behind_newest(8, 0) == Submit::kMerged);
  CHECK(behind_newest(9, 0) == Submit::kQueued);
  CHECK(behind_newest(1, 1) == Submit::kMerged);
  CHECK(behind_newest(1, 2) == Submit::kQueued);
}

Task<> wait_for_tag(TagQueue& tags, int number, std::vector<int>& woken) {
  WaitQueue& queue = tags.wait_ptr();
  co_await queue.wait("tag");
  woken.push_back(number);
}

TEST_CASE("freed tags go round the eight wait queues", "[block]") {
  Simulator sim;
  TagQueue tags(8);
  std::vector<int> woken;
  while (tags.try_get()) {
  }
  for (int i = 0; i < 10; ++i)  // the last two share the queues of the first two
    sim.spawn("task", wait_for_tag(tags, i, woken), ProcessKind::kDaemon);
  sim.run_until(TimePoint{});
  for (int i = 0; i < 8; ++i)
    tags.put();
  sim.run_until(TimePoint{});
  CHECK(woken == std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7});
}

TEST_CASE("processors share the hardware queues, each with tags of its own", "[block]") {
  BlockSetup setup = mq("none", 8);
  setup.queue.nr_hw_queues = 2;
  setup.queue.cpus = 4;
  BlockFixture f(setup);
  IoContext other;
  other.cpu = 3;
  for (int i = 0; i < 4; ++i)
    CHECK(f.submit(i * 1000) == Submit::kQueued);
  CHECK(f.submit(4000) == Submit::kNoRequest);
  CHECK(f.queue.try_submit(f.make_bio(5000), other) == Submit::kQueued);
}

TEST_CASE("a request that the device has no room for waits on its hardware queue", "[block]") {
  BlockSetup setup = mq("none", 1);
  setup.queue.nr_hw_queues = 2;  // a tag each
  setup.queue.cpus = 2;
  BlockFixture f(setup);
  IoContext other;
  other.cpu = 1;
  CHECK(f.submit(1000) == Submit::kQueued);
  CHECK(f.queue.try_submit(f.make_bio(5000), other) == Submit::kQueued);
  CHECK(f.queue.in_flight() == 1);
  f.run();
  CHECK(served(f) == std::vector<std::int64_t>{1000, 5000});
}

}  // namespace
}  // namespace wbsim
