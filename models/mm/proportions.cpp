#include "models/mm/proportions.hpp"

#include <algorithm>
#include <bit>

#include "sim/assert.hpp"

namespace wbsim {

int Proportions::period_shift(Pages dirty_total) {
  const auto n = static_cast<std::uint64_t>(std::max<std::int64_t>(dirty_total.count() - 1, 1));
  return 1 + static_cast<int>(std::bit_width(n));
}

void Proportions::age(PropLocal& local) const {
  const std::int64_t period = events_ & ~(half_ - 1);
  if (period == local.period)
    return;
  const std::int64_t halvings = (period - local.period) / half_;
  local.events = halvings > 62 ? 0 : local.events >> halvings;
  local.period = period;
}

void Proportions::add_and_age(PropLocal& local, std::int64_t count) {
  while (count > 0) {
    age(local);
    // The event that reaches the next half period still counts before the ageing.
    const std::int64_t step = std::min(count, half_ - (events_ & (half_ - 1)));
    local.events += step;
    events_ += step;
    count -= step;
  }
}

void Proportions::add_limited(PropLocal& local, int max_ratio) {
  const PropFraction now = fraction(local);
  if (now.numerator <= now.denominator * max_ratio / 100)
    add(local, 1);
}

PropFraction Proportions::fraction(PropLocal& local) const {
  age(local);
  return {local.events, half_ + (events_ & (half_ - 1))};
}

}  // namespace wbsim
