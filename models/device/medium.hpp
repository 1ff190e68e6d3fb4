// Where the newest content of a sector is on its way from memory to the medium, and who wants to
// know.
#pragma once

#include <cstdint>

#include "sim/units.hpp"

namespace wbsim {

enum class DataPlace : std::uint8_t {
  kMemory,         // dirty, or queued for its write-back
  kInFlight,       // the device has the command
  kVolatileCache,  // the command is complete, but a power cut loses the data
  kMedium,         // durable
  kLost,           // the command failed; nobody tries again
};

class MediumObserver {
 public:
  virtual void moved(Sectors start, Sectors length, DataPlace from, DataPlace to) = 0;

 protected:
  ~MediumObserver() = default;
};

}  // namespace wbsim
