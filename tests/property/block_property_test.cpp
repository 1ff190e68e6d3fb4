// Random streams of bios from several tasks, with events of one instant in shuffled order.
#include <rapidcheck.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <tuple>

#include "models/block/blk_mq.hpp"
#include "models/block/blk_plug.hpp"
#include "tests/support/block_fixture.hpp"

namespace wbsim {
namespace {

struct Stream {
  std::vector<std::pair<std::int64_t, bool>> blocks;  // of 8 sectors; whether it is a write
  IoContext ioc;
  int pause_every = 0;
  bool plugged = false;
  int barrier_every = 0;
};

// When a writer began to hand a bio over and when it had, as places in one order.
struct Submissions {
  struct Span {
    std::size_t from = 0, to = 0;
  };
  std::map<std::uint64_t, Span> spans;  // by cookie
  std::size_t next = 0;
};

Task<> submit_all(BlockFixture& f, Stream& stream, Submissions* noted = nullptr) {
  Process& self = co_await this_process();
  BlkPlug plug;
  if (stream.plugged)
    plug.start(stream.ioc, self);
  stream.ioc.cpu %= f.queue.params().cpus;
  int n = 0;
  for (const auto& [block, write] : stream.blocks) {
    Bio& bio = f.make_bio(block * 8, 8, write ? BioOp::kWrite : BioOp::kRead);
    bio.sync = n % 3 == 0;
    bio.unplug = n % 11 == 0;
    bio.direct = n % 7 == 0;
    const bool has_barriers = stream.barrier_every > 0;  // no kernel has both
    bio.preflush = write && !has_barriers && n % 13 == 5;
    bio.fua = write && !has_barriers && n % 17 == 3;
    bio.barrier = write && has_barriers && n % stream.barrier_every == 7;
    Submissions::Span span;
    if (noted)
      span.from = noted->next++;
    if (f.queue.try_submit(bio, stream.ioc) == RequestQueue::Submit::kNoRequest)
      co_await f.queue.submit_slow(bio, stream.ioc);
    if (noted) {
      span.to = noted->next++;
      noted->spans[bio.cookie] = span;
    }
    if (++n % stream.pause_every == 0)
      co_await f.sim.delay(std::chrono::microseconds(300));
  }
  plug.finish();
}

// The single queue with its own plug or those of tasks, or blk-mq.
void choose_kind(BlockSetup& setup) {
  const int era = *rc::gen::inRange(0, 3);
  if (era > 0)
    setup.rules = era == 1 ? queue_rules_310() : queue_rules_61();
  const auto& names = scheduler_names(setup.rules);
  const auto chosen = static_cast<std::size_t>(*rc::gen::inRange<int>(0, 100)) % names.size();
  setup.queue.scheduler = std::string(names[chosen]);
  setup.rules.split_by_sync = *rc::gen::arbitrary<bool>();
  setup.queue.nomerges = *rc::gen::element(0, 0, 0, 1, 2);
  setup.queue.write_cache = *rc::gen::arbitrary<bool>();
  setup.queue.fua = *rc::gen::arbitrary<bool>();
  setup.queue.cpus = *rc::gen::element(1, 4);
  setup.queue.nr_hw_queues = era == 2 ? *rc::gen::element(1, 1, 2) : 1;
  if (*rc::gen::arbitrary<bool>())
    setup.queue.wbt_lat = Duration::zero();
}

// The same bios; those that directly follow the last one are handed over together.
Task<> submit_appending(BlockFixture& f, Stream& stream) {
  stream.ioc.cpu %= f.queue.params().cpus;
  const auto& blocks = stream.blocks;
  const auto pause_every = static_cast<std::size_t>(stream.pause_every);
  Bio* tail = nullptr;
  for (std::size_t n = 0; n < blocks.size();) {
    const std::size_t most = std::min(blocks.size() - n, pause_every - n % pause_every);
    std::size_t run = 0;
    while (tail && run < most && (n + run) % 11 != 0 &&
           blocks[n + run] == std::pair(blocks[n + run - 1].first + 1, blocks[n - 1].second))
      ++run;
    int taken = run > 0 ? f.queue.try_append(*tail, Sectors(8), static_cast<int>(run)) : 0;
    if (taken == 0) {
      taken = 1;
      const auto [block, write] = blocks[n];
      tail = &f.make_bio(block * 8, 8, write ? BioOp::kWrite : BioOp::kRead);
      tail->sync = n % 3 == 0;
      tail->unplug = n % 11 == 0;
      if (f.queue.try_submit(*tail, stream.ioc) == RequestQueue::Submit::kNoRequest) {
        co_await f.queue.submit_slow(*tail, stream.ioc);
        tail = nullptr;
      } else if (tail->unplug) {
        tail = nullptr;
      }
    }
    n += static_cast<std::size_t>(taken);
    if (n % pause_every == 0) {
      co_await f.sim.delay(std::chrono::microseconds(300));
      tail = nullptr;
    }
  }
}

BlockSetup random_setup() {
  BlockSetup setup;
  setup.hz = *rc::gen::element(100, 250, 1000);
  choose_kind(setup);
  setup.queue.nr_requests = *rc::gen::inRange(4, 40);
  setup.queue.max_sectors = Sectors(*rc::gen::inRange(8, 130));
  setup.queue.max_segments = *rc::gen::inRange(1, 20);
  setup.rules.deadline =
      *rc::gen::element(kDeadline2618, kDeadline2624, kDeadline2631, kDeadline310, kDeadline61);
  setup.device.driver_depth = *rc::gen::inRange(1, 5);
  setup.device.fixed.completion_latency = std::chrono::microseconds(*rc::gen::element(0, 0, 200));
  setup.sim.shuffle_ties = true;
  setup.sim.seed = *rc::gen::arbitrary<std::uint64_t>();
  return setup;
}

// Runs of neighbouring blocks in both directions, each block at most once.
std::vector<Stream> random_streams() {
  const auto order = *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 60));
  std::vector<Stream> streams(static_cast<std::size_t>(*rc::gen::inRange(1, 5)));
  std::vector<bool> used(64 * 8);
  for (std::size_t i = 0; i < order.size(); ++i) {
    Stream& stream = streams[i % streams.size()];
    const bool down = order[i] % 3 == 0;
    for (int k = 0; k < 1 + order[i] % 9; ++k) {
      const std::int64_t block = order[i] * 8 + (down ? 9 - k : k);
      if (!used[static_cast<std::size_t>(block)])
        stream.blocks.emplace_back(block, order[i] % 4 != 0);
      used[static_cast<std::size_t>(block)] = true;
    }
  }
  for (Stream& stream : streams) {
    stream.pause_every = *rc::gen::inRange(1, 40);
    stream.plugged = *rc::gen::arbitrary<bool>();
    stream.ioc.cpu = *rc::gen::inRange(0, 4);
  }
  return streams;
}

// The requests cover exactly what was submitted, each within the limits of the queue.
void check_requests(const BlockFixture& f, const BlockSetup& setup) {
  std::map<std::int64_t, bool> submitted;  // block, whether it was written
  for (const Bio& bio : f.bios)
    submitted[bio.sector.count() / 8] = bio.op == BioOp::kWrite;
  std::size_t bios = 0;
  for (const RequestRecord& rq : f.log.requests) {
    RC_ASSERT(rq.sectors <= setup.queue.max_sectors);
    RC_ASSERT(rq.bios <= setup.queue.max_segments);
    RC_ASSERT(rq.sectors == Sectors(8) * rq.bios);
    RC_ASSERT(rq.queued <= rq.started);
    RC_ASSERT(rq.started < rq.completed);
    for (int i = 0; i < rq.bios; ++i) {
      const auto it = submitted.find(rq.sector.count() / 8 + i);
      RC_ASSERT(it != submitted.end());
      RC_ASSERT(it->second == rq.write);
      submitted.erase(it);
    }
    bios += static_cast<std::size_t>(rq.bios);
  }
  RC_ASSERT(submitted.empty());
  RC_ASSERT(bios == f.bios.size());
}

// Every tag is back, and blk-wbt counts nothing in flight.
void check_tags(BlockFixture& f) {
  const auto* mq = dynamic_cast<const BlkMqQueue*>(&f.queue);
  if (!mq)
    return;
  for (int i = 0; i < mq->params().nr_hw_queues; ++i)
    RC_ASSERT(mq->tags(i).in_use() == 0);
  if (mq->wbt())
    RC_ASSERT(mq->wbt()->inflight() == 0);
}

TEST_CASE("every bio completes exactly once, in requests that are the union of their bios",
          "[block][property]") {
  CHECK(rc::check([] {
    const BlockSetup setup = random_setup();
    std::vector<Stream> streams = random_streams();
    BlockFixture f(setup);
    for (Stream& stream : streams)
      f.sim.spawn("writer", submit_all(f, stream));
    f.run();
    std::vector<std::uint64_t> ended = f.ended;
    std::sort(ended.begin(), ended.end());
    RC_ASSERT(ended.size() == f.bios.size());
    for (std::size_t i = 0; i < ended.size(); ++i)
      RC_ASSERT(ended[i] == i);
    RC_ASSERT(f.queue.allocated() == 0);
    RC_ASSERT(f.queue.in_flight() == 0);
    check_tags(f);
    RC_ASSERT(f.queue.busy() == f.queue.stats().service_started);
    const QueueStats stats = f.queue.stats();
    RC_ASSERT(stats.ios[0] + stats.ios[1] == static_cast<std::int64_t>(f.log.requests.size()));
    check_requests(f, setup);
  }));
}

TEST_CASE("bios that are appended together make the requests that they make one by one",
          "[block][property]") {
  CHECK(rc::check([] {
    BlockSetup setup = random_setup();
    setup.rules.kind = QueueKind::kSingle;  // only these queues take bios together
    setup.rules.plug = {};
    setup.queue.scheduler = *rc::gen::element<std::string>("noop", "deadline");
    setup.queue.write_cache = false;
    std::vector<Stream> streams = random_streams();
    std::vector<Stream> same_streams = streams;
    BlockFixture one_by_one(setup), together(setup);
    for (std::size_t i = 0; i < streams.size(); ++i) {
      one_by_one.sim.spawn("writer", submit_all(one_by_one, streams[i]));
      together.sim.spawn("writer", submit_appending(together, same_streams[i]));
    }
    one_by_one.run();
    together.run();
    const auto all_of = [](const RequestRecord& r) {
      return std::tuple(r.queued, r.started, r.completed, r.write, r.sync, r.idle_start, r.sector,
                        r.sectors, r.bios, r.allocated, r.meta_sectors);
    };
    RC_ASSERT(one_by_one.log.requests.size() == together.log.requests.size());
    for (std::size_t i = 0; i < together.log.requests.size(); ++i)
      RC_ASSERT(all_of(one_by_one.log.requests[i]) == all_of(together.log.requests[i]));
    RC_ASSERT(one_by_one.queue.stats().merges == together.queue.stats().merges);
    RC_TAG(together.bios.size() < one_by_one.bios.size() ? "appended" : "nothing to append");
  }));
}

TEST_CASE("nothing passes a barrier", "[block][property]") {
  CHECK(rc::check([] {
    BlockSetup setup = random_setup();
    setup.rules = {};
    setup.queue.scheduler = *rc::gen::element<std::string>("noop", "deadline", "cfq");
    std::vector<Stream> streams = random_streams();
    Submissions submitted;
    BlockFixture f(setup);
    for (Stream& stream : streams) {
      stream.barrier_every = *rc::gen::inRange(8, 30);
      f.sim.spawn("writer", submit_all(f, stream, &submitted));
    }
    f.run();
    RC_ASSERT(f.ended.size() == f.bios.size());
    std::vector<std::size_t> end_of(f.bios.size());
    for (std::size_t i = 0; i < f.ended.size(); ++i)
      end_of[f.ended[i]] = i;
    for (const auto& [barrier, at] : submitted.spans) {
      if (!f.bios[barrier].barrier)
        continue;
      for (const auto& [cookie, span] : submitted.spans) {
        if (span.to < at.from)
          RC_ASSERT(end_of[cookie] < end_of[barrier]);
        if (span.from > at.to)
          RC_ASSERT(end_of[cookie] > end_of[barrier]);
      }
    }
  }));
}

TEST_CASE("the device serves one request at a time and never idles while one waits with the driver",
          "[block][property]") {
  CHECK(rc::check([] {
    BlockSetup setup = random_setup();
    setup.queue.write_cache = false;  // flushes keep the device busy as well
    BlockFixture f(setup);
    std::vector<Stream> streams = random_streams();
    for (Stream& stream : streams)
      f.sim.spawn("writer", submit_all(f, stream));
    f.run();
    Duration free_at{-1};
    for (const RequestRecord& rq : f.log.requests) {
      RC_ASSERT(rq.started >= free_at);
      RC_ASSERT(rq.idle_start || rq.started == free_at);
      free_at = rq.started + rq.service;
    }
  }));
}

}  // namespace
}  // namespace wbsim
