#include "models/mm/flex_proportions.hpp"

namespace wbsim {

namespace {
std::int64_t halved(std::int64_t events, std::int64_t times) {
  return times < 64 ? events >> times : 0;
}
}  // namespace

// writeout_period() and fprop_new_period(), as often as the timer would have fired. It stops at the
// first period that begins with no more than one event.
void FlexProportions::catch_up(Jiffies now) {
  while (period_time_ != Jiffies(0) && now >= period_time_) {
    if (events_ <= 1) {
      period_time_ = Jiffies(0);
      return;
    }
    events_ /= 2;
    ++period_;
    period_time_ += length_;
  }
}

void FlexProportions::age(FlexLocal& local) const {
  local.events = halved(local.events, period_ - local.period);
  local.period = period_;
}

PropFraction FlexProportions::fraction_now(const FlexLocal& local) const {
  if (events_ > local.events)
    return {local.events, events_};
  return {local.events, local.events > 0 ? local.events : 1};
}

void FlexProportions::add(FlexLocal& local, std::int64_t count, int max_ratio, Jiffies now) {
  catch_up(now);
  age(local);
  if (period_time_ == Jiffies(0))
    period_time_ = now + length_;
  if (max_ratio >= 100) {
    local.events += count;
    events_ += count;
    return;
  }
  for (; count > 0; --count) {
    const PropFraction share = fraction_now(local);
    if (share.numerator > share.denominator * max_ratio / 100)
      return;  // nothing changes it before the next event of another device
    ++local.events;
    ++events_;
  }
}

PropFraction FlexProportions::fraction(FlexLocal& local, Jiffies now) {
  catch_up(now);
  age(local);
  return fraction_now(local);
}

}  // namespace wbsim
