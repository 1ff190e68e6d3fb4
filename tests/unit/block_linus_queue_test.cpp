// The request queue of 2.4: slots, the plug, and who is woken.
#include <algorithm>
#include <catch2/catch.hpp>

#include "models/block/linus_queue.hpp"
#include "tests/support/block_fixture.hpp"

namespace wbsim {
namespace {

// blkparse's letters of what happened.
struct EventLog : RequestLog {
  std::string letters;
  std::string served;  // the threads that got a request, in turn
  bool wants_block_events() const override { return true; }
  void on_block(const BlockEvent& event) override {
    letters += std::string_view("QMFGSIDCPUT")[static_cast<std::size_t>(event.what)];
    if (event.what == BlockEvent::What::kGetrq)
      served += event.thread;
  }
};

class Queue24 {
 public:
  explicit Queue24(LinusRelease release, int slots = 128, int depth = 1)
      : setup(with_depth(depth)),
        disk(make_device(setup.device)),
        queue(sim, TickClock(setup.hz), *disk, params(slots), release, layer, log) {
    task.thread = "task";
  }
  ~Queue24() { sim.destroy_processes(); }

  Bio& bio(std::int64_t sector, BioOp op = BioOp::kWrite) {
    Bio& bio = bios.emplace_back();
    bio.sector = Sectors(sector);
    bio.length = Sectors(8);
    bio.op = op;
    bio.bi_private = this;
    bio.bi_end_io = [](Bio& done, bool) {
      ++static_cast<Queue24*>(done.bi_private)->ended;
      done.bi_private = nullptr;
    };
    return bio;
  }
  RequestQueue::Submit submit(std::int64_t sector, BioOp op = BioOp::kWrite) {
    return queue.try_submit(bio(sector, op), task);
  }
  // Far apart, so that nothing merges.
  void fill(int count, BioOp op = BioOp::kWrite) {
    for (int i = 0; i < count; ++i)
      REQUIRE(submit(100 * ++filled, op) == RequestQueue::Submit::kQueued);
  }
  void spawn_writer(Bio& bio) { sim.spawn("writer", BlockFixture::write(queue, bio, task)); }
  void run() { sim.run_until(TimePoint(std::chrono::hours(1))); }

  BlockSetup setup;
  Simulator sim;
  std::unique_ptr<Device> disk;
  TaskQueueDisk tq_disk;
  BlockLayer layer;
  EventLog log;
  LinusQueue queue;
  IoContext task;
  std::deque<Bio> bios;
  int ended = 0;
  int filled = 0;

 private:
  static BlockSetup with_depth(int depth) {
    BlockSetup s;
    s.device.driver_depth = depth;
    return s;
  }
  QueueParams params(int slots) {
    QueueParams p = setup.queue;
    p.nr_requests = slots;
    p.max_sectors = Sectors(255);
    p.tq_disk = &tq_disk;
    return p;
  }
};

TEST_CASE("a bio that is tried again is told once to have come in", "[block]") {
  Queue24 f(LinusRelease::k2417, 8);
  while (f.submit(100 * ++f.filled) == RequestQueue::Submit::kQueued) {
  }
  CHECK(f.queue.try_submit(f.bios.back(), f.task) == RequestQueue::Submit::kNoRequest);
  CHECK(std::count(f.log.letters.begin(), f.log.letters.end(), 'Q') ==
        static_cast<std::ptrdiff_t>(f.bios.size()));
}

TEST_CASE("a plugged queue of 2.4 waits for tq_disk, however long", "[block]") {
  Queue24 f(LinusRelease::k2417);
  f.fill(3);
  CHECK(f.queue.plugged());
  f.run();
  CHECK(f.ended == 0);

  f.tq_disk.run();
  f.run();
  CHECK(f.ended == 3);
  CHECK(f.queue.idle());
}

TEST_CASE("requests that come to a working queue are served without a plug", "[block]") {
  for (const LinusRelease release : {LinusRelease::k240, LinusRelease::k2417}) {
    Queue24 f(release);
    f.fill(1);
    f.tq_disk.run();
    f.fill(2);
    CHECK_FALSE(f.queue.plugged());
    f.run();
    CHECK(f.ended == 3);
  }
}

TEST_CASE("a device that takes all there is leaves an empty queue, which is plugged again",
          "[block]") {
  for (const LinusRelease release : {LinusRelease::k240, LinusRelease::k2417}) {
    Queue24 f(release, 128, 4);
    f.fill(2);
    f.tq_disk.run();
    REQUIRE(f.queue.elevator().empty());
    f.fill(1);
    CHECK(f.queue.plugged());
    f.run();
    CHECK(f.ended == 2);
    f.tq_disk.run();
    f.run();
    CHECK(f.ended == 3);
  }
}

TEST_CASE("a queue stands on tq_disk once, and again only after it was run", "[block]") {
  Queue24 f(LinusRelease::k2417);
  f.fill(1);
  f.queue.unplug();
  f.run();
  f.fill(1);
  CHECK(f.queue.plugged());
  f.tq_disk.run();
  CHECK_FALSE(f.queue.plugged());
  CHECK(f.tq_disk.empty());
}

TEST_CASE("a read without a slot takes one of the writes in 2.4.0, and waits in 2.4.17",
          "[block]") {
  Queue24 early(LinusRelease::k240, 4);
  early.fill(4, BioOp::kRead);
  CHECK(early.submit(5000, BioOp::kRead) == RequestQueue::Submit::kQueued);
  CHECK(early.queue.free_slots(BioOp::kWrite) == 3);

  Queue24 late(LinusRelease::k2417, 4);
  late.fill(4, BioOp::kRead);
  CHECK(late.submit(5000, BioOp::kRead) == RequestQueue::Submit::kNoRequest);
}

TEST_CASE("a write without a slot waits, and unplugs before it sleeps", "[block]") {
  for (const LinusRelease release : {LinusRelease::k240, LinusRelease::k2417}) {
    Queue24 f(release, 4);
    f.fill(4);
    CHECK(f.submit(5000) == RequestQueue::Submit::kNoRequest);
    f.spawn_writer(f.bio(6000));
    f.run();
    CHECK(f.ended == 5);
  }
}

TEST_CASE("2.4.0 wakes one waiter for each freed request", "[block]") {
  Queue24 f(LinusRelease::k240, 4);
  f.fill(4);
  for (int i = 0; i < 3; ++i)
    f.spawn_writer(f.bio(6000 + 100 * i));
  // 140.96 us each: after the first completion one writer has its slot, two wait.
  f.sim.run_until(TimePoint(std::chrono::microseconds(200)));
  CHECK(f.ended == 1);
  CHECK(f.queue.allocated() == 4);
  f.run();
  CHECK(f.ended == 7);
}

TEST_CASE("2.4.0: readers and writers wait in one queue, in 2.4.17 in two", "[block]") {
  for (const LinusRelease release : {LinusRelease::k240, LinusRelease::k2417}) {
    Queue24 f(release, 4);
    f.fill(4);
    f.fill(4, BioOp::kRead);
    f.log.served.clear();
    IoContext reader, writer;
    reader.thread = "r";
    writer.thread = "w";
    f.sim.spawn("r", BlockFixture::write(f.queue, f.bio(90'000, BioOp::kRead), reader));
    f.sim.spawn("w", BlockFixture::write(f.queue, f.bio(95'000), writer));
    f.run();
    CHECK(f.ended == 10);
    // The writes are done first; in 2.4.0 that lets in who came first.
    CHECK(f.log.served == (release == LinusRelease::k240 ? "rw" : "wr"));
  }
}

TEST_CASE("2.4.17 wakes the waiters when a batch is free, and then all of them", "[block]") {
  Queue24 f(LinusRelease::k2417, 64);
  f.fill(64);
  for (int i = 0; i < 3; ++i)
    f.spawn_writer(f.bio(60'000 + 100 * i));
  const auto completed = [&f](int n) {
    f.sim.run_until(
        TimePoint(std::chrono::nanoseconds(140'960) * n + std::chrono::microseconds(1)));
  };
  completed(31);
  CHECK(f.queue.allocated() == 64 - 31);
  completed(32);
  CHECK(f.queue.allocated() == 64 - 32 + 3);
}

TEST_CASE("2.4.0 lets in who has waited longest, 2.4.17 the latest of those it wakes", "[block]") {
  for (const LinusRelease release : {LinusRelease::k240, LinusRelease::k2417}) {
    Queue24 f(release, 4);
    f.fill(4);
    f.log.served.clear();
    std::deque<IoContext> tasks(3);
    for (std::size_t i = 0; i < tasks.size(); ++i) {
      tasks[i].thread = std::string_view("abc").substr(i, 1);
      Bio& bio = f.bio(6000 + 100 * static_cast<std::int64_t>(i));
      f.sim.spawn("writer", BlockFixture::write(f.queue, bio, tasks[i]));
    }
    f.run();
    CHECK(f.log.served == (release == LinusRelease::k240 ? "abc" : "cba"));
  }
}

Task<> sleep_for_request(LinusQueue& queue, Bio& bio, IoContext& ioc) {
  co_await queue.submit_slow(bio, ioc);
}

TEST_CASE("2.4.17 lets nobody in before a batch is free, 2.4.0 with any free slot", "[block]") {
  for (const LinusRelease release : {LinusRelease::k240, LinusRelease::k2417}) {
    Queue24 f(release, 64);
    f.fill(64);
    f.tq_disk.run();
    f.sim.run_until(TimePoint(std::chrono::microseconds(1500)));  // ten are done
    REQUIRE(f.queue.allocated() == 54);
    f.sim.spawn("writer", sleep_for_request(f.queue, f.bio(60'000), f.task));
    f.sim.run_until(TimePoint(std::chrono::microseconds(1501)));
    CHECK(f.queue.allocated() == (release == LinusRelease::k240 ? 55 : 54));
    f.run();
    CHECK(f.ended == 65);
  }
}

TEST_CASE("who waited for a slot looks for a merge again", "[block]") {
  Queue24 f(LinusRelease::k240, 4);
  f.fill(4);
  f.spawn_writer(f.bio(6000));
  f.spawn_writer(f.bio(6008));
  f.run();
  REQUIRE(f.log.requests.size() == 5);
  CHECK(f.log.requests.back().sectors == Sectors(16));
}

TEST_CASE("the block events of a 2.4 queue", "[block]") {
  Queue24 f(LinusRelease::k2417, 1);
  f.submit(100);
  f.submit(108);
  f.submit(92);
  CHECK(f.log.letters == "QGPIQMQF");
  f.log.letters.clear();
  f.spawn_writer(f.bio(6000));
  f.run();  // it sleeps for the slot of the first, then finds the queue empty
  CHECK(f.log.letters == "QSUDCGPI");
  f.log.letters.clear();
  f.tq_disk.run();
  f.run();
  CHECK(f.log.letters == "UDC");
}

TEST_CASE("a bio that closes the gap between two requests joins them", "[block]") {
  for (const LinusRelease release : {LinusRelease::k240, LinusRelease::k2417}) {
    Queue24 f(release, 4);
    f.submit(100);
    f.submit(116);
    REQUIRE(f.submit(108) == RequestQueue::Submit::kMerged);
    CHECK(f.queue.allocated() == 1);
    CHECK(f.queue.free_slots(BioOp::kWrite) == 3);
    f.tq_disk.run();
    f.run();
    REQUIRE(f.log.requests.size() == 1);
    CHECK(f.log.requests[0].sectors == Sectors(24));
  }
}

TEST_CASE("each release of 2.4 is given the queue of its own", "[block]") {
  for (const QueueKind kind : {QueueKind::kLinus240, QueueKind::kLinus2417}) {
    Queue24 parts(LinusRelease::k240);  // its world
    QueueRules rules;
    rules.kind = kind;
    QueueParams params = parts.setup.queue;
    params.nr_requests = 4;
    params.tq_disk = &parts.tq_disk;
    const auto disk = make_device(parts.setup.device);
    const auto queue = make_request_queue(parts.sim, TickClock(parts.setup.hz), *disk, params,
                                          rules, parts.layer, parts.log);
    for (const int n : {1, 2, 3, 4})
      CHECK(queue->try_submit(parts.bio(100 * n, BioOp::kRead), parts.task) ==
            RequestQueue::Submit::kQueued);
    const bool steals_slots = kind == QueueKind::kLinus240;
    CHECK(queue->try_submit(parts.bio(5000, BioOp::kRead), parts.task) ==
          (steals_slots ? RequestQueue::Submit::kQueued : RequestQueue::Submit::kNoRequest));
  }
}

}  // namespace
}  // namespace wbsim
