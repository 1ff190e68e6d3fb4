// What all request queues of a machine share.
#pragma once

#include <deque>

#include "models/block/congestion_waits.hpp"
#include "models/block/request.hpp"

namespace wbsim {

// Requests that are not in use; the one freed last, which is still in the cache, is taken first.
class RequestPool {
 public:
  RequestPool() = default;
  RequestPool(const RequestPool&) = delete;

  Request& take() {
    if (free_.empty())
      free_.push_front(slab_.emplace_back());
    Request& rq = free_.front();
    free_.pop_front();
    return rq;
  }
  void give_back(Request& rq) { free_.push_front(rq); }

 private:
  std::deque<Request> slab_;
  QueueList free_;
};

struct BlockLayer {
  CongestionWaits congestion;
  RequestPool requests;
};

}  // namespace wbsim
