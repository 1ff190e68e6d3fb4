// An elevator with what finds the request that a bio, or a whole request, can be merged into: the
// last merged request, a hash by end sector, and the elevator's own order.
// MODELS: 2.6.18 to 6.1 block/elevator.c elv_merge(), elv_attempt_insert_merge(), struct
//         elevator_queue; block/blk-mq-sched.c blk_mq_sched_try_merge().
#pragma once

#include <memory>

#include "models/block/elevator.hpp"
#include "models/block/merge_hash.hpp"
#include "models/block/request_merge.hpp"

namespace wbsim {

// Takes back a request whose bios were joined to another one: blk_put_request().
class RequestOwner {
 public:
  virtual void put_request(Request& rq) = 0;

 protected:
  ~RequestOwner() = default;
};

class ElevatorQueue {
 public:
  // `params` and `stats` are the owner's.
  ElevatorQueue(std::unique_ptr<Elevator> elevator, const QueueParams& params, QueueStats& stats,
                RequestOwner& owner)
      : elevator_(std::move(elevator)), params_(params), stats_(stats), owner_(owner) {}

  // Into a queued request, if one touches the bio.
  bool try_merge(Bio& bio, const IoContext& ioc) {
    if (params_.nomerges == 2 || (!last_merge_ && elevator_->empty()))
      return false;  // last_merge_ is in the elevator
    return elv_merge(bio, ioc);
  }
  // RequestQueue::try_append(), into the last merged request.
  int try_append(Bio& tail, Sectors length, int bios);
  // A whole request that comes from a plug: false when it still has to be added.
  bool try_insert_merge(Request& rq);
  void add(Request& rq, Jiffies now);
  // Takes the next request out; from here on nothing is merged into it.
  Request* dispatch(Jiffies now) { return taken(elevator_->next(now)); }
  Request* drain(Jiffies now) { return taken(elevator_->force(now)); }

  bool empty() const { return elevator_->empty(); }
  Elevator& elevator() { return *elevator_; }

 private:
  Request* taken(Request* rq);
  bool elv_merge(Bio& bio, const IoContext& ioc);
  bool allowed(const Request& rq, const Bio& bio, const IoContext& ioc) const {
    return merge_ok(rq, bio) && elevator_->allow_merge(rq, bio, ioc);
  }
  bool back_merge(Request& rq, Bio& bio);
  bool front_merge(Request& rq, Bio& bio);
  bool join(Request& rq, Request& next);
  bool absorb(Request& into, Request& rq);
  void forget_merged(Request& rq);

  std::unique_ptr<Elevator> elevator_;
  const QueueParams& params_;
  QueueStats& stats_;
  RequestOwner& owner_;
  Request* last_merge_ = nullptr;
  MergeHash hash_;
};

}  // namespace wbsim
