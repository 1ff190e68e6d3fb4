#include "models/workload/job.hpp"

#include <algorithm>
#include <boost/random/uniform_int_distribution.hpp>
#include <limits>

#include "sim/assert.hpp"

namespace wbsim {

namespace {
constexpr Duration kStall = std::chrono::milliseconds(1);
constexpr std::int64_t kCallsAtOnceMax = 1'000'000;

std::string job_name(const JobConfig& config, int clone) {
  return config.numjobs > 1 ? config.name + "-" + std::to_string(clone) : config.name;
}
bool writes(JobKind kind) {
  return kind == JobKind::kWrite || kind == JobKind::kRandWrite;
}
bool random(JobKind kind) {
  return kind == JobKind::kRandRead || kind == JobKind::kRandWrite;
}
}  // namespace

Job::Job(WritebackContext& context, Flusher& flusher, const JobConfig& config, int number,
         int clone, JobTarget target)
    : context_(context),
      flusher_(flusher),
      config_(config),
      number_(number),
      target_(target),
      task_(job_name(config, clone)),
      random_(context.sim().stream("job/" + job_name(config, clone))) {
  region_start_ = config.offset.count() + config.offset_increment.count() * clone;
  const std::int64_t file_end =
      target.inode ? target.inode->host().i_size : std::numeric_limits<std::int64_t>::max();
  region_end_ = config.size ? region_start_ + config.size->count() : file_end;
  position_ = region_start_;
  summary_.name = job_name(config, clone);
}

bool Job::wants_more() const {
  const TimePoint now = context_.sim().now();
  if (config_.runtime && now - context_.origin >= config_.startdelay + *config_.runtime)
    return false;
  if (config_.call_limit > 0 && calls_ >= config_.call_limit)
    return false;
  if (config_.time_based)
    return true;
  if (config_.rw == JobKind::kSync)
    return config_.period || config_.call_limit > 0 || calls_ == 0;
  const std::int64_t total =
      config_.io_size ? config_.io_size->count() : region_end_ - region_start_;
  return done_ < total;
}

std::int64_t Job::next_position() {
  const std::int64_t bs = config_.bs.count();
  if (random(config_.rw)) {
    const std::int64_t blocks = (region_end_ - region_start_) / bs;
    boost::random::uniform_int_distribution<std::int64_t> pick(0, blocks - 1);
    return region_start_ + pick(random_) * bs;
  }
  if (position_ + bs > region_end_) {
    position_ = region_start_;
    in_zone_ = 0;
  }
  const std::int64_t at = position_;
  position_ += bs;
  in_zone_ += bs;
  if (config_.zonesize.count() > 0 && in_zone_ >= config_.zonesize.count()) {
    position_ += config_.zoneskip.count();
    in_zone_ = 0;
  }
  return at;
}

Task<> Job::sleep_until(TimePoint when) {
  co_await context_.vfs.cpu.settle(task_);
  if (when > context_.sim().now())
    co_await context_.sim().delay_until(when, "nanosleep");
  co_await context_.vfs.cpu.woken(task_);
}

Task<> Job::write_call() {
  const TimePoint start = context_.sim().now();
  const std::int64_t at = next_position();
  const Errno result =
      co_await generic_file_write(context_.vfs, *target_.inode, at, config_.bs.count(), task_);
  const Duration latency = context_.sim().now() - start;
  if (result == Errno::kOk)
    summary_.written += config_.bs;
  else
    ++summary_.errors;
  writes_.add(latency);
  summary_.stalls += latency > kStall ? 1 : 0;
  last_write_start_ = start;
  last_write_latency_ = latency;
  CallRecord record;
  record.writer = number_;
  record.start = since_origin(start);
  record.latency = latency;
  record.bytes = config_.bs;
  context_.trace.on_write(record);
}

Task<> Job::read_call() {
  const TimePoint start = context_.sim().now();
  const std::int64_t at = next_position();
  const Errno result = co_await generic_file_read(context_.vfs, *target_.inode, at,
                                                  config_.bs.count(), ra_, target_.ra_pages, task_);
  const Duration latency = context_.sim().now() - start;
  if (result == Errno::kOk)
    summary_.read += config_.bs;
  else
    ++summary_.errors;
  reads_.add(latency);
  CallRecord record;
  record.writer = number_;
  record.start = since_origin(start);
  record.latency = latency;
  record.bytes = config_.bs;
  context_.trace.on_read(record);
}

Task<> Job::fsync_call(SyncWhat what) {
  const TimePoint start = context_.sim().now();
  const Errno result = co_await vfs_fsync(context_, *target_.inode, what, task_);
  if (result != Errno::kOk)
    ++summary_.errors;
  const Duration latency = context_.sim().now() - start;
  fsyncs_.add(latency);
  FsyncRecord record;
  record.writer = number_;
  record.start = since_origin(last_write_start_);
  record.write_latency = last_write_latency_;
  record.latency = latency;
  context_.trace.on_fsync(record);
}

Task<> Job::one_call() {
  if (config_.rw == JobKind::kSync) {
    const TimePoint start = context_.sim().now();
    const Errno result = co_await flusher_.sync(task_);
    if (result != Errno::kOk)
      ++summary_.errors;
    fsyncs_.add(context_.sim().now() - start);
    ++calls_;
    co_return;
  }
  if (!writes(config_.rw)) {
    co_await read_call();
    ++calls_;
    done_ += config_.bs.count();
    co_return;
  }
  co_await write_call();
  ++calls_;
  done_ += config_.bs.count();
  if (config_.fsync > 0 && calls_ % config_.fsync == 0)
    co_await fsync_call(SyncWhat::kFsync);
  else if (config_.fdatasync > 0 && calls_ % config_.fdatasync == 0)
    co_await fsync_call(SyncWhat::kFdatasync);
}

// What a job does between two calls: fio's rate, thinktime, and a fixed period.
Task<> Job::pace() {
  Simulator& sim = context_.sim();
  task_.charge(context_.vfs.costs.user_call);
  co_await context_.vfs.cpu.settle(task_);
  if (config_.rate_bytes_per_s > 0) {
    const std::int64_t seconds = done_ / config_.rate_bytes_per_s;
    const std::int64_t rest = done_ % config_.rate_bytes_per_s * 1'000'000'000;  // below 9.2 GB/s
    co_await sleep_until(started_ + std::chrono::seconds(seconds) +
                         Duration(rest / config_.rate_bytes_per_s));
  }
  if (config_.thinktime > Duration::zero() && calls_ % config_.thinktime_blocks == 0)
    co_await sleep_until(sim.now() + config_.thinktime);
  if (config_.period) {
    const std::int64_t next =
        (sim.now() - started_ + *config_.period - Duration(1)) / *config_.period;
    round_ = std::max(round_ + 1, next);
    co_await sleep_until(started_ + *config_.period * round_);
  }
}

Task<> Job::run() {
  Simulator& sim = context_.sim();
  co_await sim.delay_until(context_.origin + config_.startdelay, "startdelay");
  co_await context_.vfs.cpu.woken(task_);
  started_ = sim.now();
  summary_.start = since_origin(started_);
  while (wants_more()) {
    const TimePoint before = sim.now();
    co_await one_call();
    co_await pace();
    calls_at_once_ = sim.now() == before ? calls_at_once_ + 1 : 0;
    if (config_.time_based && calls_at_once_ > kCallsAtOnceMax)
      throw SimulatedDeadlock(task_.name() +
                              " goes on until a time that never comes: its calls "
                              "take no time\n" +
                              sim.process_table());
  }
  if (config_.end_fsync && writes(config_.rw))
    co_await fsync_call(SyncWhat::kFsync);
  summary_.end = since_origin(sim.now());
  finished_ = true;
}

WriterSummary Job::summary() const {
  WriterSummary result = summary_;
  if (!finished_)
    result.end = since_origin(context_.sim().now());
  result.write = writes_.summary();
  result.read_latency = reads_.summary();
  result.fsync = fsyncs_.summary();
  result.throttled = task_.throttled;
  result.throttle_calls = task_.throttle_calls;
  return result;
}

}  // namespace wbsim
