#include <catch2/catch.hpp>
#include <chrono>
#include <type_traits>

#include "sim/units.hpp"

namespace wbsim {
namespace {

using namespace std::chrono_literals;

template <class A, class B>
concept Addable = requires(A a, B b) {
  a + b;
};
template <class A, class B>
concept Comparable = requires(A a, B b) {
  a < b;
};
template <class A, class B>
concept Multipliable = requires(A a, B b) {
  a* b;
};

static_assert(Addable<Pages, Pages> && Comparable<Pages, Pages>);
static_assert(!Addable<Pages, Bytes> && !Addable<Bytes, Sectors> && !Addable<Jiffies, Pages>);
static_assert(!Comparable<Pages, Bytes> && !Comparable<Sectors, Bytes>);
static_assert(!Addable<Pages, int> && !Comparable<Bytes, std::int64_t>);
static_assert(Multipliable<Pages, int> && !Multipliable<Pages, Pages>);
static_assert(!std::is_convertible_v<std::int64_t, Pages> && std::is_constructible_v<Pages, int>);
static_assert(!std::is_convertible_v<Pages, std::int64_t>);
static_assert(!std::is_constructible_v<Bytes, Pages> && !std::is_assignable_v<Bytes&, Sectors>);
static_assert(!std::is_convertible_v<Jiffies, Duration> &&
              !std::is_convertible_v<Duration, Jiffies>);
static_assert(!std::is_convertible_v<std::chrono::sys_time<Duration>, TimePoint>);
static_assert(!std::is_convertible_v<Duration, TimePoint>);
static_assert(sizeof(Pages) == sizeof(std::int64_t) && std::is_trivially_copyable_v<Pages>);

TEST_CASE("quantities count", "[sim]") {
  Pages pages(10);
  pages += Pages(5);
  pages -= Pages(1);
  CHECK(pages == Pages(14));
  CHECK(-pages + pages * 3 == pages * 2);
  CHECK(pages / 4 == Pages(3));
  CHECK(Pages() == Pages(0));
  CHECK(Pages(2) > Pages(-2));
}

TEST_CASE("pages, sectors and bytes convert by name", "[sim]") {
  CHECK(to_bytes(Pages(3)) == Bytes(12288));
  CHECK(to_bytes(Sectors(8)) == to_bytes(Pages(1)));
  CHECK(whole_pages(Bytes(8191)) == Pages(1));
  CHECK(round_up_pages(Bytes(0)) == Pages(0));
  CHECK(round_up_pages(Bytes(1)) == Pages(1));
  CHECK(round_up_pages(Bytes(4096)) == Pages(1));
  CHECK(round_up_pages(Bytes(INT64_MAX)) == Pages((std::int64_t{1} << 51)));
}

TEST_CASE("a duration is rounded up to whole jiffies, as msecs_to_jiffies does", "[sim]") {
  CHECK(TickClock(100).from_duration(100ms) == Jiffies(10));
  CHECK(TickClock(250).from_duration(100ms) == Jiffies(25));
  CHECK(TickClock(1000).from_duration(100ms) == Jiffies(100));
  CHECK(TickClock(100).from_duration(3ms) == Jiffies(1));
  CHECK(TickClock(250).from_duration(3ms) == Jiffies(1));
  CHECK(TickClock(1000).from_duration(3ms) == Jiffies(3));
  CHECK(TickClock(250).from_duration(5ms) == Jiffies(2));
  CHECK(TickClock(1000).from_duration(1ns) == Jiffies(1));
  CHECK(TickClock(1000).from_duration(0ns) == Jiffies(0));
  CHECK(TickClock(1000).from_duration(Duration::max()) == Jiffies(9'223'372'036'855));
}

TEST_CASE("a timeout ends on a tick", "[sim]") {
  const TickClock hz100(100);
  CHECK(hz100.tick() == 10ms);
  CHECK(hz100.expiry(TimePoint(0ms), Jiffies(10)) == TimePoint(100ms));
  // Armed within a tick: what is left of it counts as a whole jiffy.
  CHECK(hz100.expiry(TimePoint(9ms), Jiffies(10)) == TimePoint(100ms));
  CHECK(hz100.expiry(TimePoint(9'999'999ns), Jiffies(1)) == TimePoint(10ms));
  CHECK(hz100.expiry(TimePoint(10ms), Jiffies(1)) == TimePoint(20ms));

  const TickClock hz250(250);
  CHECK(hz250.expiry(TimePoint(5ms), Jiffies(25)) == TimePoint(104ms));
  const TickClock hz1000(1000);
  CHECK(hz1000.expiry(TimePoint(5'500us), Jiffies(100)) == TimePoint(105ms));
}

TEST_CASE("jiffies are the ticks since boot", "[sim]") {
  const TickClock hz250(250);
  CHECK(hz250.jiffies_at(TimePoint(0ns)) == Jiffies(0));
  CHECK(hz250.jiffies_at(TimePoint(3'999'999ns)) == Jiffies(0));
  CHECK(hz250.jiffies_at(TimePoint(4ms)) == Jiffies(1));
  CHECK(hz250.start_of(hz250.jiffies_at(TimePoint(30s))) == TimePoint(30s));
}

}  // namespace
}  // namespace wbsim
