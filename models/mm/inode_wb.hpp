// Whose write-back an inode belongs to, and how it is found that it should be another's: the
// arithmetic of foreign inode detection.
//
// MODELS: fs/fs-writeback.c wbc_account_cgroup_owner(), wbc_detach_inode() of 6.1; the i_wb_frn_*
//         of struct inode.
#pragma once

#include <cstdint>

#include "sim/units.hpp"

namespace wbsim {

class AddressSpace;
struct BackingDevInfo;

// The bytes of one round of write-back, by cgroup. 0 is the root's.
class WbcOwners {
 public:
  WbcOwners(int own, int last_winner) : own_(own), last_(last_winner) {}
  void account(int cgroup, std::int64_t bytes);
  struct Winner {
    int cgroup;
    std::int64_t bytes;
  };
  Winner winner() const;
  int own() const { return own_; }

 private:
  int own_, last_, candidate_ = 0;  // the candidate is Boyer's and Moore's
  std::int64_t own_bytes_ = 0, last_bytes_ = 0, candidate_bytes_ = 0;
};

// Of an inode, once it belongs to somebody.
struct InodeWb {
  AddressSpace* mapping = nullptr;
  int winner = 0;              // i_wb_frn_winner: of the last round that counted
  std::uint16_t avg_time = 0;  // i_wb_frn_avg_time; 2^13: a second of the device
  std::uint16_t history = 0;   // i_wb_frn_history: 16 slots, 1: a foreigner had it
  BackingDevInfo* switching_to = nullptr;

  // A round has ended, of a device that writes so many pages/s. True: the inode should be the
  // winner's.
  bool end_round(const WbcOwners& owners, std::int64_t avg_write_bandwidth);
};

}  // namespace wbsim
