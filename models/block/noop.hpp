// MODELS: 2.6 block/noop-iosched.c: first in first out, with merging.
#pragma once

#include <boost/intrusive/list.hpp>

#include "models/block/elevator.hpp"

namespace wbsim {

class NoopElevator final : public Elevator {
 public:
  void add(Request& rq, Jiffies now) override;
  Request* next(Jiffies now) override;
  bool empty() const override { return fifo_.empty(); }
  std::size_t size() const override { return fifo_.size(); }
  Request* find_start(const Bio& bio, const IoContext& ioc) override;
  void front_merged(Request& rq) override;
  Request* former(Request& rq) override;
  Request* latter(Request& rq) override;
  void joined(Request& into, Request& gone) override;

 private:
  boost::intrusive::list<Request> fifo_;
};

}  // namespace wbsim
