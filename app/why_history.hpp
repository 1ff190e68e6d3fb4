// The requests that a run has completed, by device: what a disk was doing while somebody waited.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <vector>

#include "models/trace.hpp"

namespace wbsim {

class WhyHistory {
 public:
  // `blocker`: a number for "which thread, why, which inode", of the caller's choice.
  struct Served {
    Duration queued, started, completed;
    int blocker;
    Duration age;
  };

  void add(const RequestRecord& request, int blocker);

  // The device whose request completed at that moment, with that request; the last one of several.
  struct Completed {
    std::size_t device;
    Served request;
  };
  std::optional<Completed> completed_at(Duration moment) const;

  // Splits [from, to) by what the device served: `take(ns, request)` for each piece, with null for
  // the pieces in which it served nothing that has completed by `to`.
  void split(std::size_t device, Duration from, Duration to,
             const std::function<void(Duration, const Served*)>& take) const;

 private:
  static constexpr std::size_t kKept = 200'000;  // of each device

  std::vector<std::deque<Served>> devices_;
  std::optional<Completed> last_;
};

}  // namespace wbsim
