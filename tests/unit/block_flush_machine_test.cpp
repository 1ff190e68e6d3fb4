// The flush machine by itself: which steps a request takes, and in what order.
#include <catch2/catch.hpp>
#include <deque>
#include <string>
#include <vector>

#include "models/block/blk_flush.hpp"

namespace wbsim {
namespace {

using Steps = std::vector<std::string>;

// HZ=1000.
class Machine final : public FlushHost {
 public:
  Machine(bool write_cache, bool fua) : machine(*this, TickClock(1000), params) {
    params.write_cache = write_cache;
    params.fua = fua;
  }
  void queue_flush_step(Request& rq, bool front) override {
    if (rq.op == BioOp::kFlush)
      flush = &rq;
    steps.push_back((rq.op == BioOp::kFlush ? "flush"
                     : rq.fua               ? "data fua"
                                            : "data") +
                    std::string(front ? " first" : ""));
  }
  void flush_done(Request& rq) override { steps.push_back(rq.failed ? "failed" : "done"); }

  // False: it goes like any other request.
  bool insert(Request& rq, bool preflush, bool fua, int jiffy = 0) {
    Bio bio;
    bio.preflush = preflush;
    bio.fua = fua;
    return machine.insert(rq, bio, Jiffies(jiffy));
  }
  Request& request(int sectors = 8) {
    Request& rq = requests.emplace_back();
    rq.sectors = Sectors(sectors);
    return rq;
  }
  void complete(Request& rq, bool failed = false) {
    rq.failed = failed;
    machine.completed(rq, Jiffies(0));
  }
  Steps taken() {
    Steps last;
    last.swap(steps);
    return last;
  }

  QueueParams params;
  FlushMachine machine;
  Request* flush = nullptr;
  Steps steps;
  std::deque<Request> requests;
};

TEST_CASE("the steps of a request: flush, data, flush, as far as the drive needs them", "[block]") {
  Machine plain(true, false);
  Request& all = plain.request();
  CHECK(plain.insert(all, true, true));
  CHECK(plain.taken() == Steps{"flush"});
  plain.complete(*plain.flush);
  CHECK(plain.taken() == Steps{"data first"});  // before whatever else waits
  plain.complete(all);
  CHECK(plain.taken() == Steps{"flush"});
  plain.complete(*plain.flush);
  CHECK(plain.taken() == Steps{"done"});

  Machine knows_fua(true, true);
  Request& both = knows_fua.request();
  CHECK(knows_fua.insert(both, true, true));
  knows_fua.complete(*knows_fua.flush);
  CHECK(knows_fua.taken() == Steps{"flush", "data fua first"});
  knows_fua.complete(both);
  CHECK(knows_fua.taken() == Steps{"done"});

  Request& fua = knows_fua.request();
  CHECK_FALSE(knows_fua.insert(fua, false, true));
  CHECK(fua.fua);
  CHECK(fua.flush_steps == 0);
  CHECK_FALSE(knows_fua.insert(knows_fua.request(), false, false));
  CHECK(knows_fua.taken().empty());
}

TEST_CASE("a flush waits for data steps under way, and is theirs too", "[block]") {
  Machine m(true, false);
  Request& write = m.request();
  CHECK(m.insert(write, false, true));
  CHECK(m.taken() == Steps{"data first"});
  CHECK(m.insert(m.request(0), true, false));
  CHECK(m.taken().empty());
  m.complete(write);
  CHECK(m.taken() == Steps{"flush"});
  m.complete(*m.flush);
  CHECK(m.taken() == Steps{"done", "done"});
}

TEST_CASE("a flush waits for data steps for 5 s at most", "[block]") {
  for (const int jiffy : {5099, 5100}) {
    Machine m(true, false);
    m.insert(m.request(), false, true);
    m.insert(m.request(0), true, false, 100);
    m.insert(m.request(0), true, false, jiffy);
    CHECK(m.taken() == (jiffy == 5100 ? Steps{"data first", "flush"} : Steps{"data first"}));
  }
}

TEST_CASE("one flush runs at a time; all that ask meanwhile share the next", "[block]") {
  Machine m(true, false);
  for (int i = 0; i < 3; ++i)
    m.insert(m.request(0), true, false);
  CHECK(m.taken() == Steps{"flush"});
  m.complete(*m.flush);
  CHECK(m.taken() == Steps{"done", "flush"});
  m.complete(*m.flush);
  CHECK(m.taken() == Steps{"done", "done"});
}

TEST_CASE("a flush that fails ends the request before its data, failed data before its flush",
          "[block]") {
  Machine m(true, false);
  m.insert(m.request(), true, true);
  m.complete(*m.flush, true);
  CHECK(m.taken() == Steps{"flush", "failed"});
  Request& write = m.request();
  m.insert(write, false, true);
  m.complete(write, true);
  CHECK(m.taken() == Steps{"data first", "failed"});
}

TEST_CASE("up to 2.6.36 a barrier flushes before its write and, without FUA, after it", "[block]") {
  struct Row {
    bool write_cache, fua;
    Steps steps;
  };
  for (const Row& row : {Row{true, false, {"flush", "data first", "flush", "done"}},
                         Row{true, true, {"flush", "data fua first", "done"}},
                         Row{false, false, {"data first", "done"}}}) {
    Machine m(row.write_cache, row.fua);
    Request& barrier = m.request();
    m.machine.start_ordered(barrier, Jiffies(0));
    Steps steps;
    for (Steps taken = m.taken(); !taken.empty(); taken = m.taken()) {
      steps.insert(steps.end(), taken.begin(), taken.end());
      if (taken.back() == "flush")
        m.complete(*m.flush);
      else if (taken.back() != "done")
        m.complete(barrier);
    }
    CHECK(steps == row.steps);
  }
}

}  // namespace
}  // namespace wbsim
