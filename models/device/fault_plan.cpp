#include "models/device/fault_plan.hpp"

#include <algorithm>
#include <boost/random/uniform_01.hpp>
#include <cmath>

namespace wbsim {

FaultPlan::FaultPlan(const std::vector<FaultConfig>& faults, TimePoint origin, RandomStream random)
    : random_(random) {
  for (const FaultConfig& config : faults) {
    const TimePoint start = origin + config.start;
    const bool ends = config.duration && config.kind != FaultKind::kRemove;
    faults_.push_back({config, start, ends ? start + *config.duration : TimePoint::max()});
  }
}

bool FaultPlan::Fault::applies(const DeviceRequest& rq) const {
  if (config.kind == FaultKind::kRemove)
    return true;
  if (rq.op == BioOp::kFlush)
    return config.op != FaultOp::kRead && !config.size;
  if (config.op != FaultOp::kAny && (config.op == FaultOp::kRead) != (rq.op == BioOp::kRead))
    return false;
  const Bytes from = to_bytes(rq.sector), to = to_bytes(rq.end());
  return to > config.offset && (!config.size || from < config.offset + *config.size);
}

TimePoint FaultPlan::next_change(TimePoint t) const {
  TimePoint next = TimePoint::max();
  for (const Fault& fault : faults_) {
    if (fault.start > t)
      next = std::min(next, fault.start);
    if (fault.end > t)
      next = std::min(next, fault.end);
  }
  return next;
}

TimePoint FaultPlan::end_of(const DeviceRequest& rq, TimePoint start, Duration service) const {
  TimePoint now = start;
  for (;;) {
    double slowness = 1;
    bool hangs = false;
    for (const Fault& fault : faults_) {
      if (!fault.active(now) || !fault.applies(rq))
        continue;
      if (fault.config.kind == FaultKind::kRemove)
        return now;
      hangs = hangs || fault.config.kind == FaultKind::kHang;
      if (fault.config.kind == FaultKind::kSlow)
        slowness = std::max(slowness, fault.config.factor);
    }
    const TimePoint change = next_change(now);
    const auto needed = Duration(std::llround(static_cast<double>(service.count()) * slowness));
    if (!hangs && (change == TimePoint::max() || now + needed <= change))
      return now + needed;
    if (!hangs)
      service -= Duration(std::llround(static_cast<double>((change - now).count()) / slowness));
    now = change;
  }
}

bool FaultPlan::fails(const DeviceRequest& rq, TimePoint end) {
  bool failed = false;
  for (const Fault& fault : faults_) {
    if (!fault.active(end) || !fault.applies(rq))
      continue;
    if (fault.config.kind == FaultKind::kRemove)
      failed = true;
    if (fault.config.kind == FaultKind::kError)
      failed = failed || fault.config.probability >= 1 ||
               boost::random::uniform_01<double>()(random_) < fault.config.probability;
  }
  return failed;
}

}  // namespace wbsim
