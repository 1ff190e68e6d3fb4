#include "models/block/noop.hpp"

#include <iterator>

namespace wbsim {

void NoopElevator::add(Request& rq, Jiffies) {
  fifo_.push_back(rq);
}

Request* NoopElevator::next(Jiffies) {
  if (fifo_.empty())
    return nullptr;
  Request& rq = fifo_.front();
  fifo_.pop_front();
  return &rq;
}

Request* NoopElevator::find_start(const Bio&, const IoContext&) {
  return nullptr;
}

void NoopElevator::front_merged(Request&) {}

// The neighbours are those in order of arrival; the queue checks whether they touch.
Request* NoopElevator::former(Request& rq) {
  const auto it = fifo_.iterator_to(rq);
  return it == fifo_.begin() ? nullptr : &*std::prev(it);
}

Request* NoopElevator::latter(Request& rq) {
  const auto it = std::next(fifo_.iterator_to(rq));
  return it == fifo_.end() ? nullptr : &*it;
}

void NoopElevator::joined(Request&, Request& gone) {
  fifo_.erase(fifo_.iterator_to(gone));
}

}  // namespace wbsim
