#include "models/block/elevator_linus.hpp"

#include <iterator>

namespace wbsim {

namespace {

bool fits(const Request& rq, const Bio& bio, const QueueParams& limits) {
  return rq.op == bio.op && rq.sectors + bio.length <= limits.max_sectors &&
         rq.segments + bio.segments <= limits.max_segments;
}

// bh_rq_in_between(): whether the sector belongs between two neighbours, or behind the point where
// their order wraps around.
bool in_between(Sectors sector, const Request& rq, const Request& next) {
  if (rq.sector < next.sector)
    return rq.sector < sector && sector < next.sector;
  return sector > rq.sector || sector < next.sector;
}

}  // namespace

int LinusElevator::latency(BioOp op) const {
  const bool read = op == BioOp::kRead;
  if (release_ == LinusRelease::k240)
    return read ? 1'000'000 : 2'000'000;
  return read ? 8192 : 16384;
}

LinusElevator::Found LinusElevator::merge(const Bio& bio, const QueueParams& limits) {
  return release_ == LinusRelease::k240 ? merge_240(bio, limits) : merge_2417(bio, limits);
}

// The requests from `from` to the tail were passed.
void LinusElevator::passed(List::iterator from, std::int64_t cost) {
  for (; from != list_.end(); ++from)
    from->elevator_sequence -= cost;
}

LinusElevator::Found LinusElevator::merge_240(const Bio& bio, const QueueParams& limits) {
  for (auto it = list_.end(); it != list_.begin();) {
    Request& rq = *--it;
    if (!fits(rq, bio, limits))
      continue;
    if (rq.end() == bio.sector) {
      passed(std::next(it), 1);
      return {Merge::kBack, &rq, nullptr};
    }
    if (rq.elevator_sequence == 0)
      break;
    if (bio.sector + bio.length == rq.sector) {
      passed(it, 1);  // a front merge costs the request itself as well
      return {Merge::kFront, &rq, nullptr};
    }
  }
  return {};
}

LinusElevator::Found LinusElevator::merge_2417(const Bio& bio, const QueueParams& limits) {
  Found found;
  const std::int64_t count = bio.length.count();
  for (auto it = list_.end(); it != list_.begin();) {
    Request& rq = *--it;
    if (rq.elevator_sequence-- <= 0)
      break;
    const auto next = std::next(it);
    if (!found.after && next != list_.end() && in_between(bio.sector, rq, *next))
      found.after = &rq;
    if (!fits(rq, bio, limits))
      continue;
    if (rq.elevator_sequence < count)
      break;
    if (rq.end() == bio.sector) {
      passed(next, count);
      return {Merge::kBack, &rq, nullptr};
    }
    if (bio.sector + bio.length == rq.sector) {
      passed(it, count);
      return {Merge::kFront, &rq, nullptr};
    }
  }
  return found;
}

void LinusElevator::add(Request& rq, const Found& found) {
  rq.elevator_sequence = latency(rq.op);
  if (release_ == LinusRelease::k2417) {
    list_.insert(found.after ? std::next(List::s_iterator_to(*found.after)) : list_.end(), rq);
    return;
  }
  auto at = list_.end();
  while (at != list_.begin()) {
    Request& before = *std::prev(at);
    if (before.sector < rq.sector || before.elevator_sequence == 0)
      break;
    --before.elevator_sequence;
    --at;
  }
  list_.insert(at, rq);
}

Request* LinusElevator::former(Request& rq) {
  const auto it = List::s_iterator_to(rq);
  return it == list_.begin() ? nullptr : &*std::prev(it);
}

Request* LinusElevator::latter(Request& rq) {
  const auto next = std::next(List::s_iterator_to(rq));
  return next == list_.end() ? nullptr : &*next;
}

}  // namespace wbsim
