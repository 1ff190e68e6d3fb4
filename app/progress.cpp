#include "app/progress.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "app/number_text.hpp"

namespace wbsim {

Progress::Progress(std::vector<std::string> runs, Duration longest)
    : runs_(std::move(runs)),
      simulated_(runs_.size()),
      longest_(longest),
      started_(WallClock::now()),
      shown_(started_),
      visible_(::isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
  if (width_ > 0)
    std::fprintf(stderr, "\r%*s\r", static_cast<int>(width_), "");
}

void Progress::update(std::size_t run, Duration simulated) {
  if (!visible_)
    return;
  constexpr auto kBetween = std::chrono::milliseconds(200);
  const std::lock_guard lock(mutex_);
  simulated_[run] = simulated;
  const WallClock::time_point now = WallClock::now();
  if (now - shown_ >= kBetween)
    show(now);
}

void Progress::show(WallClock::time_point now) {
  shown_ = now;
  const double wall = std::chrono::duration<double>(now - started_).count();
  double all = 0, slowest = to_seconds(longest_);
  std::string line;
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    const double simulated = to_seconds(simulated_[i]);
    line += runs_[i] + " " + fixed_text(simulated, 1) + " s   ";
    all += simulated;
    slowest = std::min(slowest, simulated);
  }
  line += fixed_text(all / wall, 0) + " x real time";
  if (slowest > 0)
    line += ", at most " + fixed_text((to_seconds(longest_) - slowest) * wall / slowest, 0) +
            " s to go";
  const std::size_t blank = width_ > line.size() ? width_ - line.size() : 0;
  std::fprintf(stderr, "\r%s%*s", line.c_str(), static_cast<int>(blank), "");
  width_ = std::max(width_, line.size());
}

}  // namespace wbsim
