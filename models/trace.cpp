#include "models/trace.hpp"

namespace wbsim {

std::string_view to_string(WriteReason reason) {
  switch (reason) {
    case WriteReason::kBackground:
      return "background";
    case WriteReason::kPeriodic:
      return "periodic";
    case WriteReason::kSync:
      return "sync";
    case WriteReason::kBalanceDirty:
      return "balance_dirty";
    case WriteReason::kReclaim:
      return "reclaim";
    case WriteReason::kForeignFlush:
      return "foreign_flush";
    case WriteReason::kLaptopTimer:
      return "laptop_timer";
    case WriteReason::kMetadata:
      return "metadata";
    case WriteReason::kRead:
      return "read";
  }
  return "";
}

std::string_view to_string(ThrottledBy by) {
  switch (by) {
    case ThrottledBy::kNobody:
      return "";
    case ThrottledBy::kGlobalLimit:
      return "global limit";
    case ThrottledBy::kBdiShare:
      return "bdi share";
    case ThrottledBy::kTaskShare:
      return "task share";
    case ThrottledBy::kVmWriteout:
      return "vm writeout limit";
    case ThrottledBy::kMemcgLimit:
      return "memcg limit";
    case ThrottledBy::kDirtyRate:
      return "dirty rate";
  }
  return "";
}

}  // namespace wbsim
