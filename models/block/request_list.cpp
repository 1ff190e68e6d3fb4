#include "models/block/request_list.hpp"

#include <algorithm>

#include "sim/assert.hpp"

namespace wbsim {

RequestLimits::RequestLimits(int nr)
    : nr_requests(nr),
      congestion_on(std::min(nr, nr - nr / 8 + 1)),
      congestion_off(std::max(1, nr - nr / 8 - nr / 16 - 1)),
      cap(static_cast<int>(std::int64_t{3} * nr / 2)) {}

RequestList::RequestList(int nr_requests, int batch_requests, TickClock clock)
    : limits_(nr_requests), batch_requests_(batch_requests), clock_(clock) {
  WB_ASSERT(nr_requests >= 4);
  WB_ASSERT(batch_requests >= 1);
}

bool RequestList::allocate(std::size_t index, IoContext& ioc, TimePoint now) {
  List& list = lists_[index];
  const bool fills = list.count + 1 >= limits_.nr_requests;
  if (list.count + 1 >= limits_.congestion_on) {
    if (fills) {
      if (!list.full) {
        ioc_set_batching(ioc, now);
        list.full = true;
      } else if (!ioc_batching(ioc, now)) {
        return false;
      }
    }
    list.congested = true;
  }
  if (list.count >= limits_.cap)
    return false;
  ++list.count;
  // Below the limit the kernel has not even looked the io_context up: the batch is not used up.
  if (fills && ioc_batching(ioc, now))
    --ioc.nr_batch_requests;
  return true;
}

RequestList::Freed RequestList::release(std::size_t index) {
  List& list = lists_[index];
  WB_ASSERT(list.count > 0);
  --list.count;
  Freed freed{};
  // Sleepers are woken at each such release, even when the queue was not congested.
  if (list.count < limits_.congestion_off) {
    list.congested = false;
    freed.wake_congestion_waiters = true;
  }
  if (list.count + 1 <= limits_.nr_requests) {
    list.full = false;
    freed.wake_waiter = true;
  }
  return freed;
}

bool RequestList::ioc_batching(const IoContext& ioc, TimePoint now) const {
  const Jiffies batch_time(clock_.hz() / 50);
  return ioc.nr_batch_requests == batch_requests_ ||
         (ioc.nr_batch_requests > 0 && clock_.jiffies_at(now) < ioc.last_waited + batch_time);
}

void RequestList::ioc_set_batching(IoContext& ioc, TimePoint now) const {
  if (ioc_batching(ioc, now))
    return;
  ioc.nr_batch_requests = batch_requests_;
  ioc.last_waited = clock_.jiffies_at(now);
}

}  // namespace wbsim
