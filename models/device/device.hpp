// The hardware under a request queue: takes commands up to its depth, serves them in an order of
// its own and tells its host when each begins, when it has room again, and when each is complete.
#pragma once

#include <algorithm>
#include <boost/intrusive/list.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "models/device/device_request.hpp"
#include "models/device/fault_plan.hpp"
#include "models/device/medium.hpp"
#include "models/scenario.hpp"
#include "sim/simulator.hpp"
#include "sim/units.hpp"

namespace wbsim {

// The driver's side. Calls never come out of submit(), but for command_started().
class DeviceHost {
 public:
  virtual void command_started(DeviceRequest& rq) = 0;
  virtual void command_completed(DeviceRequest& rq) = 0;  // the host may reuse it
  virtual void device_ready() = 0;                        // the device holds a command less

 protected:
  ~DeviceHost() = default;
};

class Device {
 public:
  virtual ~Device() = default;
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  // Once, before the first command; both must outlive it.
  virtual void attach(Simulator& sim, DeviceHost& host);
  // After attach(). The times of the faults count from `origin`.
  virtual void arm_faults(const std::vector<FaultConfig>& faults, TimePoint origin);
  // Tells where the data of writes is from now on. It is up to date after settle(now).
  virtual void observe(MediumObserver& observer) { observer_ = &observer; }
  virtual void settle(TimePoint) {}

  // The device must not be full; it holds the command until it is complete.
  void submit(DeviceRequest& rq);

  bool full() const { return held_ >= depth_; }
  int held() const { return held_; }
  int depth() const { return depth_; }  // most commands it takes before one has been served
  Sectors capacity() const { return capacity_; }
  Sectors head() const { return head_; }  // the end of the command that was begun last
  // A start this far behind the last end, at most, is no seek.
  bool is_seek(Sectors start) const {
    return seeks_ && (start < head_ || start - head_ > near_sectors_);
  }
  // At least one command was being served, up to now; and up to the end of those being served.
  Duration busy(TimePoint now) const { return busy_ - std::max(busy_until_ - now, Duration{0}); }
  Duration busy_committed() const { return busy_; }
  TimePoint busy_until() const { return busy_until_; }

 protected:
  struct Traits {
    const std::string& name;
    Sectors capacity;
    int depth = 1;
    Duration completion_latency{0};  // after the service, while the device goes on
    Sectors near_sectors{128};
    Sectors head_at_start{0};
    bool seeks = true;
  };
  explicit Device(const Traits& traits);
  using CommandList =
      boost::intrusive::list<DeviceRequest, boost::intrusive::constant_time_size<false>>;

  virtual void accept(DeviceRequest& rq) = 0;
  // Notes that the service of a command begins, and how long it takes undisturbed; gives the time
  // it takes with the faults that hit it. Moves the head to its end.
  Duration note_service(DeviceRequest& rq, TimePoint now, Duration service);
  TimePoint end_of_service(const DeviceRequest& rq, TimePoint now, Duration service) const {
    return faults_ ? faults_->end_of(rq, now, service) : now + service;
  }
  void account_busy(TimePoint start, TimePoint end);
  void tell_started(DeviceRequest& rq) { host_->command_started(rq); }
  // The service has ended: there is room for another command, and this one completes. The data of a
  // write is now at `place`, unless it failed.
  void finish(DeviceRequest& rq, DataPlace place = DataPlace::kMedium);
  bool observed() const { return observer_ != nullptr; }
  void moved(Sectors start, Sectors length, DataPlace from, DataPlace to) {
    if (observer_)
      observer_->moved(start, length, from, to);
  }
  Simulator& sim() const { return *sim_; }
  RandomStream random_stream(std::string_view purpose) const;

 private:
  static void deliver(void* self, std::uint64_t);

  std::string name_;
  CommandList completing_;  // served, completion not yet delivered
  // From here on what each command needs.
  Simulator* sim_ = nullptr;
  DeviceHost* host_ = nullptr;
  MediumObserver* observer_ = nullptr;
  std::unique_ptr<FaultPlan> faults_;  // null: none
  Sectors capacity_;
  int depth_;
  int held_ = 0;
  Duration completion_latency_;
  Sectors near_sectors_;
  Sectors head_;
  Duration busy_{0};
  TimePoint busy_until_{};
  bool seeks_;
};

// Names of make_device(), in the order in which they are listed to the user.
const std::vector<std::string_view>& device_models();

// What the configuration says, or what the members of an array give.
Bytes device_capacity(const DeviceConfig& config);
int device_depth(const DeviceConfig& config);
bool is_rotational(const DeviceConfig& config);
bool has_volatile_cache(const DeviceConfig& config);

// Throws std::invalid_argument for an unknown model.
std::unique_ptr<Device> make_device(const DeviceConfig& config);

}  // namespace wbsim
