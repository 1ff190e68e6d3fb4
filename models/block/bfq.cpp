#include "models/block/bfq.hpp"

namespace wbsim {

namespace {

// bfq_delta(): service of so many sectors, in virtual time.
std::int64_t delta(Sectors service, std::int64_t weight) {
  constexpr int kServiceShift = 22;
  return (service.count() << kServiceShift) / weight;
}

}  // namespace

BfqElevator::BfqElevator(TickClock clock)
    : slice_idle_(std::max(clock.hz() / 125, 1)),
      timeout_(clock.hz() / 8),
      fifo_sync_(clock.hz() / 8),
      fifo_async_(clock.hz() / 4) {}

void BfqElevator::add(Request& rq, Jiffies now) {
  BfqQueue& q = insert(rq, now, fifo_sync_, fifo_async_);
  if (&q == in_service_)
    idle_until_ = Jiffies(0);
  if (q.busy)
    return;
  q.busy = true;
  tree_of(q).wsum += q.weight();
  activate(q, std::max(tree_of(q).vtime, q.finish));
}

void BfqElevator::activate(BfqQueue& q, std::int64_t start) {
  q.start = start;
  q.finish = start + delta(kMaxBudget, q.weight());
  q.served = Sectors(0);
  tree_of(q).early.insert(q);
}

// bfq_select_queue(): whether the queue in service has to give way.
bool BfqElevator::must_expire(const BfqQueue& q, Jiffies now) const {
  if (now >= q.budget_end)
    return true;
  if (!q.empty())
    return q.served + q.sorted.begin()->sectors > kMaxBudget;
  return !q.sync() || (q.dispatched == 0 && now >= idle_until_);
}

Request* BfqElevator::next(Jiffies now) {
  if (in_service_ && must_expire(*in_service_, now))
    expire();
  if (!in_service_)
    select(now);
  if (!in_service_ || in_service_->empty())
    return nullptr;
  return &take(*in_service_, in_service_->choose(last_position_, now));
}

Request& BfqElevator::take(BfqQueue& q, Request& rq) {
  q.served += rq.sectors;
  if (Tree& tree = tree_of(q); tree.wsum > 0)
    tree.vtime += delta(rq.sectors, tree.wsum);
  return TaskQueueElevator::take(q, rq);
}

// bfq_bfqq_expire(): it is charged with what it was served.
void BfqElevator::expire() {
  BfqQueue& q = *in_service_;
  in_service_ = nullptr;
  idle_until_ = Jiffies(0);
  q.finish = q.start + delta(q.served, q.weight());
  if (!q.empty())
    return activate(q, q.finish);
  q.busy = false;
  tree_of(q).wsum -= q.weight();
}

// bfq_lookup_next_entity(): of the queues whose service is due, the one that would finish first.
BfqQueue* BfqElevator::next_entity(Tree& tree) {
  if (tree.due.empty() && !tree.early.empty())
    tree.vtime = std::max(tree.vtime, tree.early.begin()->start);
  while (!tree.early.empty() && tree.early.begin()->start <= tree.vtime) {
    BfqQueue& q = *tree.early.begin();
    tree.early.erase(tree.early.begin());
    tree.due.insert(q);
  }
  if (tree.due.empty())
    return nullptr;
  BfqQueue& first = *tree.due.begin();
  tree.due.erase(tree.due.begin());
  return &first;
}

void BfqElevator::select(Jiffies now) {
  for (Tree& tree : trees_)
    if ((in_service_ = next_entity(tree)))
      break;
  if (!in_service_)
    return;
  in_service_->fifo_checked = false;
  in_service_->budget_end = now + timeout_;
}

void BfqElevator::completed(const Request& rq, Jiffies now) {
  BfqQueue& q = queue_of(rq);
  WB_ASSERT(q.dispatched > 0);
  --q.dispatched;
  if (&q == in_service_ && q.sync() && q.empty() && q.dispatched == 0 && now < q.budget_end)
    idle_until_ = now + slice_idle_;
}

}  // namespace wbsim
