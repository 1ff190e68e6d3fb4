#include "models/device/hdd.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <optional>

#include "sim/assert.hpp"

namespace wbsim {

namespace {
// The longest run of cached sectors written to the platters in one go.
constexpr Sectors kLongestDestage{2048};
// Of how many cached extents behind the arm the quickest to reach is written first.
constexpr int kDestageCandidates = 32;

// Linear between the rows of a measured curve, constant beyond its ends.
double interpolated_ms(const std::vector<SeekPoint>& table, double d) {
  const auto after = std::upper_bound(
      table.begin(), table.end(), d,
      [](double x, const SeekPoint& p) { return x < static_cast<double>(p.cylinders); });
  if (after == table.begin())
    return static_cast<double>(table.front().time_us) * 1e-3;
  const SeekPoint& a = *std::prev(after);
  if (after == table.end())
    return static_cast<double>(a.time_us) * 1e-3;
  const double share =
      (d - static_cast<double>(a.cylinders)) / static_cast<double>(after->cylinders - a.cylinders);
  return (static_cast<double>(a.time_us) +
          share * static_cast<double>(after->time_us - a.time_us)) *
         1e-3;
}

double seek_ms(const HddConfig& config, std::int64_t cylinders) {
  const auto d = static_cast<double>(cylinders);
  if (!config.seek_table.empty())
    return interpolated_ms(config.seek_table, d);
  return cylinders <= config.seek_split ? config.seek_a_ms + config.seek_b_ms * std::sqrt(d)
                                        : config.seek_c_ms + config.seek_e_ms * d;
}
}  // namespace

HardDisk::HardDisk(const DeviceConfig& config)
    : Device({.name = config.name,
              .capacity = Sectors(config.capacity.count() / kSectorSize),
              .depth = device_depth(config)}),
      config_(config.hdd),
      rotation_ns_(60e9 / config.hdd.rpm),
      geometry_(config_, capacity(), rotation_ns_, seek_ms(config_, 1) * 1e6),
      cache_(Sectors(config_.write_cache.count() / kSectorSize)) {
  WB_ASSERT(geometry_.capacity() >= capacity());
}

Duration HardDisk::seek_time(std::int64_t cylinders) const {
  return cylinders == 0 ? Duration::zero() : to_duration(seek_ms(config_, cylinders) * 1e6);
}

Duration HardDisk::link_time(Sectors sectors) const {
  if (config_.link_bytes_per_s == 0)
    return Duration::zero();
  return to_duration(static_cast<double>(to_bytes(sectors).count()) * 1e9 /
                     static_cast<double>(config_.link_bytes_per_s));
}

// The drive had it in time to go on, over a small gap as well.
bool HardDisk::follows_on(const DeviceRequest& rq, TimePoint now) const {
  if (now != last_end_ || rq.op != last_op_ || rq.sector < arm_)
    return false;
  const bool known = rq.op == BioOp::kRead || depth() > 1 || config_.write_cache > Bytes(0);
  return known && rq.sector - arm_ <= Sectors(128);
}

// After a read the drive reads on, as far as its buffer goes.
bool HardDisk::read_ahead_has(const DeviceRequest& rq, TimePoint now) const {
  return rq.op == BioOp::kRead && last_op_ == BioOp::kRead && now > last_end_ &&
         rq.sector == arm_ && to_bytes(rq.sectors) <= config_.read_ahead;
}

HardDisk::Positioning HardDisk::positioning(const DeviceRequest& rq, TimePoint now,
                                            Duration overhead) const {
  const DiskGeometry::Place to = geometry_.place_of(rq.sector);
  const DiskGeometry::Place from = geometry_.place_of(std::max(arm_ - Sectors(1), Sectors(0)));
  Positioning p;
  p.before = overhead + seek_time(std::abs(to.cylinder - from.cylinder));
  if (to.cylinder == from.cylinder && to.head != from.head)
    p.before += config_.head_switch;
  if (rq.op == BioOp::kWrite)
    p.before += config_.write_settle;
  const auto arrival = static_cast<double>((now + p.before).time_since_epoch().count());
  const double turned = std::fmod(arrival, rotation_ns_);
  const double target = to.angle * rotation_ns_;
  p.wait_ns = target >= turned ? target - turned : target - turned + rotation_ns_;
  return p;
}

Duration HardDisk::media_time(const DeviceRequest& rq, TimePoint now, Duration overhead) const {
  const double on_ns = rq.sector >= arm_ ? geometry_.transfer_ns(arm_, rq.end() - arm_) : 0;
  const Duration to_end = overhead + to_duration(on_ns);
  if (follows_on(rq, now))
    return to_end;
  if (read_ahead_has(rq, now))
    return std::max(overhead + link_time(rq.sectors), to_end - (now - last_end_));
  const Positioning p = positioning(rq, now, overhead);
  return p.before + to_duration(p.wait_ns + geometry_.transfer_ns(rq.sector, rq.sectors));
}

void HardDisk::move_arm(const DeviceRequest& rq, TimePoint end) {
  arm_ = rq.end();
  last_op_ = rq.op;
  last_end_ = end;
}

Duration HardDisk::serve(DeviceRequest& rq, TimePoint now) {
  WB_ASSERT(rq.sector >= Sectors(0) && rq.end() <= capacity());
  const Duration service = note_service(rq, now, media_time(rq, now, config_.overhead));
  move_arm(rq, now + service);
  return service;
}

void HardDisk::accept(DeviceRequest& rq) {
  waiting_.push_back(rq);
  if (!ending_)
    step();
}

void HardDisk::step() {
  take_into_cache();
  use_media();
}

// The next write that came before any flush, when the link is free and the cache has room.
void HardDisk::take_into_cache() {
  if (on_link_)
    return;
  for (auto it = waiting_.begin(); it != waiting_.end() && it->op != BioOp::kFlush; ++it) {
    if (!cacheable(*it))
      continue;
    if (!cache_.has_room(it->sectors))
      return;
    DeviceRequest& rq = *it;
    waiting_.erase(it);
    on_link_ = &rq;
    rq.idle_start = !ending_ && !on_media_;
    const TimePoint now = sim().now();
    const Duration service = note_service(rq, now, config_.overhead + link_time(rq.sectors));
    tell_started(rq);
    const EventAction end{
        [](void* self, std::uint64_t) { static_cast<HardDisk*>(self)->end_of_link(); }, this};
    sim().at(now + service, end);
    return;
  }
}

void HardDisk::end_of_link() {
  DeviceRequest& rq = *on_link_;
  on_link_ = nullptr;
  if (!rq.failed)
    cache_.add(rq.sector, rq.sectors);
  ending_ = true;
  finish(rq, DataPlace::kVolatileCache);
  step();
  ending_ = false;
}

// Least positioning time first, of what came before any flush; nothing is passed over for ever.
DeviceRequest* HardDisk::pick() {
  const TimePoint now = sim().now();
  DeviceRequest* best = nullptr;
  Duration best_time{};
  for (DeviceRequest& rq : waiting_) {
    if (rq.op == BioOp::kFlush)
      break;
    if (cacheable(rq))
      continue;
    if (!config_.sptf || (!best && now - rq.accepted > config_.age_limit))
      return &rq;
    Duration time{};
    if (!follows_on(rq, now) && !read_ahead_has(rq, now)) {
      const Positioning p = positioning(rq, now, config_.overhead);
      time = p.before + to_duration(p.wait_ns);
    }
    if (!best || time < best_time) {
      best = &rq;
      best_time = time;
    }
  }
  return best;
}

void HardDisk::use_media() {
  if (on_media_ || !destaging_.empty() || complete_flush())
    return;
  const bool write_waits =
      !waiting_.empty() && !on_link_ && cacheable(waiting_.front());  // for room
  DeviceRequest* rq = write_waits && !destaged_last_ ? nullptr : pick();
  if (!rq) {
    if (!cache_.empty())
      destage();
    return;
  }
  waiting_.erase(CommandList::s_iterator_to(*rq));
  on_media_ = rq;
  rq->idle_start = !ending_ && !on_link_;
  const TimePoint now = sim().now();
  const Duration service = serve(*rq, now);
  tell_started(*rq);
  const EventAction end{
      [](void* self, std::uint64_t) { static_cast<HardDisk*>(self)->end_of_media(); }, this};
  sim().at(now + service, end);
}

// A flush at the head of the queue completes when nothing it must wait for is left.
bool HardDisk::complete_flush() {
  if (waiting_.empty() || waiting_.front().op != BioOp::kFlush || on_link_ || !cache_.empty())
    return false;
  DeviceRequest& rq = waiting_.front();
  waiting_.pop_front();
  on_media_ = &rq;
  rq.idle_start = false;
  const Duration service = note_service(rq, sim().now(), config_.overhead);
  tell_started(rq);
  const EventAction end{
      [](void* self, std::uint64_t) { static_cast<HardDisk*>(self)->end_of_media(); }, this};
  sim().at(sim().now() + service, end);
  return true;
}

void HardDisk::destage() {
  const TimePoint now = sim().now();
  Sectors best;
  Duration best_time = Duration::max();
  cache_.for_some(arm_, kDestageCandidates, [&](const WriteCache::Extent& extent) {
    DeviceRequest candidate;
    candidate.sector = extent.start;
    Duration time{};
    if (!follows_on(candidate, now)) {
      const Positioning p = positioning(candidate, now, Duration::zero());
      time = p.before + to_duration(p.wait_ns);
    }
    if (time < best_time) {
      best = extent.start;
      best_time = time;
    }
  });
  destaging_ = cache_.take(best, kLongestDestage);
  DeviceRequest rq;
  rq.sector = destaging_.start;
  rq.sectors = destaging_.length;
  const TimePoint end = end_of_service(rq, now, media_time(rq, now, Duration::zero()));
  account_busy(now, end);
  move_arm(rq, end);
  sim().at(end,
           {[](void* self, std::uint64_t) { static_cast<HardDisk*>(self)->end_of_media(); }, this});
}

void HardDisk::end_of_media() {
  ending_ = true;
  destaged_last_ = !destaging_.empty();
  if (destaged_last_) {
    const WriteCache::Extent done = destaging_;
    destaging_ = {};
    cache_.for_each_gap(done, [this](Sectors start, Sectors length) {
      moved(start, length, DataPlace::kVolatileCache, DataPlace::kMedium);
    });
  } else {
    DeviceRequest& rq = *on_media_;
    on_media_ = nullptr;
    finish(rq, DataPlace::kMedium);
  }
  step();
  ending_ = false;
}

}  // namespace wbsim
