// Several devices as one: `raid0` stripes them in chunks, `jbod` puts one behind the other. A
// command is split; it is complete when all its parts are, and failed when one is. Each member has
// its depth and order of its own.
// DEVIATES: a hardware array. Under md or dm each member has a request queue with an elevator.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "models/device/device.hpp"

namespace wbsim {

class DiskArray final : public Device {
 public:
  explicit DiskArray(const DeviceConfig& config);
  ~DiskArray() override;

  void attach(Simulator& sim, DeviceHost& host) override;
  void arm_faults(const std::vector<FaultConfig>& faults, TimePoint origin) override;
  void observe(MediumObserver& observer) override;
  void settle(TimePoint now) override;

  struct Part {
    std::size_t member;
    Sectors sector, length;  // of the member
  };
  // Where the first piece of the range lies that is on one member without a gap.
  Part first_part(Sectors sector, Sectors length) const;
  // The sector of the array that a member's sector is.
  Sectors array_sector(std::size_t member, Sectors sector) const;

 private:
  class Member;
  struct Command : DeviceRequest {
    DeviceRequest* whole = nullptr;
  };

  void accept(DeviceRequest& rq) override;
  void send(const Part& part, DeviceRequest& whole);
  void part_started(Command& part, TimePoint busy_until);
  void part_done(Command& part);
  Sectors contiguous(std::size_t member, Sectors sector, Sectors length) const;

  ArrayConfig config_;
  bool striped_;
  Sectors chunk_;
  std::vector<std::unique_ptr<Member>> members_;
  std::vector<Sectors> starts_;  // jbod: the first sector of each member
  std::deque<Command> slab_;
  std::vector<Command*> free_;
  std::vector<Part> parts_;  // of the command that is being split
};

}  // namespace wbsim
