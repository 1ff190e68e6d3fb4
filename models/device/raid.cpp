#include "models/device/raid.hpp"

#include <algorithm>
#include <string>

#include "sim/assert.hpp"

namespace wbsim {

// A member, the queue in front of it, and the way back to the array.
class DiskArray::Member final : public DeviceHost, public MediumObserver {
 public:
  Member(DiskArray& array, std::size_t number, const DeviceConfig& config)
      : device(make_device(config)), faults(config.faults), array_(array), number_(number) {}

  void submit(Command& part) {
    pending_.push_back(part);
    device_ready();
  }
  void command_started(DeviceRequest& rq) override {
    array_.part_started(static_cast<Command&>(rq), device->busy_until());
  }
  void command_completed(DeviceRequest& rq) override {
    array_.part_done(static_cast<Command&>(rq));
  }
  void device_ready() override {
    while (!pending_.empty() && !device->full()) {
      DeviceRequest& next = pending_.front();
      pending_.pop_front();
      device->submit(next);
    }
  }
  void moved(Sectors start, Sectors length, DataPlace from, DataPlace to) override {
    while (length > Sectors(0)) {
      const Sectors here = array_.contiguous(number_, start, length);
      observer->moved(array_.array_sector(number_, start), here, from, to);
      start += here;
      length -= here;
    }
  }

  std::unique_ptr<Device> device;
  std::vector<FaultConfig> faults;
  MediumObserver* observer = nullptr;

 private:
  DiskArray& array_;
  std::size_t number_;
  CommandList pending_;
};

namespace {

Sectors sectors_of(Bytes bytes) {
  return Sectors(bytes.count() / kSectorSize);
}

}  // namespace

DiskArray::DiskArray(const DeviceConfig& config)
    : Device({.name = config.name,
              .capacity = sectors_of(device_capacity(config)),
              .depth = device_depth(config)}),
      config_(config.array),
      striped_(config.model == "raid0"),
      chunk_(sectors_of(config.array.chunk)) {
  Sectors start;
  for (DeviceConfig& member : config_.members) {
    member.name = config.name + "." + std::to_string(members_.size());
    members_.push_back(std::make_unique<Member>(*this, members_.size(), member));
    starts_.push_back(start);
    start += members_.back()->device->capacity();
  }
}

DiskArray::~DiskArray() = default;

void DiskArray::attach(Simulator& sim, DeviceHost& host) {
  Device::attach(sim, host);
  for (const auto& member : members_)
    member->device->attach(sim, *member);
}

void DiskArray::arm_faults(const std::vector<FaultConfig>& faults, TimePoint origin) {
  for (const auto& member : members_) {
    std::vector<FaultConfig> all = member->faults;
    for (const FaultConfig& fault : faults)
      if (!fault.size && fault.offset == Bytes(0))
        all.push_back(fault);
    member->device->arm_faults(all, origin);
  }
}

void DiskArray::observe(MediumObserver& observer) {
  for (const auto& member : members_) {
    member->observer = &observer;
    member->device->observe(*member);
  }
}

void DiskArray::settle(TimePoint now) {
  for (const auto& member : members_)
    member->device->settle(now);
}

DiskArray::Part DiskArray::first_part(Sectors sector, Sectors length) const {
  if (!striped_) {
    const auto after = std::upper_bound(starts_.begin(), starts_.end(), sector);
    const auto member = static_cast<std::size_t>(after - starts_.begin()) - 1;
    const Sectors inside = sector - starts_[member];
    return {member, inside, std::min(length, members_[member]->device->capacity() - inside)};
  }
  const std::int64_t chunk = sector.count() / chunk_.count();
  const auto n = static_cast<std::int64_t>(members_.size());
  const Sectors inside(sector.count() % chunk_.count());
  return {static_cast<std::size_t>(chunk % n), chunk_ * (chunk / n) + inside,
          std::min(length, chunk_ - inside)};
}

Sectors DiskArray::array_sector(std::size_t member, Sectors sector) const {
  if (!striped_)
    return starts_[member] + sector;
  const std::int64_t row = sector.count() / chunk_.count();
  const std::int64_t chunk =
      row * static_cast<std::int64_t>(members_.size()) + static_cast<std::int64_t>(member);
  return chunk_ * chunk + Sectors(sector.count() % chunk_.count());
}

Sectors DiskArray::contiguous(std::size_t member, Sectors sector, Sectors length) const {
  const Sectors at = array_sector(member, sector);
  return striped_ ? first_part(at, length).length : length;
}

// One command a member: its chunks lie behind each other.
void DiskArray::accept(DeviceRequest& rq) {
  parts_.clear();
  for (Sectors done{}; done < rq.sectors;) {
    const Part part = first_part(rq.sector + done, rq.sectors - done);
    const auto same = std::find_if(parts_.begin(), parts_.end(),
                                   [&](const Part& p) { return p.member == part.member; });
    if (same == parts_.end())
      parts_.push_back(part);
    else
      same->length += part.length;
    done += part.length;
  }
  if (rq.op == BioOp::kFlush)
    for (std::size_t i = 0; i < members_.size(); ++i)
      parts_.push_back({i, Sectors(0), Sectors(0)});
  rq.parts_left = static_cast<int>(parts_.size());
  rq.idle_start = held() == 1;
  rq.service = Duration(-1);
  for (const Part& part : parts_)
    send(part, rq);
}

void DiskArray::send(const Part& part, DeviceRequest& whole) {
  if (free_.empty())
    free_.push_back(&slab_.emplace_back());
  Command& command = *free_.back();
  free_.pop_back();
  command.whole = &whole;
  command.op = whole.op;
  command.fua = whole.fua;
  command.sector = part.sector;
  command.sectors = part.length;
  members_[part.member]->submit(command);
}

void DiskArray::part_started(Command& part, TimePoint busy_until) {
  account_busy(sim().now(), busy_until);
  DeviceRequest& whole = *part.whole;
  if (whole.service >= Duration::zero())
    return;
  note_service(whole, sim().now(), Duration::zero());
  tell_started(whole);
}

void DiskArray::part_done(Command& part) {
  DeviceRequest& whole = *part.whole;
  whole.failed = whole.failed || part.failed;
  free_.push_back(&part);
  if (--whole.parts_left > 0)
    return;
  whole.service = sim().now() - whole.started;
  finish(whole, DataPlace::kMedium);
}

}  // namespace wbsim
