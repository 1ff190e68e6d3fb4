#include "models/block/blk_wbt.hpp"

#include <algorithm>

#include "sim/assert.hpp"

namespace wbsim {

namespace {

constexpr int kDefaultDepth = 16;             // RWB_DEF_DEPTH
constexpr int kUnknownBump = 5;               // RWB_UNKNOWN_BUMP
constexpr std::int64_t kMinWriteSamples = 3;  // RWB_MIN_WRITE_SAMPLES
constexpr Duration kWindow{100'000'000};      // RWB_WINDOW_NSEC
constexpr TimePoint kNever{-std::chrono::hours(1)};

std::int64_t int_sqrt(std::int64_t x) {
  std::int64_t root = 0;
  while ((root + 1) * (root + 1) <= x)
    ++root;
  return root;
}

}  // namespace

WbtDepth wbt_depth(int queue_depth, int scale_step) {
  WbtDepth d{};
  if (queue_depth == 1) {  // one more is wanted ready when the one completes
    d.max = scale_step > 0 ? 1 : 2;
    d.scaled_max = scale_step <= 0;
  } else {
    const int depth = std::min(kDefaultDepth, queue_depth);
    d.max = depth;
    if (scale_step > 0)
      d.max = 1 + ((depth - 1) >> std::min(31, scale_step));
    if (scale_step < 0) {
      const int most = 3 * queue_depth / 4;
      const std::int64_t scaled = 1 + (std::int64_t{depth - 1} << std::min(31, -scale_step));
      d.scaled_max = scaled > most;
      d.max = static_cast<int>(std::min<std::int64_t>(scaled, most));
    }
  }
  d.normal = d.max <= 2 ? d.max : (d.max + 1) / 2;
  d.background = d.max <= 2 ? 1 : (d.max + 3) / 4;
  return d;
}

Duration wbt_window(int scale_step) {
  if (scale_step <= 0)
    return kWindow;
  return Duration((kWindow.count() << 4) / int_sqrt(std::int64_t{scale_step + 1} << 8));
}

Duration wbt_default_latency(bool rotational) {
  return rotational ? std::chrono::milliseconds(75) : std::chrono::milliseconds(2);
}

BlkWbt::BlkWbt(Simulator& sim, TickClock clock, const Params& params, const TimePoint& dirty_sleep)
    : sim_(sim),
      clock_(clock),
      params_(params),
      dirty_sleep_(dirty_sleep),
      depth_(wbt_depth(params.queue_depth, 0)),
      last_issue_(kNever),
      last_comp_(kNever) {
  WB_ASSERT(params.min_lat > Duration::zero());
}

bool BlkWbt::try_throttle(const Bio& bio) {
  if (!tracks(bio)) {
    if (bio.op == BioOp::kRead)
      last_issue_ = sim_.now();
    return true;
  }
  if (!waiters_.empty() || !inc_below_limit(is_background(bio)))
    return false;
  if (!sim_.pending(timer_))
    arm_timer();
  return true;
}

// rq_qos_wait(): whoever wakes a sleeper has counted its request already.
Task<> BlkWbt::wait(const Bio& bio) {
  waiters_.push_back({is_background(bio)});
  co_await wait_.wait("wbt_wait");
  if (!sim_.pending(timer_))
    arm_timer();
}

// get_limit(), atomic_inc_below()
bool BlkWbt::inc_below_limit(bool background) {
  const Jiffies tenth(clock_.hz() / 10);
  int limit = depth_.normal;
  if (recent_wait())
    limit = depth_.max;
  else if (background || within(last_issue_, tenth) || within(last_comp_, tenth))
    limit = depth_.background;
  if (inflight_ >= limit)
    return false;
  ++inflight_;
  return true;
}

bool BlkWbt::within(TimePoint past, Jiffies jiffies) const {
  return clock_.jiffies_at(sim_.now()) < clock_.jiffies_at(past) + jiffies;
}

void BlkWbt::issue(const Request& rq) {
  if (rq.op == BioOp::kRead && !sync_cookie_)
    sync_cookie_ = &rq;
}

void BlkWbt::sample(const Request& rq) {
  const Duration latency = sim_.now() - rq.accepted;
  if (rq.op == BioOp::kRead)
    read_min_ = read_samples_++ == 0 ? latency : std::min(read_min_, latency);
  else if (rq.op == BioOp::kWrite)
    ++write_samples_;
}

void BlkWbt::done(const Request& rq) {
  if (sync_cookie_ == &rq)
    sync_cookie_ = nullptr;
  if (rq.op == BioOp::kRead)
    last_comp_ = sim_.now();
  if (rq.tracked)
    write_done();
}

void BlkWbt::write_done() {
  WB_ASSERT(inflight_ > 0);
  --inflight_;
  const int limit = params_.write_cache && !recent_wait() ? 0 : depth_.normal;
  if (inflight_ > 0 && inflight_ >= limit)
    return;
  if (inflight_ == 0 || limit - inflight_ >= depth_.background / 2)
    wake_all();
}

void BlkWbt::wake_all() {
  while (!waiters_.empty() && inc_below_limit(waiters_.front().background)) {
    waiters_.pop_front();
    wait_.wake_one();
  }
}

void BlkWbt::arm_timer() {
  window_ = wbt_window(scale_step_);
  read_samples_ = write_samples_ = 0;
  // nsecs_to_jiffies() truncates; a timer of the wheel ends a jiffy later than asked for.
  const Jiffies jiffies(window_ / clock_.tick() + 1);
  const EventAction expire{
      [](void* self, std::uint64_t) { static_cast<BlkWbt*>(self)->timer_fn(); }, this};
  timer_ = sim_.at(clock_.expiry(sim_.now(), jiffies), expire);
}

void BlkWbt::timer_fn() {
  switch (latency_exceeded()) {
    case Latency::kExceeded:
      scale_down(/*hard=*/true);
      break;
    case Latency::kOk:
    case Latency::kUnknownWrites:
      scale_up();
      break;
    case Latency::kUnknown:
      if (++unknown_cnt_ < kUnknownBump)
        break;
      if (scale_step_ > 0)
        scale_up();
      else if (scale_step_ < 0)
        scale_down(/*hard=*/false);
      break;
  }
  if (scale_step_ != 0 || inflight_ > 0)
    arm_timer();
}

BlkWbt::Latency BlkWbt::latency_exceeded() const {
  const Duration waiting = sync_cookie_ ? sim_.now() - sync_cookie_->accepted : Duration::zero();
  if (waiting > window_ || (waiting > params_.min_lat && read_samples_ == 0))
    return Latency::kExceeded;
  if (read_samples_ < 1 || write_samples_ < kMinWriteSamples)
    return write_samples_ > 0 || recent_wait() || inflight_ > 0 ? Latency::kUnknownWrites
                                                                : Latency::kUnknown;
  return read_min_ > params_.min_lat ? Latency::kExceeded : Latency::kOk;
}

void BlkWbt::scale_up() {
  if (scaled_max_)
    return;
  set_step(scale_step_ - 1);
  scaled_max_ = depth_.scaled_max;
  wake_all();
}

void BlkWbt::scale_down(bool hard) {
  if (depth_.max == 1)
    return;
  set_step(scale_step_ < 0 && hard ? 0 : scale_step_ + 1);
  scaled_max_ = false;
}

void BlkWbt::set_step(int step) {
  scale_step_ = step;
  depth_ = wbt_depth(params_.queue_depth, step);
  unknown_cnt_ = 0;
}

}  // namespace wbsim
