// MODELS: 2.6.18 to 6.1 block/deadline-iosched.c, by the version's DeadlineRules.
// DEVIATES: one priority class; two requests may start at the same sector (up to 2.6.35 the older
// one was dispatched on the spot).
#pragma once

#include <array>
#include <boost/intrusive/list.hpp>
#include <boost/intrusive/set.hpp>

#include "models/block/elevator.hpp"

namespace wbsim {

class DeadlineElevator final : public Elevator {
 public:
  static constexpr int kWritesStarved = 2;
  static constexpr int kFifoBatch = 16;

  DeadlineElevator(const DeadlineRules& rules, TickClock clock);

  void add(Request& rq, Jiffies now) override;
  Request* next(Jiffies now) override;
  bool empty() const override { return size_ == 0; }
  std::size_t size() const override { return size_; }
  Request* find_start(const Bio& bio, const IoContext& ioc) override;
  void front_merged(Request& rq) override;
  Request* former(Request& rq) override;
  Request* latter(Request& rq) override;
  void joined(Request& into, Request& gone) override;

 private:
  struct SectorOf {
    using type = Sectors;
    Sectors operator()(const Request& rq) const { return rq.sector; }
  };
  struct Direction {
    void insert(Request& rq);
    void erase(Request& rq);

    boost::intrusive::multiset<
        Request, boost::intrusive::member_hook<Request, Request::TreeHook, &Request::sort_hook>,
        boost::intrusive::key_of_value<SectorOf>, boost::intrusive::constant_time_size<false>>
        sorted;
    Request* last = nullptr;  // of sorted
    boost::intrusive::list<
        Request, boost::intrusive::member_hook<Request, Request::ListHook, &Request::queue_hook>,
        boost::intrusive::constant_time_size<false>>
        fifo;
    Request* next = nullptr;  // after the last dispatched one, in order of sectors
    Jiffies expire;
  };

  Direction& direction(BioOp op) { return directions_[static_cast<std::size_t>(op)]; }
  Request* continue_batch();
  Request* choose(BioOp op, Jiffies now);
  bool expired(const Direction& d, Jiffies now) const;
  void dispatch(Request& rq);
  void remove(Request& rq);

  DeadlineRules rules_;
  std::array<Direction, 2> directions_;
  std::size_t size_ = 0;
  int batching_ = 0;
  int starved_ = 0;
  BioOp last_op_ = BioOp::kRead;
  Sectors last_end_;
};

}  // namespace wbsim
