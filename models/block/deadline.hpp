// MODELS:   2.6.18 to 4.x block/deadline-iosched.c, 6.1 block/mq-deadline.c, by the version's
//           DeadlineRules.
// DEVIATES: two requests may start at the same sector (up to 2.6.35 the older one was dispatched on
//           the spot).
#pragma once

#include <array>
#include <boost/intrusive/set.hpp>
#include <limits>

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
  void completed(const Request& rq, Jiffies now) override;
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
    QueueList fifo;
    Request* next = nullptr;  // after the last dispatched one, in order of sectors
  };

  struct Level {  // struct dd_per_prio: a class of priority
    Direction& direction(BioOp op) { return directions[static_cast<std::size_t>(op)]; }
    bool empty() const { return directions[0].fifo.empty() && directions[1].fifo.empty(); }
    std::array<Direction, 2> directions;
  };
  static constexpr Jiffies kAnyAge{std::numeric_limits<std::int64_t>::max()};

  std::size_t level_number(IoPriority priority) const {
    return rules_.priority_levels ? static_cast<std::size_t>(priority.cls()) : 0;
  }
  Level& level_of(IoPriority priority) { return levels_[level_number(priority)]; }
  Direction& direction(const Request& rq) { return level_of(rq.ioprio).direction(rq.op); }
  Jiffies expire(BioOp op) const { return expire_[static_cast<std::size_t>(op)]; }
  Request* aged(Jiffies now);
  Request* next_of(Level& level, Jiffies now, Jiffies latest_start);
  Request* continue_batch(Level& level);
  Request* choose(Level& level, BioOp op, Jiffies now);
  bool expired(const Direction& d, Jiffies now) const;
  Request* dispatch(Request& rq, Jiffies latest_start);
  void remove(Request& rq);

  DeadlineRules rules_;
  BioOp last_op_ = BioOp::kRead;
  std::size_t size_ = 0;
  std::array<int, 3> queued_{};  // of each level, or with the driver: dd_queued()
  int batching_ = 0;
  int starved_ = 0;
  Sectors last_end_;
  std::array<Jiffies, 2> expire_;
  Jiffies prio_aging_expire_;
  std::array<Level, 3> levels_;
};

}  // namespace wbsim
