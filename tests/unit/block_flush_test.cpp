#include <catch2/catch.hpp>

#include "models/block/blk_mq.hpp"
#include "tests/support/block_fixture.hpp"

namespace wbsim {
namespace {

using std::chrono::microseconds;
using Submit = RequestQueue::Submit;

BlockSetup cached(QueueKind kind, bool fua) {
  BlockSetup setup;
  setup.rules.kind = kind;
  setup.rules.plug = kind == QueueKind::kMulti ? kPlug61 : kPlug310;
  setup.queue.scheduler = kind == QueueKind::kMulti ? "mq-deadline" : "deadline";
  setup.queue.wbt_lat = Duration::zero();
  setup.queue.write_cache = true;
  setup.queue.fua = fua;
  setup.device.driver_depth = 8;
  return setup;
}

Bio& flush_bio(BlockFixture& f) {
  Bio& bio = f.make_bio(0, 0);
  bio.preflush = bio.sync = true;
  return bio;
}

TEST_CASE("flushes asked for while one runs share the next", "[block]") {
  for (const QueueKind kind : {QueueKind::kSingle, QueueKind::kMulti}) {
    BlockFixture f(cached(kind, false));
    for (int i = 0; i < 5; ++i)
      CHECK(f.queue.try_submit(flush_bio(f), f.task) == Submit::kQueued);
    f.run();
    CHECK(f.ended.size() == 5);
    CHECK(f.queue.stats().flushes == 2);
    CHECK(f.queue.allocated() == 0);
  }
}

TEST_CASE("PREFLUSH with data is a flush and then the data; FUA without FUA a flush after it",
          "[block]") {
  for (const QueueKind kind : {QueueKind::kSingle, QueueKind::kMulti})
    for (const bool fua : {false, true}) {
      BlockFixture f(cached(kind, fua));
      Bio& bio = f.make_bio(1000);
      bio.preflush = bio.fua = bio.sync = true;
      f.queue.try_submit(bio, f.task);
      f.run();
      CHECK(f.ended.size() == 1);
      CHECK(f.log.requests.size() == 1);
      CHECK(f.queue.stats().flushes == (fua ? 1 : 2));
    }
}

TEST_CASE("a FUA write alone needs no flush on a drive that knows FUA", "[block]") {
  BlockFixture f(cached(QueueKind::kMulti, true));
  Bio& bio = f.make_bio(1000);
  bio.fua = true;
  f.queue.try_submit(bio, f.task);
  f.run();
  CHECK(f.ended.size() == 1);
  CHECK(f.queue.stats().flushes == 0);
}

TEST_CASE("a flush is never merged into, nor waits for what the elevator holds", "[block]") {
  BlockSetup setup = cached(QueueKind::kSingle, true);
  setup.device.driver_depth = 1;
  BlockFixture f(setup);
  for (int i = 0; i < 6; ++i)
    f.submit(i * 1000);
  Bio& bio = f.make_bio(5008);
  bio.preflush = true;
  CHECK(f.queue.try_submit(bio, f.task) == Submit::kQueued);
  f.run();
  REQUIRE(f.ended.size() == 7);
  CHECK(f.ended[1] == 6);  // behind the one the disk was serving
}

TEST_CASE("a barrier drains the queue, flushes around its write and lets the rest follow",
          "[block]") {
  for (const bool write_cache : {false, true}) {
    BlockSetup setup = cached(QueueKind::kSingle, false);
    setup.rules.plug = {};
    setup.queue.write_cache = write_cache;
    BlockFixture f(setup);
    f.submit(9000);
    f.submit(8000);
    Bio& bio = f.make_bio(100);
    bio.barrier = true;
    CHECK(f.queue.try_submit(bio, f.task) == Submit::kQueued);
    f.submit(50);
    f.run();
    CHECK(f.ended == std::vector<std::uint64_t>{0, 1, 2, 3});
    CHECK(f.queue.stats().flushes == (write_cache ? 2 : 0));
  }
}

TEST_CASE("nothing of a barrier begins while anything else is under way, and nothing passes it",
          "[block]") {
  BlockSetup setup = cached(QueueKind::kSingle, false);
  setup.rules.plug = {};
  BlockFixture f(setup);
  f.submit(9000);
  f.submit(8000);
  f.queue.unplug();
  Bio& bio = f.make_bio(100);
  bio.barrier = true;
  f.queue.try_submit(bio, f.task);
  f.submit(50);
  f.queue.unplug();
  CHECK(f.queue.in_flight() == 2);
  f.run();
  CHECK(f.ended == std::vector<std::uint64_t>{0, 1, 2, 3});
}

TEST_CASE("without a volatile cache the flags mean nothing", "[block]") {
  BlockSetup setup = cached(QueueKind::kMulti, false);
  setup.queue.write_cache = false;
  BlockFixture f(setup);
  f.submit(1000);
  Bio& bio = f.make_bio(1008);
  bio.preflush = bio.fua = true;
  CHECK(f.queue.try_submit(bio, f.task) == Submit::kMerged);
  f.run();
  CHECK(f.queue.stats().flushes == 0);
}

}  // namespace
}  // namespace wbsim
