// Floating proportions: adding in batches is adding one by one.
#include <rapidcheck.h>

#include <catch2/catch.hpp>
#include <vector>

#include "models/mm/proportions.hpp"

namespace wbsim {
namespace {

// The rule as the kernel's comment gives it, one event at a time.
struct OneByOne {
  std::int64_t half;
  std::int64_t events = 0;
  struct Local {
    std::int64_t events = 0, period = 0;
  };
  void normalise(Local& local) const {
    const std::int64_t period = events / half * half;
    for (; local.period < period; local.period += half)
      local.events /= 2;
  }
  void add(Local& local) {
    normalise(local);
    ++local.events;
    ++events;
  }
};

TEST_CASE("batches of completions count as single ones", "[mm]") {
  CHECK(rc::check("shares of several devices", [] {
    const int shift = *rc::gen::inRange(2, 9);
    Proportions all(shift);
    OneByOne expected{std::int64_t{1} << (shift - 1)};
    std::vector<PropLocal> locals(3);
    std::vector<OneByOne::Local> expected_locals(3);
    const auto steps = *rc::gen::container<std::vector<std::pair<int, int>>>(
        rc::gen::pair(rc::gen::inRange(0, 3), rc::gen::inRange(0, 700)));
    for (const auto& [which, count] : steps) {
      const auto i = static_cast<std::size_t>(which);
      all.add(locals[i], count);
      for (int n = 0; n < count; ++n)
        expected.add(expected_locals[i]);
      std::int64_t sum = 0;
      std::int64_t denominator = 0;
      for (std::size_t k = 0; k < locals.size(); ++k) {
        const PropFraction share = all.fraction(locals[k]);
        expected.normalise(expected_locals[k]);
        RC_ASSERT(share.numerator == expected_locals[k].events);
        RC_ASSERT(share.denominator == expected.half + expected.events % expected.half);
        sum += share.numerator;
        denominator = share.denominator;
      }
      RC_ASSERT(sum <= denominator);
    }
  }));
}

TEST_CASE("a limited share stays about its limit", "[mm]") {
  CHECK(rc::check("with other devices busy or not", [] {
    const int max_ratio = *rc::gen::inRange(1, 100);
    Proportions all(*rc::gen::inRange(6, 12));
    PropLocal limited, other;
    const auto steps = *rc::gen::container<std::vector<bool>>(rc::gen::arbitrary<bool>());
    for (const bool is_limited : steps) {
      for (int n = 0; n < 50; ++n) {
        if (is_limited)
          all.add_limited(limited, max_ratio);
        else
          all.add(other, 1);
        const PropFraction share = all.fraction(limited);
        RC_ASSERT(share.numerator <= share.denominator * max_ratio / 100 + 1);
      }
    }
  }));
}

}  // namespace
}  // namespace wbsim
