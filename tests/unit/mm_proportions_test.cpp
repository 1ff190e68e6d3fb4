// Floating proportions, by the worked examples of the 2.6 kernels.
#include <catch2/catch.hpp>

#include "models/mm/proportions.hpp"

namespace wbsim {
namespace {

void check_fraction(const Proportions& all, PropLocal& local, std::int64_t numerator,
                    std::int64_t denominator) {
  const PropFraction now = all.fraction(local);
  CHECK(now.numerator == numerator);
  CHECK(now.denominator == denominator);
}

constexpr int kShift = 17;  // of a dirty limit of 40000 pages

TEST_CASE("pdflush 9.4: the period follows from the dirty limit", "[mm]") {
  CHECK(Proportions::period_shift(Pages(40000)) == 17);
  CHECK(Proportions::period_shift(Pages(20000)) == 16);
  CHECK(Proportions::period_shift(Pages(32769)) == 17);
  CHECK(Proportions::period_shift(Pages(32768)) == 16);
  CHECK(Proportions::period_shift(Pages(3)) == 3);
}

TEST_CASE("pdflush 9.4: one device alone", "[mm]") {
  Proportions all(kShift);
  PropLocal device;
  check_fraction(all, device, 0, 65536);
  all.add(device, 1000);
  check_fraction(all, device, 1000, 66536);
  all.add(device, 64536);
  check_fraction(all, device, 32768, 65536);
  all.add(device, 65536);
  check_fraction(all, device, 49152, 65536);
  for (int i = 0; i < 40; ++i)
    all.add(device, 65536);
  const PropFraction end = all.fraction(device);
  CHECK(end.denominator - end.numerator <= 1);
}

TEST_CASE("pdflush 9.4: two devices, three to one, after four half periods", "[mm]") {
  Proportions all(kShift);
  PropLocal fast, slow;
  for (int i = 0; i < 65536; ++i) {
    all.add(fast, 3);
    all.add(slow, 1);
  }
  // 15/16 of the shares have come in: 49152 - 3072 and 16384 - 1024.
  check_fraction(all, fast, 46080, 65536);
  check_fraction(all, slow, 15360, 65536);
}

TEST_CASE("pdflush 9.10: the limit of a new device grows with its completions", "[mm]") {
  struct Row {
    std::int64_t completions, limit;
  };
  for (const Row& row : {Row{1000, 601}, Row{10000, 5295}, Row{30000, 12560}, Row{60000, 19118}}) {
    Proportions all(kShift);
    PropLocal device;
    all.add(device, row.completions);
    const PropFraction now = all.fraction(device);
    CHECK(40000 * now.numerator / now.denominator == row.limit);
  }
}

TEST_CASE("pdflush 3.4: an idle device's share is halved each half period, to nothing", "[mm]") {
  Proportions all(kShift);
  PropLocal idle, busy;
  all.add(idle, 40000);
  all.add(busy, 65536);
  check_fraction(all, idle, 20000, 65536 + 40000);
  all.add(busy, 65536);
  CHECK(all.fraction(idle).numerator == 10000);
  for (int i = 0; i < 100; ++i)
    all.add(busy, 65536);
  CHECK(all.fraction(idle).numerator == 0);
}

TEST_CASE("pdflush 3.4: events above max_ratio are not counted", "[mm]") {
  Proportions all(8);  // half a period is 128 events
  PropLocal device;
  for (int i = 0; i < 1000; ++i)
    all.add_limited(device, 10);
  // The first count with num > den / 10 stops it.
  check_fraction(all, device, 15, 143);
}

}  // namespace
}  // namespace wbsim
