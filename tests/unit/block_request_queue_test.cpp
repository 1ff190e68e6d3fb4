#include <catch2/catch.hpp>

#include "tests/support/block_fixture.hpp"

namespace wbsim {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using Submit = RequestQueue::Submit;

BlockSetup small_queue(int nr_requests) {
  BlockSetup setup;
  setup.queue.nr_requests = nr_requests;
  return setup;
}

TEST_CASE("block-layer 7.5: 4 KiB bios in a row make requests of 512 KiB", "[block]") {
  BlockFixture f;
  for (int i = 0; i < 300; ++i)
    f.submit(i * 8);
  f.run();
  REQUIRE(f.log.requests.size() == 3);
  CHECK(f.log.requests[0].sectors == Sectors(1024));
  CHECK(f.log.requests[0].bios == 128);
  CHECK(f.log.requests[1].sectors == Sectors(1024));
  CHECK(f.log.requests[2].sectors == Sectors(44 * 8));
  CHECK(f.queue.stats().merges[1] == 297);
  CHECK(f.ended.size() == 300);
}

TEST_CASE("max_segments ends a request before max_sectors does", "[block]") {
  BlockSetup setup;
  setup.queue.max_segments = 16;
  BlockFixture f(setup);
  for (int i = 0; i < 32; ++i)
    f.submit(i * 8);
  f.run();
  REQUIRE(f.log.requests.size() == 2);
  CHECK(f.log.requests[0].bios == 16);
}

TEST_CASE("block-layer 7.6: three requests on an idle queue start when the plug times out",
          "[block]") {
  BlockFixture f;  // HZ=1000: 3 ms
  for (int i = 0; i < 3; ++i)
    f.at(milliseconds(i), i * 1000);
  f.run();
  REQUIRE(f.log.requests.size() == 3);
  CHECK(f.log.requests[0].started == milliseconds(3));
  CHECK(f.log.requests[0].idle_start);
  CHECK(f.log.requests[0].allocated == 3);
  CHECK_FALSE(f.log.requests[1].idle_start);
}

TEST_CASE("block-layer 7.6: a fourth request unplugs at once", "[block]") {
  BlockFixture f;
  for (int i = 0; i < 3; ++i)
    f.at(milliseconds(i), i * 1000);
  f.at(microseconds(2500), 3000);
  f.run();
  CHECK(f.log.requests.at(0).started == microseconds(2500));
  CHECK(f.log.requests[0].allocated == 4);
}

TEST_CASE("block-layer 7.6: at HZ=100 the plug lasts up to a jiffy of 10 ms", "[block]") {
  BlockSetup setup;
  setup.hz = 100;
  for (const int submitted_ms : {0, 4}) {
    BlockFixture f(setup);
    f.at(milliseconds(submitted_ms), 0);
    f.run();
    CHECK(f.log.requests.at(0).started == milliseconds(10));
  }
}

TEST_CASE("a waiter and an unplugging bio start the queue", "[block]") {
  BlockFixture f;
  f.submit(0);
  CHECK(f.queue.plugged());
  f.queue.unplug();
  CHECK(f.queue.in_flight() == 1);

  BlockFixture g;
  Bio& bio = g.make_bio(0);
  bio.unplug = true;
  g.queue.try_submit(bio, g.task);
  CHECK(g.queue.in_flight() == 1);
}

TEST_CASE("from 2.6.29 on a disk without an arm that queues commands is not plugged", "[block]") {
  struct Row {
    bool known, rotational;
    int depth;
    bool plugs;
  };
  for (const Row& row : {Row{true, true, 32, true}, Row{true, false, 1, true},
                         Row{true, false, 32, false}, Row{false, false, 32, true}}) {
    BlockSetup setup;
    setup.rules.knows_rotational = row.known;
    setup.queue.rotational = row.rotational;
    setup.device.driver_depth = row.depth;
    BlockFixture f(setup);
    f.submit(100);
    CHECK(f.queue.plugged() == row.plugs);
    CHECK(f.queue.in_flight() == (row.plugs ? 0 : 1));
  }
}

TEST_CASE("a busy disk takes the next request at once, plugged or not", "[block]") {
  BlockFixture f;
  f.submit(0);
  f.queue.unplug();
  f.at(microseconds(10), 1000);  // plugs the empty queue until 3 ms
  f.run();
  REQUIRE(f.log.requests.size() == 2);
  CHECK(f.log.requests[1].started == f.log.requests[0].started + f.log.requests[0].service);
  CHECK_FALSE(f.log.requests[1].idle_start);
}

TEST_CASE("requests with the driver do not count toward the unplug threshold", "[block]") {
  BlockFixture f;
  f.submit(0);
  f.queue.unplug();
  for (int i = 1; i <= 3; ++i)
    f.submit(i * 1000);
  CHECK(f.queue.plugged());
  f.submit(4000);
  CHECK_FALSE(f.queue.plugged());
}

TEST_CASE("a bio joins the front of a request", "[block]") {
  BlockFixture f;
  CHECK(f.submit(108) == Submit::kQueued);
  CHECK(f.submit(100) == Submit::kMerged);
  f.run();
  REQUIRE(f.log.requests.size() == 1);
  CHECK(f.log.requests[0].sector == Sectors(100));
  CHECK(f.ended == std::vector<std::uint64_t>{1, 0});  // in order of sectors
}

TEST_CASE("a bio that fills a gap joins both neighbours into one request", "[block]") {
  for (const char* scheduler : {"deadline", "noop"}) {
    BlockSetup setup;
    setup.queue.scheduler = scheduler;
    BlockFixture f(setup);
    f.submit(100);
    f.submit(116);
    CHECK(f.queue.allocated() == 2);
    CHECK(f.submit(108) == Submit::kMerged);
    CHECK(f.queue.allocated() == 1);
    f.run();
    REQUIRE(f.log.requests.size() == 1);
    CHECK(f.log.requests[0].sectors == Sectors(24));
    CHECK(f.log.requests[0].bios == 3);
    CHECK(f.ended == std::vector<std::uint64_t>{0, 2, 1});
    CHECK(f.queue.stats().merges[1] == 1);  // joins are not counted
    CHECK(f.queue.stats().ios[1] == 1);
  }
}

TEST_CASE("the hash finds a back merge that the last merge does not", "[block]") {
  BlockFixture f;
  f.submit(100);
  f.submit(500);
  f.submit(508);  // the last merge is now the second request
  CHECK(f.submit(108) == Submit::kMerged);
}

TEST_CASE("nomerges: 1 leaves the last merged request to try, 2 none", "[block]") {
  struct Row {
    int nomerges;
    Submit behind_the_last, behind_another;
  };
  for (const Row& row :
       {Row{0, Submit::kMerged, Submit::kMerged}, Row{1, Submit::kMerged, Submit::kQueued},
        Row{2, Submit::kQueued, Submit::kQueued}}) {
    BlockSetup setup;
    setup.queue.scheduler = "deadline";
    setup.queue.nomerges = row.nomerges;
    BlockFixture f(setup);
    f.submit(100);
    f.submit(500);
    CHECK(f.submit(108) == row.behind_the_last);
    CHECK(f.submit(508) == row.behind_another);
  }
}

TEST_CASE("reads and writes do not merge, sync and async do", "[block]") {
  BlockSetup setup;
  setup.queue.scheduler = "deadline";
  BlockFixture f(setup);
  f.submit(100, 8, BioOp::kWrite);
  CHECK(f.submit(108, 8, BioOp::kRead) == Submit::kQueued);
  Bio& sync = f.make_bio(92);
  sync.sync = true;
  CHECK(f.queue.try_submit(sync, f.task) == Submit::kMerged);
}

TEST_CASE("a request that a bio did not fit is not merged with again", "[block]") {
  BlockSetup setup;
  setup.queue.max_sectors = Sectors(16);
  BlockFixture f(setup);
  f.submit(100);
  CHECK(f.submit(108, 16) == Submit::kQueued);  // 24 sectors would be too many
  CHECK(f.submit(92) == Submit::kQueued);       // would have fitted in front
}

TEST_CASE("2.6.31 counts by sync, before by direction", "[block]") {
  QueueRules by_sync, by_direction;
  by_direction.split_by_sync = false;
  CHECK(by_sync.index(BioOp::kWrite, false) == 0);
  CHECK(by_sync.index(BioOp::kWrite, true) == 1);
  CHECK(by_sync.index(BioOp::kRead, false) == 1);
  CHECK(by_direction.index(BioOp::kRead, false) == 0);
  CHECK(by_direction.index(BioOp::kWrite, true) == 1);
  for (const bool split : {false, true}) {
    BlockSetup setup = small_queue(8);
    setup.rules.split_by_sync = split;
    BlockFixture f(setup);
    for (int i = 0; i < 8; ++i)
      f.submit(i * 1000);
    CHECK(f.queue.write_congested());
    CHECK(f.queue.congested(BioOp::kWrite, true) == !split);
    CHECK_FALSE(f.queue.congested(BioOp::kRead, true));
  }
}

TEST_CASE("a full queue puts writers to sleep and serves them in order of arrival", "[block]") {
  BlockFixture f(small_queue(4));
  // The task fills the queue with its batch, up to the cap of 6.
  for (int i = 0; i < 6; ++i)
    CHECK(f.submit(i * 1000) == Submit::kQueued);
  CHECK(f.submit(6000) == Submit::kNoRequest);
  IoContext first, second;
  first.thread = "first";
  second.thread = "second";
  f.spawn_writer("first", f.make_bio(10000), first);
  f.spawn_writer("second", f.make_bio(20000), second);
  f.run();
  REQUIRE(f.log.requests.size() == 8);
  CHECK(f.log.requests[6].thread == "first");
  CHECK(f.log.requests[7].thread == "second");
  // 6 - 3 = 3 left: the third release is the first to let anybody in.
  CHECK(f.log.requests[6].queued == f.log.requests[2].completed);
  CHECK(f.queue.allocated() == 0);
}

TEST_CASE("a writer that slept gets a batch", "[block]") {
  BlockFixture f(small_queue(4));
  for (int i = 0; i < 6; ++i)
    f.submit(i * 1000);
  IoContext sleeper;
  f.spawn_writer("sleeper", f.make_bio(20000), sleeper);
  f.run();
  CHECK(sleeper.nr_batch_requests == 31);
}

TEST_CASE("after sleeping for a slot a bio is not merged any more", "[block]") {
  BlockFixture f(small_queue(4));
  for (int i = 0; i < 6; ++i)
    f.submit(i * 1000);
  IoContext first, second;
  f.spawn_writer("first", f.make_bio(20000), first);
  f.spawn_writer("second", f.make_bio(20008), second);
  f.run();
  CHECK(f.log.requests.size() == 8);
}

Task<> wait_for_congestion(CongestionWaits& waits, std::size_t index, Simulator& sim,
                           TimePoint& woken) {
  WaitQueue& queue = waits.queue(index);
  co_await queue.wait_for(milliseconds(100), "congestion_wait");
  woken = sim.now();
}

TEST_CASE("whoever waits for congestion wakes at the next completion if there is none", "[block]") {
  BlockFixture f;
  f.submit(0);
  f.submit(1000);
  f.queue.unplug();
  TimePoint woken{};
  const std::size_t index = QueueRules{}.write_index();
  f.sim.spawn("flusher", wait_for_congestion(f.block_layer.congestion, index, f.sim, woken));
  f.run();
  CHECK(woken == TimePoint(f.log.requests[0].completed));
}

TEST_CASE("one disk's completion does not wake while it is congested", "[block]") {
  BlockFixture f(small_queue(128));
  for (int i = 0; i < 120; ++i)
    f.submit(i * 1000);
  CHECK(f.queue.write_congested());
  TimePoint woken{};
  const std::size_t index = QueueRules{}.write_index();
  f.sim.spawn("flusher", wait_for_congestion(f.block_layer.congestion, index, f.sim, woken));
  f.run();
  CHECK(woken == TimePoint(f.log.requests[17].completed));  // 120 - 18 = 102
}

TEST_CASE("a late completion does not delay the next request", "[block]") {
  BlockSetup setup;
  setup.device.fixed.completion_latency = milliseconds(1);
  BlockFixture f(setup);
  f.submit(0);
  f.submit(1000);
  f.queue.unplug();
  f.run();
  REQUIRE(f.log.requests.size() == 2);
  const RequestRecord& first = f.log.requests[0];
  CHECK(first.completed == first.started + first.service + milliseconds(1));
  CHECK(f.log.requests[1].started == first.started + first.service);
  CHECK(f.log.requests[1].allocated == 2);  // the first one's slot is not yet free
}

TEST_CASE("what the driver holds is out of the elevator's hands", "[block]") {
  BlockSetup setup;
  setup.queue.scheduler = "deadline";
  setup.device.driver_depth = 3;
  BlockFixture f(setup);
  for (const int sector : {3000, 5000, 4000, 1000})
    f.submit(sector);  // the fourth unplugs
  CHECK(f.queue.in_flight() == 3);
  CHECK(f.submit(5008) == Submit::kQueued);  // its neighbour is with the driver
  f.run();
  std::vector<std::int64_t> order;
  for (const RequestRecord& rq : f.log.requests)
    order.push_back(rq.sector.count());
  CHECK(order == std::vector<std::int64_t>{3000, 4000, 5000, 1000, 5008});
}

TEST_CASE("statistics of a few requests", "[block]") {
  BlockSetup setup;
  setup.queue.scheduler = "deadline";
  BlockFixture f(setup);
  Bio& meta = f.make_bio(0);
  meta.meta = true;
  f.queue.try_submit(meta, f.task);
  f.submit(8);
  f.submit(2000, 8, BioOp::kRead);
  f.queue.unplug();
  const Duration read_service(140'960), write_service(181'920);
  f.run_until(microseconds(200));
  CHECK(f.queue.busy() == microseconds(200));
  f.run();
  const QueueStats stats = f.queue.stats();
  CHECK(stats.ios == std::array<std::int64_t, 2>{1, 1});
  CHECK(stats.merges == std::array<std::int64_t, 2>{0, 1});
  CHECK(stats.sectors[1] == Sectors(16));
  CHECK(stats.meta_sectors == Sectors(8));
  CHECK(stats.time[0] == read_service);
  CHECK(stats.time[1] == read_service + write_service);
  CHECK(stats.io_time == read_service + write_service);
  CHECK(stats.service_started == read_service + write_service);
  CHECK(stats.seeks == 2);  // to the read, and back to the write
  CHECK(stats.allocated_sum == 3);
  CHECK(stats.first_write_start == TimePoint(read_service));
  CHECK(stats.last_write_end == TimePoint(read_service + write_service));
}

}  // namespace
}  // namespace wbsim
