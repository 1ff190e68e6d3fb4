// The block layer's tracepoints, under the names of blktrace and include/trace/events/block.h.
#pragma once

#include <cstdint>
#include <string_view>

#include "sim/units.hpp"

namespace wbsim {

struct BlockEvent {
  enum class What : std::uint8_t {
    kBioQueue,       // Q: a bio enters the block layer
    kBioBackmerge,   // M
    kBioFrontmerge,  // F
    kGetrq,          // G: a request was allocated for it
    kSleeprq,        // S: there was none; the task sleeps
    kRqInsert,       // I: into the elevator
    kRqIssue,        // D: to the driver
    kRqComplete,     // C
    kPlug,           // P
    kUnplug,         // U: somebody asked for it; `requests` are let go
    kUnplugTimer,    // UT: its timer fired; from 2.6.39 on: the task goes to sleep
  };
  What what{};
  Duration time{};          // since the start of the jobs
  std::string_view thread;  // the task of a bio, the allocating task of a request; may be empty
  int device = 0;
  Sectors sector{}, sectors{};
  bool write = false;
  bool flush = false;  // of the device's cache; a write of nothing
  bool sync = false;   // of a write
  bool meta = false;
  int requests = 0;
};

}  // namespace wbsim
