// What is merged with what: the hash of ends, joins and their limits, plugs and nomerges.
#include <algorithm>
#include <catch2/catch.hpp>
#include <deque>
#include <vector>

#include "models/block/blk_plug.hpp"
#include "models/block/merge_hash.hpp"
#include "sim/random.hpp"
#include "tests/support/block_fixture.hpp"

namespace wbsim {
namespace {

using Submit = RequestQueue::Submit;

TEST_CASE("the hash finds the newest request that ends there, among 16,000 as among few",
          "[block]") {
  RandomStream random(1, "merge hash");
  std::deque<Request> requests(16'000);
  std::vector<Request*> queued;  // the newest last
  MergeHash hash;
  for (int i = 0; i < 100'000; ++i) {
    Request& rq = requests[random() % requests.size()];
    const auto at = std::find(queued.begin(), queued.end(), &rq);
    if (at == queued.end()) {
      hash.remove(rq);
      rq.no_merge = false;
      rq.sector = Sectors(static_cast<std::int64_t>(random() % 20'000));
      hash.add(rq);
      queued.push_back(&rq);
    } else if (const std::uint64_t what = random() % 4; what == 0) {
      rq.no_merge = true;  // the next look at it drops it
      queued.erase(at);
    } else {
      what == 1 ? hash.remove(rq) : (rq.sectors += Sectors(1), hash.moved(rq));
      queued.erase(at);
      if (what != 1)
        queued.push_back(&rq);
    }
    if (i % 50 != 0)
      continue;
    const Sectors end(static_cast<std::int64_t>(random() % 20'000));
    const auto newest = std::find_if(queued.rbegin(), queued.rend(),
                                     [&](const Request* q) { return q->end() == end; });
    CHECK(hash.find(end) == (newest == queued.rend() ? nullptr : *newest));
    for (Request& other : requests)
      if (other.no_merge)
        hash.remove(other);
  }
}

BlockSetup busy(const PlugRules& plug, int nomerges = 0) {
  BlockSetup setup;
  setup.rules.plug = plug;
  setup.queue.scheduler = "deadline";
  setup.queue.nomerges = nomerges;
  setup.queue.nr_requests = 64;
  setup.device.fixed.overhead = std::chrono::seconds(1);
  return setup;
}

// Submits these bios on a plug, which ends at once.
Task<> on_a_plug(BlockFixture& f, std::vector<std::int64_t> sectors) {
  Process& self = co_await this_process();
  BlkPlug plug;
  plug.start(f.task, self);
  for (const std::int64_t sector : sectors)
    f.submit(sector);
  plug.finish();
}
void plug(BlockFixture& f, std::vector<std::int64_t> sectors) {
  f.sim.spawn("task", on_a_plug(f, std::move(sectors)));
  f.run_until(std::chrono::milliseconds(1));
}

// Sector and length of what was served, without the request that kept the disk busy.
std::vector<std::pair<std::int64_t, std::int64_t>> served(BlockFixture& f) {
  f.run();
  std::vector<std::pair<std::int64_t, std::int64_t>> all;
  for (std::size_t i = 1; i < f.log.requests.size(); ++i)
    all.emplace_back(f.log.requests[i].sector.count(), f.log.requests[i].sectors.count());
  std::sort(all.begin(), all.end());
  return all;
}
using Served = std::vector<std::pair<std::int64_t, std::int64_t>>;

TEST_CASE("a front merge joins the request before as well", "[block]") {
  for (const char* scheduler : {"deadline", "noop"}) {
    BlockSetup setup;
    setup.queue.scheduler = scheduler;
    BlockFixture f(setup);
    f.submit(116);
    f.submit(100);
    CHECK(f.submit(108) == Submit::kMerged);
    CHECK(f.queue.allocated() == (f.queue.params().scheduler == "noop" ? 2 : 1));  // no neighbours
  }
}

TEST_CASE("two requests are not joined beyond the limits of one", "[block]") {
  for (const bool by_segments : {false, true}) {
    BlockSetup setup;
    setup.queue.scheduler = "deadline";
    (by_segments ? setup.queue.max_segments : setup.queue.nomerges) = by_segments ? 3 : 0;
    if (!by_segments)
      setup.queue.max_sectors = Sectors(24);
    BlockFixture f(setup);
    f.submit(100, 16);
    f.submit(124, 8);
    CHECK(f.submit(116) == Submit::kMerged);
    CHECK(f.queue.allocated() == 2);
  }
}

TEST_CASE("a request that is full is not the one to try next", "[block]") {
  BlockSetup setup;
  setup.queue.scheduler = "deadline";
  setup.queue.nomerges = 1;
  setup.queue.max_sectors = Sectors(16);
  BlockFixture f(setup);
  f.submit(100);
  CHECK(f.submit(108) == Submit::kMerged);
  CHECK(f.submit(116) == Submit::kQueued);  // does not fit
  CHECK(f.submit(124) == Submit::kMerged);
}

TEST_CASE("joined requests have waited since the older one came", "[block]") {
  BlockSetup setup;
  setup.queue.scheduler = "deadline";
  BlockFixture f(setup);
  f.submit(116);
  f.run_until(std::chrono::milliseconds(1));
  f.sim.at(TimePoint(std::chrono::milliseconds(1)), {[](void* self, std::uint64_t) {
                                                       auto& fixture =
                                                           *static_cast<BlockFixture*>(self);
                                                       fixture.submit(100);
                                                       fixture.submit(108);
                                                     },
                                                     &f});
  f.run();
  REQUIRE(f.log.requests.size() == 1);
  CHECK(f.log.requests[0].queued == Duration::zero());
}

TEST_CASE("a plug's request is merged into the elevator's, which may join others then", "[block]") {
  struct Row {
    int nomerges;
    Served served;
  };
  for (const Row& row :
       {Row{0, {{100, 24}, {5000, 16}}}, Row{1, {{100, 8}, {108, 8}, {116, 8}, {5000, 16}}},
        Row{2, {{100, 8}, {108, 8}, {116, 8}, {5000, 8}, {5008, 8}}}}) {
    BlockFixture f(busy(kPlug310, row.nomerges));
    f.submit(0);
    for (const std::int64_t sector : {5000, 108, 100, 116, 5008})
      plug(f, {sector});
    CHECK(served(f) == row.served);
  }
}

TEST_CASE("nomerges: a plug merges with 1, not with 2", "[block]") {
  for (const PlugRules& rules : {kPlug310, kPlug61})
    for (const int nomerges : {1, 2}) {
      BlockSetup setup = busy(rules, nomerges);
      if (!rules.counts_own_queue) {
        setup.rules.kind = QueueKind::kMulti;
        setup.queue.scheduler = "mq-deadline";
        setup.queue.wbt_lat = Duration::zero();
      }
      BlockFixture f(setup);
      f.submit(0);
      plug(f, {100, 108});
      CHECK(served(f) == (nomerges == 1 ? Served{{100, 16}} : Served{{100, 8}, {108, 8}}));
    }
}

TEST_CASE("a bio is tried with all requests of its plug, in 6.1 with the newest", "[block]") {
  for (const PlugRules& rules : {kPlug310, kPlug61}) {
    BlockSetup setup = busy(rules, 1);
    BlockFixture f(setup);
    f.submit(0);
    plug(f, {100, 5000, 108});
    CHECK(f.queue.stats().merges[1] == (rules.merges_newest_only ? 0 : 1));
    CHECK(served(f) == Served{{100, 16}, {5000, 8}});  // at the latest in the elevator
  }
}

TEST_CASE("a plug of single queues is given to the elevator in the order of sectors", "[block]") {
  BlockSetup setup = busy(kPlug310);
  setup.queue.scheduler = "noop";
  BlockFixture f(setup);
  f.submit(0);
  plug(f, {900, 100, 500});
  f.run();
  std::vector<std::int64_t> order;
  for (const RequestRecord& rq : f.log.requests)
    order.push_back(rq.sector.count());
  CHECK(order == std::vector<std::int64_t>{0, 100, 500, 900});
}

// The numbers of the queues into which requests are put.
struct InsertLog : TraceSink {
  std::vector<int> inserted;
  bool wants_block_events() const override { return true; }
  void on_block(const BlockEvent& event) override {
    if (event.what == BlockEvent::What::kRqInsert)
      inserted.push_back(event.device);
  }
};

// Two queues, and the requests a plug holds when these bios are put on it, one on each in turn.
struct TwoQueues {
  explicit TwoQueues(const PlugRules& rules) {
    for (int i = 0; i < 2; ++i) {
      QueueParams params;
      params.scheduler = "noop";
      params.device_index = i;
      QueueRules queue_rules;
      queue_rules.plug = rules;
      devices.push_back(make_device(DeviceConfig{}));
      queues.push_back(make_request_queue(sim, TickClock(1000), *devices.back(), params,
                                          queue_rules, layer, trace));
    }
  }
  ~TwoQueues() { sim.destroy_processes(); }

  // How many are on the plug when it is first flushed.
  int flushed_at(int queues_used) {
    sim.spawn("task", fill(queues_used, 100));
    sim.run_until(TimePoint(std::chrono::milliseconds(1)));
    return at;
  }
  Task<> fill(int queues_used, int most) {
    Process& self = co_await this_process();
    BlkPlug plug;
    plug.start(task, self);
    for (int i = 0; i < most && at == 0; ++i) {
      Bio& bio = bios.emplace_back();
      bio.sector = Sectors(1000 * i);
      bio.length = Sectors(8);
      bio.bi_end_io = [](Bio&, bool) {};
      queues[static_cast<std::size_t>(i % queues_used)]->try_submit(bio, task);
      if (queues[0]->in_flight() + queues[1]->in_flight() > 0)
        at = i;
    }
    plug.finish();
  }

  Simulator sim;
  BlockLayer layer;
  InsertLog trace;
  IoContext task;
  int at = 0;
  std::deque<Bio> bios;
  std::vector<std::unique_ptr<Device>> devices;
  std::vector<std::unique_ptr<RequestQueue>> queues;
};

TEST_CASE("a plug holds 16 requests of a queue in 3.10; 32 in 6.1, 64 of several", "[block]") {
  CHECK(TwoQueues(kPlug310).flushed_at(1) == 16);
  CHECK(TwoQueues(kPlug310).flushed_at(2) == 32);
  CHECK(TwoQueues(kPlug61).flushed_at(1) == 32);
  CHECK(TwoQueues(kPlug61).flushed_at(2) == 64);
}

TEST_CASE("6.1 begins with the queue of the newest request, 3.10 goes by queue", "[block]") {
  for (const PlugRules& rules : {kPlug310, kPlug61}) {
    TwoQueues t(rules);
    t.sim.spawn("task", t.fill(2, 2));
    t.sim.run_until(TimePoint(std::chrono::milliseconds(1)));
    CHECK(t.trace.inserted ==
          (rules.newest_queue_first ? std::vector<int>{1, 0} : std::vector<int>{0, 1}));
  }
}

}  // namespace
}  // namespace wbsim
