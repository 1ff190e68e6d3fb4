// A USB stick or memory card: one command at a time, a rate each way, and erase blocks. The stick
// keeps a few erase blocks open for writing; a write to another one closes the one that was used
// longest ago, which costs a stall (copy and erase).
// Left out: the partial copy's dependence on how much of the block was written.
#pragma once

#include <vector>

#include "models/device/single_server.hpp"

namespace wbsim {

class UsbStick final : public SingleServer {
 public:
  explicit UsbStick(const DeviceConfig& config);

 private:
  Duration service_time(const DeviceRequest& rq, TimePoint now) override;
  bool open_block(std::int64_t block);  // whether it was not open yet

  UsbConfig config_;
  std::vector<std::int64_t> open_;  // the last used one at the end
};

}  // namespace wbsim
