// A run of adjacent bios of one direction: what the elevator sorts and the driver takes.
#pragma once

#include <boost/intrusive/list_hook.hpp>
#include <boost/intrusive/set_hook.hpp>
#include <cstdint>
#include <string_view>

#include "models/block/bio.hpp"
#include "models/trace.hpp"
#include "sim/units.hpp"

namespace wbsim {

// The base is what the device sees of it.
struct Request : DeviceRequest {
  using ListHook = boost::intrusive::list_member_hook<
      boost::intrusive::link_mode<boost::intrusive::normal_link>>;
  using TreeHook =
      boost::intrusive::set_member_hook<boost::intrusive::link_mode<boost::intrusive::normal_link>>;

  Bio* bio = nullptr;  // in order of sectors
  Bio* biotail = nullptr;
  int segments = 0;
  int bios = 0;
  bool sync = false;
  bool no_merge = false;  // a bio did not fit: REQ_NOMERGE
  bool hashed = false;
  std::uint8_t slot_index = 0;  // of the request list it is counted in
  WriteReason reason{};         // of the bio it was allocated for
  Jiffies deadline{};           // the deadline elevator's
  Sectors meta_sectors;
  TimePoint queued{};
  int allocated_at_start = 0;
  std::string_view thread;
  std::int64_t ino = -1;
  TimePoint dirtied_when{};

  ListHook queue_hook;  // FIFO of the elevator, then the free list
  ListHook hash_hook;
  TreeHook sort_hook;
};

}  // namespace wbsim
