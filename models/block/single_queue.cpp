// MODELS: 2.6.18 to 3.10 block/blk-core.c __make_request() (blk_queue_bio()), get_request_wait(),
//         plugging; queue_unplugged().
// DEVIATES: a drive takes barriers, with or without a cache; kblockd runs at once when the unplug
//           timer fires or a plug is flushed because its task sleeps.
#include "models/block/single_queue.hpp"

#include <algorithm>

#include "models/block/blk_plug.hpp"
#include "sim/assert.hpp"

namespace wbsim {

SingleQueue::SingleQueue(Simulator& sim, TickClock clock, Device& device, const QueueParams& params,
                         const QueueRules& rules, BlockLayer& layer, TraceSink& trace)
    : DriverQueue(sim, clock, device, with_defaults(params, rules, device.depth()), layer, trace),
      slots_(params_.nr_requests, rules.batch_requests, clock),
      rules_(rules),
      may_wait_(rules.may_wait(params_.rotational, device.depth())),
      elevator_(make_elevator(params_.scheduler, rules, clock, may_wait_), params_, stats_, *this),
      flush_(*this, clock, params_),
      congestion_(layer.congestion) {
  // 3 * HZ / 1000 truncates, but a timer needs a jiffy.
  const std::int64_t jiffies = rules.unplug_delay.count() * clock.hz() / 1'000'000'000;
  unplug_delay_ = Jiffies(std::max<std::int64_t>(1, jiffies));
}

SingleQueue::Submit SingleQueue::try_submit(Bio& bio, IoContext& ioc) {
  enter(bio, ioc);
  Submit result = Submit::kMerged;
  if (try_merge(bio, ioc)) {
    events_.merged(bio, ioc.thread);
  } else if (bio.op == BioOp::kWrite && ioc.task && ioc.task->debt() > Duration::zero()) {
    return Submit::kOwes;
  } else {
    Request* rq = get_request(bio, ioc);
    if (!rq)
      return Submit::kNoRequest;
    insert(*rq, bio, ioc);
    result = Submit::kQueued;
  }
  if (bio.unplug)
    unplug();
  return result;
}

bool SingleQueue::try_merge(Bio& bio, const IoContext& ioc) {
  if (ioc.plug && rules_.plug.per_task &&
      ioc.plug->try_merge(*this, bio, rules_.plug, params_, stats_))
    return true;
  return elevator_.try_merge(bio, ioc);
}

Task<> SingleQueue::submit_slow(Bio& bio, IoContext& ioc) {
  WaitQueue& waiters = slot_waiters_[rules_.index(bio.op, bio.sync)];
  Request* rq = get_request(bio, ioc);  // a slot may have become free since try_submit()
  while (!rq) {
    events_.bio(BlockEvent::What::kSleeprq, bio, ioc.thread);
    unplug();
    co_await waiters.wait("request slot");
    co_await woken(ioc);
    slots_.ioc_set_batching(ioc, sim_.now());
    rq = get_request(bio, ioc);
  }
  insert(*rq, bio, ioc);
  if (bio.unplug)
    unplug();
}

Request* SingleQueue::get_request(Bio& bio, IoContext& ioc) {
  const std::size_t index = rules_.index(bio.op, bio.sync);
  if (!slots_.allocate(index, ioc, sim_.now()))
    return nullptr;
  Request& rq = new_request(bio, ioc);
  rq.slot_index = static_cast<std::uint8_t>(index);
  return &rq;
}

void SingleQueue::insert(Request& rq, Bio& bio, IoContext& ioc) {
  const bool on_task_plug = ioc.plug && rules_.plug.per_task;
  if (bio.barrier) {
    insert_barrier(rq);
  } else if (flush_.insert(rq, bio, jiffies())) {
    request_fn();
  } else if (on_task_plug) {
    if (ioc.plug->empty())
      events_.plug(BlockEvent::What::kPlug, ioc.thread);
    ioc.plug->add(rq, rules_.plug);
  } else {
    const bool plugs = may_wait_ && !rules_.plug.per_task;
    if (elevator_.empty() && plugs)
      plug_device(ioc.thread);
    add_to_elevator(rq);
    if (!plugs || held_back_)
      request_fn();  // cfq_rq_enqueued(): it may be what the elevator idles for
    else if (plugged_ && allocated() - in_flight() >= rules_.unplug_threshold)
      generic_unplug_device();
  }
}

// list_sort() by sector, then ELEVATOR_INSERT_SORT_MERGE of each.
void SingleQueue::flush_plug_list(QueueList& requests, PlugFlush why) {
  events_.unplug_list(requests, why == PlugFlush::kFromSchedule);
  requests.sort([](const Request& a, const Request& b) { return a.sector < b.sector; });
  while (!requests.empty()) {
    Request& rq = requests.front();
    requests.pop_front();
    if (!elevator_.try_insert_merge(rq))
      add_to_elevator(rq);
  }
  request_fn();
}

void SingleQueue::add_to_elevator(Request& rq) {
  events_.request(BlockEvent::What::kRqInsert, rq);
  elevator_.add(rq, jiffies());
}

void SingleQueue::put_request(Request& rq) {
  delete_request(rq);
  const std::size_t index = rq.slot_index;
  const RequestList::Freed freed = slots_.release(index);
  if (freed.wake_congestion_waiters)
    congestion_.wake(index);
  if (freed.wake_waiter)
    slot_waiters_[index].wake_one();
}

void SingleQueue::plug_device(std::string_view thread) {
  if (plugged_)
    return;
  plugged_ = true;
  events_.plug(BlockEvent::What::kPlug, thread);
  const EventAction timeout{
      [](void* self, std::uint64_t) { static_cast<SingleQueue*>(self)->unplug_timeout(); }, this};
  unplug_timer_ = sim_.at(clock_.expiry(sim_.now(), unplug_delay_), timeout);
}

bool SingleQueue::remove_plug() {
  if (!plugged_)
    return false;
  plugged_ = false;
  sim_.cancel(unplug_timer_);
  return true;
}

void SingleQueue::generic_unplug_device() {
  if (!remove_plug())
    return;
  events_.plug(BlockEvent::What::kUnplug, {}, allocated() - in_flight());
  request_fn();
}

void SingleQueue::unplug_timeout() {
  if (!remove_plug())
    return;
  events_.plug(BlockEvent::What::kUnplugTimer, {}, allocated() - in_flight());
  request_fn();
}

// Takes requests from the elevator, as many as the device holds.
void SingleQueue::request_fn() {
  while (!device_.full()) {
    Request* rq = next_request();
    held_back_ = !rq && !elevator_.empty();
    if (held_back_)
      wait_while_idling(elevator_.elevator());
    if (!rq)
      return;
    start_request(*rq);
  }
}

namespace {

Request& take_front(QueueList& list) {
  Request& rq = list.front();
  list.pop_front();
  return rq;
}

}  // namespace

// Before a barrier all must have completed, after it nothing begins until it has: blk_do_ordered().
Request* SingleQueue::next_request() {
  if (flush_steps_.empty() && !ordered_ && !dispatch_.empty() && dispatch_.front().barrier &&
      in_flight() == 0) {
    ordered_ = &take_front(dispatch_);
    flush_.start_ordered(*ordered_, jiffies());
  }
  if (!flush_steps_.empty())
    return &take_front(flush_steps_);
  if (ordered_ || (!dispatch_.empty() && dispatch_.front().barrier))
    return nullptr;
  return dispatch_.empty() ? elevator_.dispatch(jiffies()) : &take_front(dispatch_);
}

// ELEVATOR_INSERT_BACK: the elevator gives out all it has before the barrier, in its order.
void SingleQueue::insert_barrier(Request& rq) {
  while (Request* before = elevator_.drain(jiffies()))
    dispatch_.push_back(*before);
  dispatch_.push_back(rq);
  remove_plug();
  request_fn();
}

void SingleQueue::device_ready() {
  remove_plug();
  request_fn();
}

void SingleQueue::request_completed(Request& rq) {
  if (rq.flush_steps == 0 && rq.op != BioOp::kFlush)
    elevator_.elevator().completed(rq, jiffies());
  if (flush_.completed(rq, jiffies())) {
    request_fn();
    return;
  }
  end_request(rq);
  put_request(rq);
  if (held_back_ || !dispatch_.empty())
    request_fn();  // the elevator, or a barrier, may have waited for it
}

void SingleQueue::queue_flush_step(Request& rq, bool front) {
  flush_steps_.insert(front ? flush_steps_.begin() : flush_steps_.end(), rq);
}

void SingleQueue::flush_done(Request& rq) {
  if (ordered_ == &rq)
    ordered_ = nullptr;
  end_request(rq);
  put_request(rq);
}

}  // namespace wbsim
