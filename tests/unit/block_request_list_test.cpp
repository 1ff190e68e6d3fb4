#include <catch2/catch.hpp>

#include "models/block/request_list.hpp"

namespace wbsim {
namespace {

using std::chrono::milliseconds;

TimePoint at_ms(int ms) {
  return TimePoint(milliseconds(ms));
}

void allocate(RequestList& list, IoContext& ioc, int n) {
  for (int i = 0; i < n; ++i)
    REQUIRE(list.allocate(0, ioc, at_ms(0)));
}

TEST_CASE("pdflush 9.8: thresholds for each nr_requests", "[block]") {
  struct Row {
    int n, on, off, cap;
  };
  for (const Row& row :
       {Row{4, 4, 3, 6}, Row{16, 15, 12, 24}, Row{32, 29, 25, 48}, Row{64, 57, 51, 96},
        Row{128, 113, 103, 192}, Row{256, 225, 207, 384}, Row{1024, 897, 831, 1536}}) {
    const RequestLimits limits(row.n);
    CHECK(limits.congestion_on == row.on);
    CHECK(limits.congestion_off == row.off);
    CHECK(limits.cap == row.cap);
  }
}

TEST_CASE("pdflush 9.8: congested from the 113th of 128 on, uncongested when 102 are left",
          "[block]") {
  RequestList list(128, 32, TickClock(250));
  IoContext ioc;
  allocate(list, ioc, 112);
  CHECK_FALSE(list.congested(0));
  allocate(list, ioc, 1);
  CHECK(list.congested(0));
  while (list.count(0) > 103)
    CHECK_FALSE(list.release(0).wake_congestion_waiters);
  CHECK(list.congested(0));
  CHECK(list.release(0).wake_congestion_waiters);
  CHECK(list.count(0) == 102);
  CHECK_FALSE(list.congested(0));
}

TEST_CASE("each release below the threshold wakes, congested or not", "[block]") {
  RequestList list(128, 32, TickClock(250));
  IoContext ioc;
  allocate(list, ioc, 2);
  CHECK(list.release(0).wake_congestion_waiters);
  CHECK(list.release(0).wake_congestion_waiters);
}

TEST_CASE("the task that fills the queue gets a batch of 32, the others nothing", "[block]") {
  RequestList list(128, 32, TickClock(250));
  IoContext batcher, other;
  allocate(list, other, 127);
  allocate(list, batcher, 32);
  CHECK(list.count(0) == 159);
  CHECK(list.full(0));
  CHECK(batcher.nr_batch_requests == 0);
  CHECK_FALSE(list.allocate(0, batcher, at_ms(0)));
  CHECK_FALSE(list.allocate(0, other, at_ms(0)));
}

TEST_CASE("requests below the limit do not count toward the batch", "[block]") {
  RequestList list(8, 32, TickClock(250));
  IoContext ioc;
  list.ioc_set_batching(ioc, at_ms(0));
  allocate(list, ioc, 7);
  CHECK(ioc.nr_batch_requests == 32);
  allocate(list, ioc, 1);
  CHECK(ioc.nr_batch_requests == 31);
}

TEST_CASE("a batch ends after HZ/50, but an untouched one never", "[block]") {
  const RequestList list(8, 32, TickClock(250));  // 5 jiffies of 4 ms
  IoContext ioc;
  list.ioc_set_batching(ioc, at_ms(3));  // jiffy 0
  CHECK(list.ioc_batching(ioc, at_ms(1000)));
  ioc.nr_batch_requests = 1;
  CHECK(list.ioc_batching(ioc, at_ms(19)));
  CHECK_FALSE(list.ioc_batching(ioc, at_ms(20)));
  ioc.nr_batch_requests = 0;
  CHECK_FALSE(list.ioc_batching(ioc, at_ms(3)));
}

TEST_CASE("not even a batching task gets more than 3/2 of nr_requests", "[block]") {
  RequestList list(4, 32, TickClock(250));
  IoContext ioc;
  allocate(list, ioc, 6);
  CHECK(list.ioc_batching(ioc, at_ms(0)));
  CHECK_FALSE(list.allocate(0, ioc, at_ms(0)));
}

TEST_CASE("a release wakes a waiter and reopens the queue only when it drops below the limit",
          "[block]") {
  RequestList list(4, 32, TickClock(250));
  IoContext ioc;
  allocate(list, ioc, 6);
  CHECK_FALSE(list.release(0).wake_waiter);  // 5 left
  CHECK_FALSE(list.release(0).wake_waiter);  // 4 left
  CHECK(list.full(0));
  CHECK(list.release(0).wake_waiter);
  CHECK_FALSE(list.full(0));
}

TEST_CASE("the two lists of a queue do not know each other", "[block]") {
  RequestList list(4, 32, TickClock(250));
  IoContext ioc;
  allocate(list, ioc, 4);
  CHECK(list.congested(0));
  CHECK_FALSE(list.congested(1));
  CHECK(list.allocate(1, ioc, at_ms(0)));
  CHECK(list.total() == 5);
}

}  // namespace
}  // namespace wbsim
