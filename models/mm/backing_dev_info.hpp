// What memory management knows of a device: struct backing_dev_info.
#pragma once

#include <array>
#include <string>

#include "models/mm/proportions.hpp"
#include "sim/units.hpp"

namespace wbsim {

class RequestQueue;

struct BackingDevInfo {
  int id = 0;
  std::string name;  // of the device, "d0"
  RequestQueue* queue = nullptr;
  Pages reclaimable{};  // BDI_RECLAIMABLE: dirty pages
  Pages writeback{};    // BDI_WRITEBACK
  Pages written{};      // write-backs completed
  PropLocal completions;
  std::array<int, 3> dirty_inodes{};  // of this device, by DirtyInodeLists::Which
  int min_ratio = 0;                  // percent
  int max_ratio = 100;
  bool dirty_exceeded = false;
  bool pdflush_owner = false;  // BDI_pdflush: a pdflush thread works on it
};

}  // namespace wbsim
