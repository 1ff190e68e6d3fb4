#include <catch2/catch.hpp>
#include <cstdint>
#include <vector>

#include "sim/event_queue.hpp"
#include "tests/support/sim_journal.hpp"

namespace wbsim {
namespace {

using testing::at_ns;

EventAction action(std::uint64_t argument) {
  return {nullptr, nullptr, argument};
}

std::vector<std::uint64_t> drain(EventQueue& queue) {
  std::vector<std::uint64_t> order;
  while (!queue.empty())
    order.push_back(queue.pop().argument);
  return order;
}

TEST_CASE("events leave the queue by time, then band, then sequence", "[sim]") {
  EventQueue queue;
  queue.push(at_ns(20), Band::kNormal, 1, action(5));
  queue.push(at_ns(10), Band::kSample, 2, action(4));
  queue.push(at_ns(10), Band::kDispatch, 3, action(3));
  queue.push(at_ns(10), Band::kNormal, 5, action(2));
  queue.push(at_ns(10), Band::kNormal, 4, action(1));

  CHECK(queue.top_key().time == at_ns(10));
  CHECK(queue.top_key().order == EventQueue::order_of(Band::kNormal, 4));
  CHECK(drain(queue) == std::vector<std::uint64_t>{1, 2, 3, 4, 5});
}

TEST_CASE("the queue takes what an event schedules while it runs", "[sim]") {
  EventQueue queue;
  for (std::uint64_t i = 1; i <= 3; ++i)
    queue.push(at_ns(static_cast<std::int64_t>(10 * i)), Band::kNormal, i, action(i));

  CHECK(queue.pop().argument == 1);
  CHECK(queue.size() == 2);
  queue.push(at_ns(25), Band::kNormal, 4, action(4));
  queue.push(at_ns(5), Band::kNormal, 5, action(5));
  CHECK(queue.size() == 4);
  CHECK(drain(queue) == std::vector<std::uint64_t>{5, 2, 4, 3});
}

TEST_CASE("a cancelled event does not run, and is cancelled once only", "[sim]") {
  EventQueue queue;
  const auto first = queue.push(at_ns(1), Band::kNormal, 1, action(1));
  const auto second = queue.push(at_ns(2), Band::kNormal, 2, action(2));
  const auto third = queue.push(at_ns(3), Band::kNormal, 3, action(3));

  CHECK(queue.pending(second));
  CHECK(queue.cancel(second));
  CHECK_FALSE(queue.cancel(second));
  CHECK_FALSE(queue.pending(second));
  CHECK(queue.size() == 2);
  CHECK(queue.cancel(first));
  CHECK(drain(queue) == std::vector<std::uint64_t>{3});
  CHECK_FALSE(queue.cancel(third));
}

TEST_CASE("the handle of a past event never names a later one", "[sim]") {
  EventQueue queue;
  const auto old = queue.push(at_ns(1), Band::kNormal, 1, action(1));
  queue.pop();
  for (std::uint64_t i = 0; i < 1000; ++i) {
    const auto current = queue.push(at_ns(2), Band::kNormal, i, action(i));
    REQUIRE_FALSE(queue.pending(old));
    REQUIRE_FALSE(queue.cancel(old));
    REQUIRE(queue.cancel(current));
  }
  CHECK_FALSE(queue.pending(EventQueue::Handle{}));
  CHECK_FALSE(queue.cancel(EventQueue::Handle{12345, 1}));
}

TEST_CASE("the last event may be cancelled while the one before it runs", "[sim]") {
  EventQueue queue;
  queue.push(at_ns(1), Band::kNormal, 1, action(1));
  const auto last = queue.push(at_ns(2), Band::kNormal, 2, action(2));

  queue.pop();
  CHECK(queue.cancel(last));
  CHECK(queue.empty());
  queue.push(at_ns(3), Band::kNormal, 3, action(3));
  CHECK(drain(queue) == std::vector<std::uint64_t>{3});
}

TEST_CASE("a cleared queue is empty and knows no handle", "[sim]") {
  EventQueue queue;
  std::vector<EventQueue::Handle> handles;
  for (std::uint64_t i = 0; i < 100; ++i)
    handles.push_back(queue.push(at_ns(static_cast<std::int64_t>(i)), Band::kNormal, i, action(i)));
  queue.pop();

  queue.clear();
  CHECK(queue.empty());
  queue.push(at_ns(7), Band::kNormal, 7, action(7));
  for (const auto& handle : handles)
    CHECK_FALSE(queue.pending(handle));
  CHECK(drain(queue) == std::vector<std::uint64_t>{7});
}

TEST_CASE("an empty queue has no first event", "[sim]") {
  EventQueue queue;
  CHECK_THROWS_AS(queue.pop(), InvariantBroken);
  queue.push(at_ns(1), Band::kNormal, 1, action(1));
  queue.pop();
  CHECK_THROWS_AS(queue.top_key(), InvariantBroken);
}

TEST_CASE("more events than fit the cache keep their order", "[sim]") {
  EventQueue queue;
  RandomStream random(1, "test");
  for (std::uint64_t i = 0; i < 20'000; ++i)
    queue.push(at_ns(static_cast<std::int64_t>(random() % 5000)), Band::kNormal, i, action(i));

  TimePoint last{};
  std::uint64_t last_order = 0;
  for (std::uint64_t i = 0; i < 100'000; ++i) {
    const EventQueue::Key key = queue.top_key();
    REQUIRE(key.time >= last);
    REQUIRE((key.time > last || key.order > last_order || i == 0));
    last = key.time;
    last_order = key.order;
    queue.pop();
    if (i < 80'000)
      queue.push(last + Duration(static_cast<std::int64_t>(random() % 5000)), Band::kNormal,
                 20'000 + i, action(i));
  }
  CHECK(queue.empty());
}

}  // namespace
}  // namespace wbsim
