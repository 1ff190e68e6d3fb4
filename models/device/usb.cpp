#include "models/device/usb.hpp"

#include <algorithm>
#include <cmath>

#include "sim/assert.hpp"

namespace wbsim {

UsbStick::UsbStick(const DeviceConfig& config)
    : SingleServer({.name = config.name,
                    .capacity = Sectors(config.capacity.count() / kSectorSize),
                    .near_sectors = Sectors(config.capacity.count() / kSectorSize),
                    .seeks = false}),
      config_(config.usb) {
  WB_ASSERT(config_.erase_block > Bytes(0) && config_.open_blocks > 0);
}

bool UsbStick::open_block(std::int64_t block) {
  const auto found = std::find(open_.begin(), open_.end(), block);
  const bool opened = found == open_.end();
  if (!opened)
    open_.erase(found);
  else if (static_cast<int>(open_.size()) == config_.open_blocks)
    open_.erase(open_.begin());
  open_.push_back(block);
  return opened;
}

Duration UsbStick::service_time(const DeviceRequest& rq, TimePoint) {
  const bool write = rq.op == BioOp::kWrite;
  const std::int64_t rate = write ? config_.write_bytes_per_s : config_.read_bytes_per_s;
  const Bytes bytes = to_bytes(rq.sectors);
  Duration service =
      config_.overhead +
      Duration(std::llround(static_cast<double>(bytes.count()) * 1e9 / static_cast<double>(rate)));
  if (!write)
    return service;
  const std::int64_t first = to_bytes(rq.sector).count() / config_.erase_block.count();
  const std::int64_t last = (to_bytes(rq.end()).count() - 1) / config_.erase_block.count();
  for (std::int64_t block = first; block <= last; ++block)
    if (open_block(block))
      service += config_.erase_stall;
  return service;
}

}  // namespace wbsim
