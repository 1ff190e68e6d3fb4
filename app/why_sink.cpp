#include "app/why_sink.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "app/summary_json.hpp"
#include "sim/assert.hpp"

namespace wbsim {
namespace {

constexpr std::size_t kWorst = 50;  // of each kind of each writer

// Sleeps that another request's completion may end, by the place it frees.
bool is_for_a_place(std::string_view wait) {
  return wait == "request slot" || wait == "blk_mq_get_tag" || wait == "wbt_wait";
}

}  // namespace

WhySink::WhySink(const Scenario& scenario) {
  for (const std::string& name : writer_names(scenario))
    writers_.emplace_back().name = name;
}

void WhySink::on_request(const RequestRecord& request) {
  const Blocker blocker{std::string(request.thread), request.reason, request.ino};
  const auto [entry, is_new] =
      blocker_numbers_.emplace(blocker, static_cast<int>(blockers_.size()));
  if (is_new)
    blockers_.push_back(blocker);
  history_.add(request, entry->second);
}

void WhySink::on_wait(const WaitRecord& wait) {
  writers_[static_cast<std::size_t>(wait.writer)].waits.push_back(wait);
}

void WhySink::on_write(const CallRecord& call) {
  end_call(call.writer, kWrite, call.latency);
}
void WhySink::on_read(const CallRecord& call) {
  end_call(call.writer, kRead, call.latency);
}
void WhySink::on_fsync(const FsyncRecord& call) {
  end_call(call.writer, kFsync, call.latency);
}

// The waits of a call are the last ones, and as long as the call: time passes in waits only.
void WhySink::end_call(int number, Kind kind, Duration latency) {
  Writer& writer = writers_[static_cast<std::size_t>(number)];
  Call call{{}, latency, {}};
  Duration left = latency;
  for (auto wait = writer.waits.rbegin(); left > Duration::zero(); ++wait) {
    WB_ASSERT(wait != writer.waits.rend());
    explain(*wait, call.parts);
    left -= wait->end - wait->start;
    call.start = wait->start;
  }
  WB_ASSERT(left == Duration::zero());
  Duration sum{};
  for (const auto& [cause, share] : call.parts)
    sum += share.time;
  WB_ASSERT(sum == latency);
  writer.waits.clear();
  Account& account = writer.accounts[kind];
  ++account.calls;
  account.latency += latency;
  for (const auto& [cause, share] : call.parts)
    add(account.parts, cause, share.time, share.age);
  keep_if_long(account.worst, std::move(call));
}

// The longest first, at most kWorst.
void WhySink::keep_if_long(std::vector<Call>& worst, Call call) {
  if (worst.size() == kWorst && call.latency <= worst.back().latency)
    return;
  const auto at =
      std::upper_bound(worst.begin(), worst.end(), call,
                       [](const Call& a, const Call& b) { return a.latency > b.latency; });
  worst.insert(at, std::move(call));
  if (worst.size() > kWorst)
    worst.pop_back();
}

void WhySink::add(Parts& parts, const Cause& cause, Duration time, Duration age) {
  Share& share = parts[cause];
  share.time += time;
  share.age = std::max(share.age, age);
}

void WhySink::explain(const WaitRecord& wait, Parts& parts) const {
  const bool for_itself = wait.timed || wait.what == "processor" || wait.what == "congestion_wait";
  // A sleep that ends the moment a request completes was ended by that request.
  const auto waker = for_itself ? std::nullopt : history_.completed_at(wait.end);
  if (!waker)
    add(parts, {wait.throttled, wait.what, "", -1}, wait.end - wait.start);
  else if (is_for_a_place(wait.what))
    explain_slot(wait, *waker, parts);
  else
    explain_io(wait, *waker, parts);
}

void WhySink::explain_slot(const WaitRecord& wait, const WhyHistory::Completed& waker,
                           Parts& parts) const {
  history_.split(
      waker.device, wait.start, wait.end, [&](Duration time, const WhyHistory::Served* served) {
        if (served)
          add(parts, {wait.throttled, wait.what, "behind", served->blocker}, time, served->age);
        else
          add(parts, {wait.throttled, wait.what, "device idle", -1}, time);
      });
}

// What became of the request that ended the wait: not there yet, in the queue, on the device.
void WhySink::explain_io(const WaitRecord& wait, const WhyHistory::Completed& waker,
                         Parts& parts) const {
  const WhyHistory::Served& own = waker.request;
  const auto in_wait = [&wait](Duration moment) {
    return std::clamp(moment, wait.start, wait.end);
  };
  const Duration queued = in_wait(own.queued), started = in_wait(own.started);
  if (queued > wait.start)
    add(parts, {wait.throttled, wait.what, "not queued yet", own.blocker}, queued - wait.start,
        own.age);
  history_.split(
      waker.device, queued, started, [&](Duration time, const WhyHistory::Served* served) {
        if (served)
          add(parts, {wait.throttled, wait.what, "behind", served->blocker}, time, served->age);
        else
          add(parts, {wait.throttled, wait.what, "elevator", own.blocker}, time, own.age);
      });
  if (wait.end > started)
    add(parts, {wait.throttled, wait.what, "device", own.blocker}, wait.end - started, own.age);
}

Json WhySink::parts_json(const Parts& parts) const {
  std::vector<std::pair<Cause, Share>> sorted(parts.begin(), parts.end());
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.second.time > b.second.time; });
  Json list = Json::array();
  for (const auto& [cause, share] : sorted) {
    Json part;
    part["ns"] = share.time.count();
    part["throttled_by"] = to_string(cause.throttled);
    part["wait"] = cause.wait;
    part["phase"] = cause.phase;
    if (cause.blocker >= 0) {
      const Blocker& blocker = blockers_[static_cast<std::size_t>(cause.blocker)];
      part["thread"] = blocker.thread;
      part["reason"] = to_string(blocker.reason);
      part["ino"] = blocker.ino;
      part["age_ns"] = share.age.count();
    }
    list.push_back(std::move(part));
  }
  return list;
}

Json WhySink::json() const {
  static constexpr const char* kNames[kKinds] = {"write", "read", "fsync"};
  Json j;
  j["schema"] = "wbsim-why/1";
  j["writers"] = Json::object();
  for (const Writer& writer : writers_) {
    Json& kinds = j["writers"][writer.name] = Json::object();
    for (std::size_t kind = 0; kind < kKinds; ++kind) {
      const Account& account = writer.accounts[kind];
      if (account.calls == 0)
        continue;
      Json& item = kinds[kNames[kind]];
      item["calls"] = account.calls;
      item["latency_ns"] = account.latency.count();
      item["parts"] = parts_json(account.parts);
      item["worst"] = Json::array();
      for (const Call& call : account.worst)
        item["worst"].push_back({{"start_ns", call.start.count()},
                                 {"latency_ns", call.latency.count()},
                                 {"parts", parts_json(call.parts)}});
    }
  }
  return j;
}

}  // namespace wbsim
