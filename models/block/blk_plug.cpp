#include "models/block/blk_plug.hpp"

#include <algorithm>

#include "models/block/request_merge.hpp"
#include "models/block/request_queue.hpp"

namespace wbsim {

void BlkPlug::start(IoContext& ioc, Process& process) {
  if (ioc.plug)
    return;
  ioc.plug = this;
  ioc_ = &ioc;
  process_ = &process;
  process.set_sleep_hook(
      {[](void* plug) { static_cast<BlkPlug*>(plug)->flush(By::kSchedule); }, this});
}

void BlkPlug::finish() {
  if (!ioc_)
    return;
  flush(By::kTask);
  process_->set_sleep_hook({});
  ioc_->plug = nullptr;
  ioc_ = nullptr;
}

// attempt_plug_merge(): from the newest request on.
bool BlkPlug::try_merge(const RequestQueue& q, Bio& bio, const PlugRules& rules,
                        const QueueParams& limits, QueueStats& stats) {
  if (limits.nomerges == 2)
    return false;
  for (auto rq = requests_.rbegin(); rq != requests_.rend(); ++rq) {
    if (rq->q != &q)
      continue;
    if (blk_attempt_bio_merge(*rq, bio, limits, stats))
      return true;
    if (rules.merges_newest_only)
      return false;
  }
  return false;
}

void BlkPlug::add(Request& rq, const PlugRules& rules) {
  if (must_flush_before(rq, rules))
    flush(By::kTask);
  newest_queue_first_ = rules.newest_queue_first;
  requests_.push_back(rq);
  ++count_;
}

bool BlkPlug::must_flush_before(const Request& rq, const PlugRules& rules) const {
  if (requests_.empty())
    return false;
  const Request& last = requests_.back();
  if (rules.flush_sectors > Sectors(0) && last.sectors >= rules.flush_sectors)
    return true;
  const auto same = [&rq](const Request& other) { return other.q == rq.q; };
  if (rules.counts_own_queue)
    return std::count_if(requests_.begin(), requests_.end(), same) >= rules.max_requests;
  const bool several =
      count_ >= rules.max_requests && !std::all_of(requests_.begin(), requests_.end(), same);
  return count_ >= (several ? 2 * rules.max_requests : rules.max_requests);
}

RequestQueue& BlkPlug::next_queue(const QueueList& requests) const {
  if (newest_queue_first_)
    return *requests.back().q;
  const auto by_number = [](const Request& a, const Request& b) {
    return a.q->params().device_index < b.q->params().device_index;
  };
  return *std::min_element(requests.begin(), requests.end(), by_number)->q;
}

void BlkPlug::flush(By by) {
  QueueList all;
  all.swap(requests_);
  count_ = 0;
  const bool several =
      std::any_of(all.begin(), all.end(), [&](const Request& rq) { return rq.q != all.front().q; });
  PlugFlush why = several ? PlugFlush::kSeveralQueues : PlugFlush::kOneQueue;
  if (by == By::kSchedule)
    why = PlugFlush::kFromSchedule;
  while (!all.empty()) {
    RequestQueue& q = next_queue(all);
    QueueList of_queue;
    for (auto it = all.begin(); it != all.end();) {
      Request& rq = *it;
      it = rq.q == &q ? all.erase(it) : std::next(it);
      if (rq.q == &q)
        of_queue.push_back(rq);
    }
    q.flush_plug_list(of_queue, why);
  }
}

}  // namespace wbsim
