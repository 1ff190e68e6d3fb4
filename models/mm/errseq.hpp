// The last error of a mapping, and whether it is newer than what an open file has been told of.
// MODELS: 6.1 lib/errseq.c errseq_set(), errseq_sample(), errseq_check_and_advance(); from 4.13 on.
#pragma once

#include <cstdint>

#include "models/mm/errno.hpp"

namespace wbsim {

class ErrSeq {
 public:
  using Mark = std::uint32_t;  // what an open file has been told of

  // The same error again is a new one only when somebody has been told of the last.
  void set(Errno error) {
    const Mark counted = (value_ & kSeen) != 0 ? (value_ & kCounter) + kFirst : value_ & kCounter;
    value_ = counted | static_cast<Mark>(error);
  }
  // Of a file that is opened now: an error nobody has been told of is new to it.
  Mark sample() const { return (value_ & kSeen) != 0 ? value_ : 0; }
  // The error, once for each mark.
  Errno check_and_advance(Mark& since) {
    if (value_ == since)
      return Errno::kOk;
    value_ |= kSeen;
    since = value_;
    return static_cast<Errno>(value_ & kError);
  }

 private:
  static constexpr Mark kError = 0xff, kSeen = 0x100, kFirst = 0x200, kCounter = ~Mark{0x1ff};
  Mark value_ = 0;
};

}  // namespace wbsim
