// One line on a terminal: simulated time, speed, and how long it will take at the most.
#pragma once

#include <chrono>
#include <mutex>
#include <string>
#include <vector>

#include "sim/units.hpp"

namespace wbsim {

class Progress {
 public:
  // Shows nothing when standard error is not a terminal. `longest`: the simulated time after
  // which a run ends at the latest.
  Progress(std::vector<std::string> runs, Duration longest);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  bool visible() const { return visible_; }
  // From any thread.
  void update(std::size_t run, Duration simulated);

 private:
  using WallClock = std::chrono::steady_clock;
  void show(WallClock::time_point now);

  std::mutex mutex_;
  std::vector<std::string> runs_;
  std::vector<Duration> simulated_;
  Duration longest_;
  WallClock::time_point started_, shown_;
  std::size_t width_ = 0;
  bool visible_;
};

}  // namespace wbsim
