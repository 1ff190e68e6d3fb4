// The one elevator of 2.4: requests in the order of the disk, with a latency in requests after
// which nothing passes them any more. Plain data without an engine.
//
// MODELS:   drivers/block/elevator.c elevator_linus of 2.4.0 and 2.4.17.
// DEVIATES: sectors count from the start of the disk, not of the partition.
#pragma once

#include "models/block/queue_settings.hpp"
#include "models/block/request.hpp"

namespace wbsim {

enum class LinusRelease : std::uint8_t {
  k240,   // counts requests that are passed; insertion sort
  k2417,  // counts sectors too; the place is found while looking for a merge
};

class LinusElevator {
 public:
  using List = QueueList;

  explicit LinusElevator(LinusRelease release) : release_(release) {}

  enum class Merge : std::uint8_t { kNone, kBack, kFront };
  struct Found {
    Merge merge = Merge::kNone;
    Request* rq = nullptr;     // to merge with
    Request* after = nullptr;  // 2.4.17: behind which a new request goes; null: at the tail
  };
  // elevator_merge_fn, from the tail to the head, with what it and elevator_merge_cleanup_fn take
  // from the sequences of the requests.
  Found merge(const Bio& bio, const QueueParams& limits);
  // elevator_fn, add_request(): a new request at its place.
  void add(Request& rq, const Found& found);
  void remove(Request& rq) { list_.erase(List::s_iterator_to(rq)); }

  bool empty() const { return list_.empty(); }
  Request& first() { return list_.front(); }
  // The neighbours in the queue, which is mostly the order of sectors; null at its ends.
  Request* former(Request& rq);
  Request* latter(Request& rq);
  const List& list() const { return list_; }

 private:
  Found merge_240(const Bio& bio, const QueueParams& limits);
  Found merge_2417(const Bio& bio, const QueueParams& limits);
  void passed(List::iterator from, std::int64_t cost);
  int latency(BioOp op) const;

  LinusRelease release_;
  List list_;
};

}  // namespace wbsim
