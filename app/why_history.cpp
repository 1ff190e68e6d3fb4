#include "app/why_history.hpp"

#include <algorithm>

namespace wbsim {

void WhyHistory::add(const RequestRecord& request, int blocker) {
  const auto device = static_cast<std::size_t>(request.device);
  if (devices_.size() <= device)
    devices_.resize(device + 1);
  const Served served{request.queued, request.started, request.completed, blocker, request.age};
  devices_[device].push_back(served);
  if (devices_[device].size() > kKept)
    devices_[device].pop_front();
  last_ = {device, served};
}

std::optional<WhyHistory::Completed> WhyHistory::completed_at(Duration moment) const {
  if (last_ && last_->request.completed == moment)
    return last_;
  for (std::size_t i = 0; i < devices_.size(); ++i) {
    const auto after =
        std::upper_bound(devices_[i].begin(), devices_[i].end(), moment,
                         [](Duration m, const Served& served) { return m < served.completed; });
    if (after != devices_[i].begin() && std::prev(after)->completed == moment)
      return Completed{i, *std::prev(after)};
  }
  return std::nullopt;
}

void WhyHistory::split(std::size_t device, Duration from, Duration to,
                       const std::function<void(Duration, const Served*)>& take) const {
  const std::deque<Served>& all = devices_[device];
  auto served = std::upper_bound(all.begin(), all.end(), from,
                                 [](Duration m, const Served& s) { return m < s.completed; });
  for (; served != all.end() && from < to; ++served) {
    const Duration start = std::clamp(served->started, from, to);
    if (start > from)
      take(start - from, nullptr);
    const Duration end = std::clamp(served->completed, start, to);
    if (end > start)
      take(end - start, &*served);
    from = end;
  }
  if (from < to)
    take(to - from, nullptr);
}

}  // namespace wbsim
