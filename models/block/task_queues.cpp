#include "models/block/task_queues.hpp"

namespace wbsim {

namespace {

constexpr Sectors kBackMax{2 * 16 * 1024};
constexpr int kBackPenalty = 2;

}  // namespace

void TaskQueue::insert(Request& rq, Jiffies deadline) {
  if (sorted.empty() || sorted.rbegin()->sector <= rq.sector)
    sorted.push_back(rq);
  else
    sorted.insert(rq);
  rq.deadline = deadline;
  fifo.push_back(rq);
}

void TaskQueue::erase(Request& rq) {
  sorted.erase(sorted.iterator_to(rq));
  fifo.erase(fifo.iterator_to(rq));
}

Request& TaskQueue::choose(Sectors head, Jiffies now) {
  if (!fifo_checked) {
    fifo_checked = true;
    if (now >= fifo.front().deadline)
      return fifo.front();
  }
  const auto ahead = sorted.lower_bound(head);
  if (ahead == sorted.begin())
    return *ahead;
  Request& behind = *std::prev(ahead);
  const Sectors back = head - behind.sector;
  if (ahead == sorted.end())
    return back <= kBackMax ? behind : *sorted.begin();
  const Sectors forward = ahead->sector - head;
  return back <= kBackMax && back * kBackPenalty < forward ? behind : *ahead;
}

}  // namespace wbsim
