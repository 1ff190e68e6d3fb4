// Calls gathered into windows of equal length: the samples of a bandwidth log.
#pragma once

#include <cstdint>

#include "sim/units.hpp"

namespace wbsim {

struct RateWindow {
  Duration start{}, end{};
  Bytes bytes{};
  std::int64_t calls = 0;

  // KiB/s and calls per second, rounded down as fio does.
  std::int64_t kib_per_s() const { return per_second(bytes.count()) / 1024; }
  std::int64_t iops() const { return per_second(calls); }

 private:
  std::int64_t per_second(std::int64_t amount) const {
    constexpr std::int64_t kMillis = 1'000'000;
    const std::int64_t ms = (end - start).count() / kMillis;
    return ms > 0 ? amount * 1000 / ms : 0;  // 9.2 PB in a window do not fit
  }
};

// Windows begin at multiples of their length; the first is that of the first call.
class RateWindows {
 public:
  explicit RateWindows(Duration length) : length_(length) {}

  // A call that began and ended then. Each window that is over by now goes to `closed`.
  template <class Closed>
  void add(Duration start, Duration end, Bytes bytes, const Closed& closed) {
    if (!begun_) {
      begun_ = true;
      window_.start = start - start % length_;
    }
    while (end >= window_.start + length_) {
      window_.end = window_.start + length_;
      closed(window_);
      window_ = {window_.end, {}, Bytes(0), 0};
    }
    window_.bytes += bytes;
    ++window_.calls;
    last_ = end;
  }

  // The window that the last call ended in, cut off there.
  template <class Closed>
  void finish(const Closed& closed) {
    if (window_.calls == 0)
      return;
    window_.end = last_;
    closed(window_);
    window_ = {last_, {}, Bytes(0), 0};
  }

 private:
  Duration length_;
  Duration last_{};
  RateWindow window_;
  bool begun_ = false;
};

}  // namespace wbsim
