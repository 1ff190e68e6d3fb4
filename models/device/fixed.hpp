// A disk whose service time is a formula: overhead, a cost of distance if the request does not
// follow closely on the last one, and bytes over bandwidth. In integers, each term truncated.
// With `mbps` it throttles as null_blk does.
//
// MODELS:   drivers/block/null_blk/main.c, 6.1 (mbps).
// DEVIATES: a request that waits for a tick waits in the device, not in the queue.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "models/device/single_server.hpp"

namespace wbsim {

// So many bytes in each tick of 20 ms. What a tick leaves is lost, and who does not fit takes what
// is left with him and waits for the next one. The ticks begin with the first request after one in
// which nobody came.
class TickBudget {
 public:
  static constexpr Duration kTick = std::chrono::milliseconds(20);
  static constexpr std::int64_t bytes_of(int mbps) { return (std::int64_t{1} << 20) / 50 * mbps; }

  explicit TickBudget(int mbps) : all_(bytes_of(mbps)), left_(all_) {}
  // When a request of so many bytes, no more than a tick has, may begin.
  TimePoint begin(std::int64_t bytes, TimePoint now);

 private:
  std::int64_t all_, left_;
  std::optional<TimePoint> tick_;  // the next one
};

class FixedDisk final : public SingleServer {
 public:
  explicit FixedDisk(const DeviceConfig& config);

 private:
  Duration service_time(const DeviceRequest& request, TimePoint now) override;

  FixedDiskConfig config_;
  std::optional<TickBudget> budget_;
};

}  // namespace wbsim
