// A command as the driver hands it to a device, and what the device notes in it.
#pragma once

#include <boost/intrusive/list_hook.hpp>
#include <cstdint>

#include "sim/units.hpp"

namespace wbsim {

// REQ_OP_*, of a bio, a request and a command alike. A flush has no sectors.
enum class BioOp : std::uint8_t { kRead, kWrite, kFlush };

// The hook is that of the list it is on, which is one at a time: whoever has it may link it.
struct DeviceRequest
    : boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::normal_link>> {
  Sectors sector, sectors;
  BioOp op = BioOp::kWrite;
  bool fua = false;  // a write that completes when it is on the medium

  // The device's.
  bool seek = false;        // the start lies outside the device's near window
  bool idle_start = false;  // found the device idle
  bool failed = false;      // EIO
  TimePoint accepted{};
  TimePoint started{};
  TimePoint drained{};  // when a volatile buffer will have passed its data on
  Duration service{};
  Sectors head_before{};
  int parts_left = 0;  // of a command that an array has split

  Sectors end() const { return sector + sectors; }
};

}  // namespace wbsim
