// blk-wbt by itself: what a window says, and who may go when a write ends.
#include <catch2/catch.hpp>
#include <deque>

#include "models/block/blk_wbt.hpp"

namespace wbsim {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr Duration kTarget = milliseconds(2);

// On a queue of 32 requests: depths of 16, 8 and 4. HZ=1000: a window of 100 ms ends after 101.
class Wbt {
 public:
  explicit Wbt(bool write_cache = false)
      : wbt(sim, TickClock(1000), {32, kTarget, write_cache}, dirty_sleep) {}

  void run_until(Duration time) {
    sim.at(TimePoint(time), {[](void*, std::uint64_t) {}, nullptr});  // the clock goes there
    sim.run_until(TimePoint(time));
  }
  Duration now() const { return sim.now().time_since_epoch(); }

  // A write that is begun now. False: it has to wait.
  bool begin(WriteReason reason = WriteReason::kBackground) {
    Bio bio;
    bio.reason = reason;
    return wbt.try_throttle(bio);
  }
  void end() { wbt.done(write_); }
  // Tried until one has to wait.
  int begin_all(WriteReason reason = WriteReason::kSync) {
    int begun = 0;
    while (begin(reason))
      ++begun;
    return begun;
  }
  // It takes so long that it ends now.
  void sample(BioOp op, Duration latency = Duration::zero()) {
    Request rq;
    rq.op = op;
    rq.accepted = sim.now() - latency;
    wbt.sample(rq);
  }
  // A read whose completion is not awaited.
  void issue_read() {
    Request& rq = reads_.emplace_back();
    rq.op = BioOp::kRead;
    rq.accepted = sim.now();
    wbt.issue(rq);
  }
  void read_comes_in() {
    Bio bio;
    bio.op = BioOp::kRead;
    wbt.try_throttle(bio);
  }
  void read_is_done() {
    Request rq;
    rq.op = BioOp::kRead;
    wbt.done(rq);
  }
  // Begins and ends a write, so that the timer runs, and gives the window these samples.
  void window(int reads, int writes, Duration latency) {
    if (begin())
      end();
    for (int i = 0; i < reads; ++i)
      sample(BioOp::kRead, latency);
    for (int i = 0; i < writes; ++i)
      sample(BioOp::kWrite);
    run_until(now() + wbt_window(wbt.scale_step()) + milliseconds(2));
  }
  void sleep_for_turn(Bio& bio) { sim.spawn("writer", wait(bio)); }

  Simulator sim;
  TimePoint dirty_sleep{-std::chrono::hours(1)};
  BlkWbt wbt;
  int woken = 0;

 private:
  Task<> wait(Bio& bio) {
    co_await wbt.wait(bio);
    ++woken;
  }
  static Request tracked_write() {
    Request rq;
    rq.tracked = true;
    return rq;
  }
  Request write_ = tracked_write();
  std::deque<Request> reads_;
};

TEST_CASE("a window counts with a read and three writes", "[block]") {
  struct Row {
    int reads, writes, step;
  };
  for (const Row& row : {Row{1, 3, 1}, Row{1, 2, -1}, Row{0, 3, -1}}) {
    Wbt w;
    w.window(row.reads, row.writes, milliseconds(5));
    CHECK(w.wbt.scale_step() == row.step);
  }
  Wbt w;  // the latency of an earlier window is none of this one
  w.window(1, 3, milliseconds(5));
  w.window(0, 3, Duration::zero());
  CHECK(w.wbt.scale_step() == 0);
}

TEST_CASE("the quickest read of a window is held against the target", "[block]") {
  for (const bool late : {false, true}) {
    Wbt w;
    w.begin();
    w.sample(BioOp::kRead, milliseconds(9));
    w.sample(BioOp::kRead, kTarget + microseconds(late ? 1 : 0));
    w.sample(BioOp::kRead, milliseconds(7));
    for (int i = 0; i < 3; ++i)
      w.sample(BioOp::kWrite);
    w.run_until(milliseconds(102));
    CHECK(w.wbt.scale_step() == (late ? 1 : -1));
  }
}

TEST_CASE("a read that waits for longer than the window, or than the target where none ended",
          "[block]") {
  struct Row {
    int issued_at;
    bool others;  // read within the target
    int step;
  };
  for (const Row& row : {Row{0, true, 1}, Row{5, true, -1}, Row{90, false, 1}, Row{90, true, -1},
                         Row{100, false, -1}}) {
    Wbt w;
    w.begin();
    w.run_until(milliseconds(row.issued_at));
    w.issue_read();
    if (row.others)
      w.sample(BioOp::kRead, microseconds(500));
    for (int i = 0; i < 3; ++i)
      w.sample(BioOp::kWrite);
    w.run_until(milliseconds(102));
    CHECK(w.wbt.scale_step() == row.step);
  }
}

TEST_CASE("a window without reads is one of writes if any are under way, or a writer has paused",
          "[block]") {
  Wbt under_way;
  under_way.begin();
  under_way.run_until(milliseconds(102));
  CHECK(under_way.wbt.scale_step() == -1);

  Wbt paused;
  paused.begin();
  paused.end();
  paused.dirty_sleep = TimePoint{};
  paused.run_until(milliseconds(102));
  CHECK(paused.wbt.scale_step() == -1);

  Wbt nothing;
  nothing.begin();
  nothing.end();
  nothing.run_until(milliseconds(102));
  CHECK(nothing.wbt.scale_step() == 0);
}

TEST_CASE("after five windows in which nothing is known the step drifts to 0", "[block]") {
  Wbt down;
  down.window(1, 3, milliseconds(5));
  REQUIRE(down.wbt.scale_step() == 1);
  down.run_until(down.now() + milliseconds(74) * 4);  // 72.7 ms each, while the step is not 0
  CHECK(down.wbt.scale_step() == 1);
  down.run_until(down.now() + milliseconds(74));
  CHECK(down.wbt.scale_step() == 0);

  Wbt up;
  up.window(0, 3, Duration::zero());
  REQUIRE(up.wbt.scale_step() == -1);
  up.run_until(up.now() + milliseconds(101) * 4);
  CHECK(up.wbt.scale_step() == -1);
  up.run_until(up.now() + milliseconds(101));
  CHECK(up.wbt.scale_step() == 0);
}

TEST_CASE("the steps end at a depth of 1 and at three quarters of the queue", "[block]") {
  Wbt down;
  for (int i = 0; i < 8; ++i)
    down.window(1, 3, milliseconds(5));
  CHECK(down.wbt.depth().max == 1);
  CHECK(down.wbt.scale_step() == 4);

  Wbt up;
  for (int i = 0; i < 4; ++i)
    up.window(0, 3, Duration::zero());
  CHECK(up.wbt.depth().max == 24);
  CHECK(up.wbt.scale_step() == -1);
}

TEST_CASE("a read that is too slow takes all that was gained at once", "[block]") {
  Simulator sim;
  const TimePoint never{-std::chrono::hours(1)};
  BlkWbt wbt(sim, TickClock(1000), {1023, kTarget, false}, never);
  Bio bio;
  wbt.try_throttle(bio);
  sim.run_until(TimePoint(milliseconds(210)));
  CHECK(wbt.scale_step() == -2);
  Request rq;
  rq.op = BioOp::kRead;
  rq.accepted = sim.now() - milliseconds(5);
  wbt.sample(rq);
  rq.op = BioOp::kWrite;
  for (int i = 0; i < 3; ++i)
    wbt.sample(rq);
  sim.run_until(TimePoint(milliseconds(310)));
  CHECK(wbt.scale_step() == 0);
}

TEST_CASE("a writer's pause opens the whole depth for a second", "[block]") {
  for (const int ms : {999, 1000}) {
    Wbt w;
    w.dirty_sleep = TimePoint{};
    w.run_until(milliseconds(ms));
    CHECK(w.begin_all() == (ms == 999 ? 16 : 8));
  }
}

TEST_CASE("for 100 ms after a read came in, and after one was done, all writes are background",
          "[block]") {
  for (const bool done : {false, true})
    for (const int ms : {99, 100}) {
      Wbt w;
      if (done)
        w.read_is_done();
      else
        w.read_comes_in();
      w.run_until(milliseconds(ms));
      CHECK(w.begin_all() == (ms == 99 ? 4 : 8));
    }
}

TEST_CASE("write-back is kept to a quarter, what is synced to half", "[block]") {
  Wbt w;
  CHECK(w.begin_all(WriteReason::kBackground) == 4);
  CHECK(w.begin_all(WriteReason::kSync) == 4);
}

TEST_CASE(
    "sleepers are woken when half a background depth is free, on a write cache when nothing "
    "is under way",
    "[block]") {
  Bio bio;
  bio.reason = WriteReason::kSync;
  for (const bool write_cache : {false, true})
    for (const bool paused : {false, true}) {
      Wbt w(write_cache);
      CHECK(w.begin_all() == 8);
      for (int i = 0; i < 3; ++i)
        w.sleep_for_turn(bio);
      w.run_until(milliseconds(1));
      if (paused)
        w.dirty_sleep = TimePoint{};
      w.end();
      w.run_until(milliseconds(2));
      CHECK(w.woken == 0);  // 7 of 8 are under way
      w.end();
      w.run_until(milliseconds(3));
      const bool at_once = !write_cache || paused;
      CHECK(w.woken == (at_once ? (paused ? 3 : 2) : 0));
      for (int left = w.wbt.inflight(); left > 0 && w.woken == 0; --left) {
        CHECK(w.wbt.inflight() == left);
        w.end();
        w.run_until(w.now() + milliseconds(1));
      }
      CHECK(w.woken == (at_once ? (paused ? 3 : 2) : 3));
    }
}

}  // namespace
}  // namespace wbsim
