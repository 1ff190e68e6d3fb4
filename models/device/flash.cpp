#include "models/device/flash.hpp"

#include <algorithm>
#include <boost/random/exponential_distribution.hpp>
#include <boost/random/uniform_int_distribution.hpp>
#include <cmath>

#include "sim/assert.hpp"

namespace wbsim {

namespace {

Duration transfer_time(Bytes bytes, std::int64_t bytes_per_s) {
  if (bytes_per_s == 0)
    return Duration::zero();
  return Duration(
      std::llround(static_cast<double>(bytes.count()) * 1e9 / static_cast<double>(bytes_per_s)));
}

// The unit of a stripe: spread as a mapping table spreads it, the same each time.
std::size_t unit_of(std::int64_t stripe, std::size_t units) {
  std::uint64_t z = static_cast<std::uint64_t>(stripe) * 0x9e3779b97f4a7c15;
  z ^= z >> 32;
  return static_cast<std::size_t>(z % units);
}

}  // namespace

FlashDrive::FlashDrive(const DeviceConfig& config)
    : Device({.name = config.name,
              .capacity = Sectors(config.capacity.count() / kSectorSize),
              .depth = device_depth(config),
              .near_sectors = Sectors(config.capacity.count() / kSectorSize),
              .seeks = false}),
      config_(config.flash),
      duplex_(config.model == "nvme"),
      units_(static_cast<std::size_t>(config.flash.units)),
      next_gc_(config.flash.gc_after),
      random_(0, "flash") {
  WB_ASSERT(config_.units > 0 && config_.stripe > Bytes(0));
}

void FlashDrive::attach(Simulator& sim, DeviceHost& host) {
  Device::attach(sim, host);
  random_ = random_stream("flash");
}

// When the units are done with a command follows from when it arrived.
void FlashDrive::accept(DeviceRequest& rq) {
  const TimePoint now = sim().now();
  rq.idle_start = held() == 1;
  TimePoint end = through_controller(rq, now);
  if (rq.op == BioOp::kFlush)
    end = flush(end);
  else if (rq.op == BioOp::kRead)
    end = read(rq, end);
  else
    end = write(rq, end);
  const Duration service = note_service(rq, now, end - now);
  tell_started(rq);
  const EventAction next{
      [](void* self, std::uint64_t command) {
        static_cast<FlashDrive*>(self)->send_back(*reinterpret_cast<DeviceRequest*>(command));
      },
      this, reinterpret_cast<std::uintptr_t>(&rq)};
  sim().at(now + service, next);
}

// What was read goes over the link when it is there, in that order.
void FlashDrive::send_back(DeviceRequest& rq) {
  const TimePoint now = sim().now();
  TimePoint end = now + config_.command_latency;
  if (rq.op == BioOp::kRead)
    end = over_link(duplex_ ? read_link_ : write_link_, now, rq.sectors) + config_.command_latency;
  if (end == now)
    return finish_command(rq);
  account_busy(now, end);
  rq.service = end - rq.started;
  const EventAction done{
      [](void* self, std::uint64_t command) {
        static_cast<FlashDrive*>(self)->finish_command(*reinterpret_cast<DeviceRequest*>(command));
      },
      this, reinterpret_cast<std::uintptr_t>(&rq)};
  sim().at(end, done);
}

void FlashDrive::finish_command(DeviceRequest& rq) {
  const bool stays = rq.op == BioOp::kWrite && volatile_buffer() && !rq.fua && !rq.failed;
  if (stays && observed())
    note_buffered(rq);
  finish(rq, stays ? DataPlace::kVolatileCache : DataPlace::kMedium);
}

// What was drained by now is on the medium before newer data of the same blocks joins the buffer.
void FlashDrive::note_buffered(const DeviceRequest& rq) {
  settle(sim().now());
  const auto later = [](TimePoint drained, const Buffered& other) {
    return drained < other.drained;
  };
  const auto place = std::upper_bound(contents_.begin(), contents_.end(), rq.drained, later);
  contents_.insert(place, {rq.sector, rq.sectors, rq.drained});
}

TimePoint FlashDrive::through_controller(const DeviceRequest& rq, TimePoint now) {
  TimePoint start = std::max({now, controller_, barrier_});
  if (rq.idle_start)
    start += config_.idle_latency;
  controller_ =
      start + (rq.op == BioOp::kRead ? config_.read_command_time : config_.write_command_time);
  return controller_;
}

TimePoint FlashDrive::over_link(TimePoint& link, TimePoint start, Sectors sectors) {
  if (config_.link_bytes_per_s == 0)
    return start;
  link = std::max(link, start) + transfer_time(to_bytes(sectors), config_.link_bytes_per_s);
  return link;
}

TimePoint FlashDrive::use_unit(std::size_t unit, TimePoint start, Duration time) {
  units_[unit] = std::max(units_[unit], start) + time;
  return units_[unit];
}

Duration FlashDrive::unit_time(Duration base, Bytes bytes) const {
  return base + transfer_time(bytes, config_.unit_bytes_per_s);
}

std::size_t FlashDrive::freest_unit() const {
  return static_cast<std::size_t>(std::min_element(units_.begin(), units_.end()) - units_.begin());
}

TimePoint FlashDrive::read(const DeviceRequest& rq, TimePoint start) {
  const std::int64_t stripe = config_.stripe.count();
  const std::int64_t end = to_bytes(rq.end()).count();
  const bool programming = drained_ > start && config_.program_time > Duration::zero();
  TimePoint done = start;
  for (std::int64_t at = to_bytes(rq.sector).count(); at < end;) {
    const std::int64_t piece = std::min(end, (at / stripe + 1) * stripe) - at;
    const std::size_t unit = config_.placement == FlashPlacement::kAny
                                 ? freest_unit()
                                 : unit_of(at / stripe, units_.size());
    Duration time = unit_time(config_.read_time, Bytes(piece));
    if (programming) {
      boost::random::uniform_int_distribution<std::int64_t> rest(0, config_.program_time.count());
      time += Duration(rest(random_));
    }
    done = std::max(done, use_unit(unit, start, time));
    at += piece;
  }
  return done;
}

TimePoint FlashDrive::write(DeviceRequest& rq, TimePoint start) {
  collect_garbage(to_bytes(rq.sectors), start);
  start = over_link(write_link_, std::max(start, controller_), rq.sectors);
  if (config_.write_buffer == Bytes(0))
    return program(rq, start);
  const TimePoint taken = into_buffer(rq, start);
  return rq.fua && volatile_buffer() ? std::max(taken, drained_) : taken;
}

// Written where there is room: on the units that are free first.
TimePoint FlashDrive::program(const DeviceRequest& rq, TimePoint start) {
  TimePoint done = start;
  for (std::int64_t left = to_bytes(rq.sectors).count(); left > 0;) {
    const std::int64_t piece = std::min(left, config_.stripe.count());
    const Duration time = unit_time(config_.program_time, Bytes(piece));
    done = std::max(done, use_unit(freest_unit(), start, time));
    left -= piece;
  }
  return done;
}

Duration FlashDrive::drain_time(Bytes bytes) const {
  return transfer_time(bytes, config_.write_bytes_per_s);
}

TimePoint FlashDrive::into_buffer(DeviceRequest& rq, TimePoint start) {
  const Bytes bytes = to_bytes(rq.sectors);
  // It has room when all but the rest of the capacity is drained.
  const TimePoint room = drained_ - drain_time(config_.write_buffer - bytes);
  const TimePoint taken = std::max(start, room);
  drained_ = std::max(drained_, taken) + drain_time(bytes);
  rq.drained = drained_;
  return taken + config_.buffer_latency;
}

TimePoint FlashDrive::flush(TimePoint start) {
  if (!volatile_buffer())
    return start;
  barrier_ = std::max(start, drained_);
  return barrier_;
}

Bytes FlashDrive::buffered(TimePoint now) const {
  if (drained_ <= now)
    return Bytes(0);
  return Bytes(
      std::llround(to_seconds(drained_ - now) * static_cast<double>(config_.write_bytes_per_s)));
}

void FlashDrive::collect_garbage(Bytes written, TimePoint now) {
  written_ += written;
  if (config_.gc_stall == Duration::zero() || written_ < next_gc_)
    return;
  boost::random::exponential_distribution<double> unit(1.0);
  const auto scaled = [&](std::int64_t mean) {
    return std::llround(unit(random_) * static_cast<double>(mean));
  };
  next_gc_ = written_ + Bytes(scaled(config_.gc_interval.count()));
  const Duration stall(scaled(config_.gc_stall.count()));
  controller_ = std::max(controller_, now) + stall;
  drained_ = std::max(drained_, now) + stall;
  for (TimePoint& unit_end : units_)
    unit_end = std::max(unit_end, controller_);
}

// Of a range that was written again, only the last time counts.
void FlashDrive::settle(TimePoint now) {
  while (!contents_.empty() && contents_.front().drained <= now) {
    const Buffered done = contents_.front();
    contents_.pop_front();
    WriteCache again{Sectors(0)};
    for (const Buffered& later : contents_)
      if (later.start < done.start + done.length && done.start < later.start + later.length)
        again.add(later.start, later.length);
    again.for_each_gap({done.start, done.length}, [this](Sectors start, Sectors length) {
      moved(start, length, DataPlace::kVolatileCache, DataPlace::kMedium);
    });
  }
}

}  // namespace wbsim
