#include "models/mm/inode_wb.hpp"

#include <algorithm>
#include <bit>

namespace wbsim {

namespace {
constexpr int kTimeShift = 13;    // WB_FRN_TIME_SHIFT
constexpr int kAvgShift = 3;      // WB_FRN_TIME_AVG_SHIFT
constexpr std::int64_t kCut = 8;  // WB_FRN_TIME_CUT_DIV: shorter rounds do not count
constexpr int kSlots = 16;        // WB_FRN_HIST_SLOTS, of 2 s together
constexpr std::int64_t kUnit = (std::int64_t{2} << kTimeShift) / kSlots;
constexpr std::int64_t kMostSlots = kSlots / 3;  // a round fills
constexpr int kForeign = kSlots / 2;             // more of them make the inode move
}  // namespace

void WbcOwners::account(int cgroup, std::int64_t bytes) {
  if (cgroup == own_) {
    own_bytes_ += bytes;
    return;
  }
  if (cgroup == last_)
    last_bytes_ += bytes;
  if (candidate_bytes_ == 0)
    candidate_ = cgroup;
  if (cgroup == candidate_)
    candidate_bytes_ += bytes;
  else
    candidate_bytes_ -= std::min(bytes, candidate_bytes_);
}

WbcOwners::Winner WbcOwners::winner() const {
  if (own_bytes_ >= last_bytes_ && own_bytes_ >= candidate_bytes_)
    return {own_, own_bytes_};
  if (last_bytes_ >= candidate_bytes_)
    return {last_, last_bytes_};
  return {candidate_, candidate_bytes_};
}

bool InodeWb::end_round(const WbcOwners& owners, std::int64_t avg_write_bandwidth) {
  const WbcOwners::Winner now = owners.winner();
  const std::int64_t scaled = now.bytes / kPageSize << kTimeShift;
  const std::int64_t time = (scaled + avg_write_bandwidth - 1) / avg_write_bandwidth;
  std::int64_t avg = avg_time;
  avg = avg == 0 ? time : avg + (time >> kAvgShift) - (avg >> kAvgShift);
  avg_time = static_cast<std::uint16_t>(std::min<std::int64_t>(avg, 0xffff));
  winner = now.cgroup;
  if (time == 0 || time < avg / kCut)
    return false;
  const auto slots = static_cast<unsigned>(std::min((time + kUnit - 1) / kUnit, kMostSlots));
  unsigned bits = static_cast<unsigned>(history) << slots;
  if (now.cgroup != owners.own())
    bits |= (1U << slots) - 1;
  history = static_cast<std::uint16_t>(bits);
  return std::popcount(history) > kForeign && now.cgroup != owners.own();
}

}  // namespace wbsim
