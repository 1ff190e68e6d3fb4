// An elevator of tasks' queues (cfq, bfq) without a request queue: requests are handed in directly
// and complete when they are served.
#pragma once

#include <catch2/catch.hpp>
#include <deque>
#include <utility>

#include "models/block/elevator.hpp"

namespace wbsim {

template <class E>
class TaskQueueBench {
 public:
  template <class... Arguments>
  explicit TaskQueueBench(Arguments&&... arguments)
      : elevator(std::forward<Arguments>(arguments)...) {}

  // Somebody waits for a read, nobody for a write.
  Request& add(BioOp op, std::int64_t sector, const IoContext& task, std::int64_t jiffy = 1,
               std::int64_t sectors = 8) {
    Request& rq = requests_.emplace_back();
    rq.op = op;
    rq.sync = op == BioOp::kRead;
    rq.sector = Sectors(sector);
    rq.sectors = Sectors(sectors);
    rq.ioc = &task;
    rq.ioprio = task.ioprio;
    elevator.add(rq, Jiffies(jiffy));
    return rq;
  }
  // The next request, which completes at once; null without one.
  Request* serve(std::int64_t jiffy) {
    Request* rq = elevator.next(Jiffies(jiffy));
    if (rq)
      elevator.completed(*rq, Jiffies(jiffy));
    return rq;
  }
  // Its sector; -1 without one.
  std::int64_t sector(std::int64_t jiffy) {
    const Request* rq = serve(jiffy);
    return rq ? rq->sector.count() : -1;
  }

  E elevator;
  IoContext a, b, c;

 private:
  std::deque<Request> requests_;
};

template <class Bench>
void check_that_ten_thousand_tasks_take_turns(Bench& bench) {
  const std::deque<IoContext> tasks(10'000);
  std::int64_t sector = 0;
  for (const IoContext& task : tasks)
    bench.add(BioOp::kRead, sector += 100, task);
  std::int64_t now = 1;
  for (std::size_t i = 1; i <= tasks.size(); ++i) {
    CHECK(bench.sector(now) == static_cast<std::int64_t>(i) * 100);
    now += 8;
  }
  CHECK(bench.elevator.empty());
}

}  // namespace wbsim
