#include "models/workload/job.hpp"

#include <algorithm>
#include <limits>

#include "models/fs/direct_io.hpp"
#include "models/fs/file_mmap.hpp"
#include "sim/assert.hpp"

namespace wbsim {

namespace {
constexpr std::int64_t kCallsAtOnceMax = 1'000'000;
constexpr Pages kLockStep{1024};
constexpr Duration kReclaimWait = std::chrono::milliseconds(100);  // congestion_wait()
constexpr Duration kLookAgain = std::chrono::minutes(30);

std::string job_name(const JobConfig& config, int clone) {
  return config.numjobs > 1 ? config.name + "-" + std::to_string(clone) : config.name;
}
bool writes(JobKind kind) {
  return kind == JobKind::kWrite || kind == JobKind::kRandWrite;
}
bool syncs(JobKind kind) {
  return kind == JobKind::kSync || kind == JobKind::kFsync;
}
std::int64_t region_start(const JobConfig& config, int clone) {
  return config.offset.count() + config.offset_increment.count() * clone;
}
// Of each file, where they share the job's size.
std::int64_t region_end(const JobConfig& config, int clone, const JobTarget& target) {
  if (config.size)
    return region_start(config, clone) + config.size->count() / config.nrfiles;
  return target.files.empty() ? std::numeric_limits<std::int64_t>::max()
                              : target.files.front().f_inode->host().i_size;
}
}  // namespace

Job::Job(WritebackContext& context, Flusher& flusher, const JobConfig& config, int number,
         int clone, JobTarget target)
    : Workload(context, number, job_name(config, clone)),
      flusher_(flusher),
      config_(config),
      target_(std::move(target)),
      region_start_(region_start(config, clone)),
      positions_(config, region_start_, region_end(config, clone, target_),
                 context_.sim().stream("job/" + job_name(config, clone))) {
  task_.io_context.ioprio = IoPriority(config.prioclass, config.prio);
  task_.set_policy(config.sched_policy);
}

bool Job::wants_more() const {
  if (config_.runtime && context_.sim().now() >= due_ + *config_.runtime)
    return false;
  if (config_.call_limit > 0 && calls_ >= config_.call_limit)
    return false;
  if (config_.time_based)
    return true;
  if (syncs(config_.rw))
    return config_.period || config_.call_limit > 0 || calls_ == 0;
  const std::int64_t once = positions_.region() * static_cast<std::int64_t>(target_.files.size());
  return done_ < (config_.io_size ? config_.io_size->count() : once);
}

// Several files are gone through one by one, each to its last byte.
Job::Call Job::next_call() {
  const std::int64_t bs = config_.bs.count();
  if (target_.files.size() == 1)
    return {positions_.next(), bs};
  if (in_file_ >= positions_.region()) {
    file_ = (file_ + 1) % target_.files.size();
    in_file_ = 0;
    file().f_ra = FileRaState{};
  }
  const Call call{region_start_ + in_file_, std::min(bs, positions_.region() - in_file_)};
  in_file_ += call.length;
  return call;
}

Task<> Job::sleep_until(TimePoint when) {
  co_await context_.vfs.cpu.settle(task_);
  if (when > context_.sim().now())
    co_await context_.sim().delay_until(when, "nanosleep");
  co_await context_.vfs.cpu.woken(task_);
}

Task<Errno> Job::transfer(Call call, BioOp op) {
  Vfs& vfs = context_.vfs;
  const std::int64_t ra_pages = target_.ra_pages;
  Inode& inode = *file().f_inode;
  if (config_.ioengine == IoEngine::kMmap) {
    const MmapAccess access = op == BioOp::kWrite ? MmapAccess::kStore : MmapAccess::kLoad;
    co_return co_await mmap_access(vfs, file(), call.pos, call.length, access, ra_pages, task_);
  }
  if (config_.direct)
    co_return co_await direct_io(vfs, inode, call.pos, call.length, op, task_);
  if (op == BioOp::kWrite)
    co_return co_await context_.files->write(inode, call.pos, call.length, task_);
  co_return co_await context_.files->read(inode, call.pos, call.length, file().f_ra, ra_pages,
                                          task_);
}

Task<> Job::transfer_call(BioOp op) {
  const TimePoint start = now();
  const Call call = next_call();
  const Errno result = co_await transfer(call, op);
  done_ += call.length;
  if (op == BioOp::kWrite)
    last_write_ = note_write(start, call.pos, Bytes(call.length), result);
  else
    note_read(start, call.pos, Bytes(call.length), result);
}

Task<> Job::fsync_call(File& file, SyncWhat what) {
  const TimePoint start = now();
  const Errno result = co_await context_.files->fsync(file, what, task_);
  note_fsync(start, result, writes(config_.rw) ? &last_write_ : nullptr);
}

Task<> Job::sync_call() {
  const TimePoint start = now();
  const Errno result = co_await flusher_.sync(task_);
  note_fsync(start, result);
}

Task<> Job::one_call() {
  ++calls_;
  if (config_.rw == JobKind::kSync) {
    co_await sync_call();
    co_return;
  }
  if (config_.rw == JobKind::kFsync) {
    co_await fsync_call(file(), SyncWhat::kFsync);
    co_return;
  }
  const bool write = writes(config_.rw);
  co_await transfer_call(write ? BioOp::kWrite : BioOp::kRead);
  if (!write)
    co_return;
  if (config_.fsync > 0 && calls_ % config_.fsync == 0)
    co_await fsync_call(file(), SyncWhat::kFsync);
  else if (config_.fdatasync > 0 && calls_ % config_.fdatasync == 0)
    co_await fsync_call(file(), SyncWhat::kFdatasync);
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
    round_ = config_.catch_up ? round_ + 1 : std::max(round_ + 1, next);
    co_await sleep_until(started_ + *config_.period * round_);
  }
}

Task<> Job::lock_memory() {
  PageCache& cache = context_.vfs.cache;
  ReclaimThrottle* throttle = context_.vfs.reclaim_throttle;
  Pages left = round_up_pages(config_.lockmem);
  while (left > Pages(0)) {
    const Pages step = std::min(left, kLockStep);
    if (cache.try_lock_memory(step)) {
      left -= step;
      if (task_.memcg)
        task_.memcg->locked += step;
    } else if (throttle && throttle->must_wait(&task_))
      co_await throttle->try_to_free_pages(task_);
    else
      co_await context_.sim().delay(kReclaimWait, "direct reclaim");
  }
}

Task<> Job::begin() {
  Simulator& sim = context_.sim();
  due_ = context_.origin + config_.startdelay;
  for (Job* job : waits_for_) {
    // In steps: it is the other job's wait that may be a hang, not this one.
    while (!job->finished())
      co_await job->ended_.wait_for(kLookAgain, "wait_for");
    due_ = std::max(due_, sim.now() + config_.startdelay);
  }
  co_await lock_memory();
  co_await sim.delay_until(std::max(due_, sim.now()), "startdelay");
  co_await context_.vfs.cpu.wake_up_new_task(task_);
  for (File& file : target_.files)
    file.open();
  started_ = sim.now();
  note_begin();
  if (config_.first_wait) {
    co_await context_.vfs.cpu.settle(task_);
    co_await sim.delay_until(started_ + kTimerSlack, "nanosleep");
    co_await context_.vfs.cpu.woken(task_);
  }
}

Task<> Job::run() {
  Simulator& sim = context_.sim();
  co_await begin();
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
    for (File& file : target_.files)
      co_await fsync_call(file, SyncWhat::kFsync);
  context_.vfs.cache.memory().unlock(round_up_pages(config_.lockmem));
  if (task_.memcg)
    task_.memcg->locked -= round_up_pages(config_.lockmem);
  note_end();
  ended_.wake_all();
}

}  // namespace wbsim
