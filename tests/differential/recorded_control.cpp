// The control law against a recorded kernel: reads a trace of 6.1 from standard input (lines of
// "time task event key=value ..." as tests/reference/README.md tells), and follows each look of
// balance_dirty_pages() at the limits from what the events before and after it say. What a trace
// does not tell, as the device's threshold between two integers of bdi_setpoint, is searched.
#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <iostream>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "models/writeback/rate_estimate.hpp"

namespace wbsim {
namespace {

constexpr int kHz = 250;
constexpr double kIntervalS = 0.2;
constexpr std::int64_t kKibPerPage = kPageSize / 1024;
constexpr std::int64_t kMsPerTick = 1000 / kHz;

struct Event {
  double time = 0;
  std::string task, name, bdi;
  std::map<std::string, std::int64_t, std::less<>> fields;

  std::int64_t operator[](std::string_view key) const {
    const auto found = fields.find(key);
    if (found == fields.end())
      throw std::runtime_error(name + " at " + std::to_string(time) + " s lacks " +
                               std::string(key));
    return found->second;
  }
  std::int64_t rate(std::string_view key) const { return (*this)[key] / kKibPerPage; }
};

std::optional<Event> parse(const std::string& line) {
  std::istringstream words(line);
  Event event;
  if (!(words >> event.time >> event.task >> event.name))
    return std::nullopt;
  for (std::string word; words >> word;) {
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos)
      continue;
    const std::string key = word.substr(0, equals), text = word.substr(equals + 1);
    if (key == "bdi")
      event.bdi = text;
    std::int64_t value = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (code == std::errc() && end == text.data() + text.size())
      event.fields[key] = value;
  }
  return event;
}

std::vector<Event> events_of(std::istream& in) {
  std::vector<Event> events;
  const std::set<std::string> wanted{"global_dirty_state", "bdi_dirty_ratelimit",
                                     "balance_dirty_pages"};
  for (std::string line; std::getline(in, line);)
    if (std::optional<Event> event = parse(line); event && wanted.contains(event->name))
      events.push_back(std::move(*event));
  return events;
}

// What the trace told of a device by then.
struct Device {
  std::optional<BdiRates> rates;  // after its last update
  std::int64_t told_bandwidth = BdiRates::kInitial;
};

struct Task {
  const Event* state = nullptr;      // its last global_dirty_state
  int states = 0;                    // since its last look
  const Event* update = nullptr;     // its bdi_dirty_ratelimit since then
  std::set<Pages> nr_dirtied_pause;  // what it may be; empty: not known
};

class Replay {
 public:
  explicit Replay(std::vector<Event> events) : events_(std::move(events)) {}

  // Returns whether everything follows.
  bool run() {
    for (std::size_t i = 0; i < events_.size(); ++i) {
      const Event& event = events_[i];
      Task& task = tasks_[event.task];
      if (event.name == "global_dirty_state") {
        task.state = &event;
        ++task.states;
      } else if (event.name == "bdi_dirty_ratelimit") {
        task.update = &event;
      } else {
        if (task.state)
          look(event, task, next_bandwidth(i, event.bdi));
        if (task.update)
          devices_[event.bdi].told_bandwidth = task.update->rate("avg_write_bw");
        task.update = nullptr;
        task.states = 0;
      }
    }
    for (const auto& [what, count] : checked_)
      std::cout << what << ' ' << count << " failed " << failed_[what] << '\n';
    return failures_ == 0;
  }

 private:
  // The average that the next update of the device tells.
  std::optional<std::int64_t> next_bandwidth(std::size_t after, const std::string& bdi) const {
    for (std::size_t i = after + 1; i < events_.size(); ++i)
      if (events_[i].name == "bdi_dirty_ratelimit" && events_[i].bdi == bdi)
        return events_[i].rate("avg_write_bw");
    return std::nullopt;
  }

  void check(const std::string& what, bool ok, const Event& event) {
    ++checked_[what];
    if (ok)
      return;
    ++failures_;
    if (++failed_[what] <= 3)
      std::cout << what << " does not follow at " << event.time << " s, " << event.task << '\n';
  }

  static DirtyState state_of(const Event& look, const Event& global) {
    DirtyState state;
    state.thresh = Pages(global["dirty_thresh"]);
    state.bg_thresh = Pages(global["background_thresh"]);
    state.dirty = Pages(look["dirty"]);
    state.limit = std::max(state.thresh, Pages(global["dirty_limit"]));
    state.bdi_dirty = Pages(look["bdi_dirty"]);
    return state;
  }

  // The ratios that give the task's rate, for any threshold of the device that gives bdi_setpoint
  // and any bandwidth between those told before and after.
  static std::set<std::int64_t> ratios(const Event& look, DirtyState state, std::int64_t least,
                                       std::int64_t most) {
    const std::int64_t setpoint = look["setpoint"], share = look["bdi_setpoint"];
    const std::int64_t whole = state.thresh.count() + 1;
    const auto threshold = [&](std::int64_t s) { return (s * whole + setpoint - 1) / setpoint; };
    std::set<std::int64_t> found;
    for (std::int64_t bandwidth = least; bandwidth <= most && found.empty(); ++bandwidth) {
      state.avg_write_bandwidth = bandwidth;
      for (std::int64_t bdi = threshold(share); bdi < threshold(share + 1); ++bdi) {
        state.bdi_thresh = Pages(bdi);
        const std::int64_t ratio = position_ratio(RateRule::k61, state);
        if (look.rate("dirty_ratelimit") * ratio >> kRateShift == look.rate("task_ratelimit"))
          found.insert(ratio);
      }
    }
    return found;
  }

  void look(const Event& look, Task& task, std::optional<std::int64_t> next) {
    const DirtyState state = state_of(look, *task.state);
    Device& device = devices_[look.bdi];
    if (task.states > 1)
      task.nr_dirtied_pause.clear();  // a look below the limits set it anew
    if (!task.nr_dirtied_pause.empty())
      check("nr_dirtied_pause", task.nr_dirtied_pause.contains(Pages(look["dirtied_pause"])), look);
    task.nr_dirtied_pause.clear();
    if (!next)  // the run ends
      return;
    std::int64_t before = device.told_bandwidth, after = *next;
    if (task.update)
      before = after = task.update->rate("avg_write_bw");
    const std::set<std::int64_t> found =
        ratios(look, state, std::min(before, after), std::max(before, after));
    check("task_ratelimit", !found.empty(), look);
    if (task.update && !found.empty())
      update(look, *task.update, state, found, device);
    if (!found.empty())
      task.nr_dirtied_pause = pause(look, *found.begin(), {before, *next});
  }

  void update(const Event& look, const Event& told, DirtyState state,
              const std::set<std::int64_t>& ratios, Device& device) {
    const Pages before((*tasks_[look.task].state)["dirty_limit"]), after(look["limit"]);
    const Pages moved = update_dirty_limit(before, state.thresh, state.dirty);
    const double since = look.time - limit_moved_;  // jiffies are told to a tick
    const double tick = 1.0 / kHz;
    check("dirty_limit",
          (since > kIntervalS - tick && after == moved) ||
              (since < kIntervalS + tick && after == before),
          look);
    if (since > kIntervalS + tick || after != before)
      limit_moved_ = look.time;
    state.limit = std::max(state.thresh, after);
    if (device.rates) {
      bool follows = false;
      for (const std::int64_t ratio : ratios) {
        BdiRates rates = *device.rates;
        rates.avg_write_bandwidth = told.rate("avg_write_bw");
        const RatelimitUpdate update = update_dirty_ratelimit(rates, state, ratio, Jiffies(kHz),
                                                              Pages(told.rate("dirty_rate")), kHz);
        follows |= update.task_ratelimit == told.rate("task_ratelimit") &&
                   rates.dirty_ratelimit == told.rate("dirty_ratelimit") &&
                   rates.balanced_dirty_ratelimit == told.rate("balanced_dirty_ratelimit");
      }
      check("dirty_ratelimit", follows, look);
    }
    device.rates.emplace();
    device.rates->dirty_ratelimit = told.rate("dirty_ratelimit");
    device.rates->balanced_dirty_ratelimit = told.rate("balanced_dirty_ratelimit");
  }

  // Returns what the task's nr_dirtied_pause may be from then on.
  std::set<Pages> pause(const Event& look, std::int64_t ratio,
                        const std::array<std::int64_t, 2>& bandwidths) {
    const Pages dirtied(look["dirtied"]), dirtied_pause(look["dirtied_pause"]);
    std::set<Pages> next;
    bool period = false, pause = false;
    for (const std::int64_t bandwidth : bandwidths) {
      BdiRates rates;
      rates.dirty_ratelimit = look.rate("dirty_ratelimit");
      rates.avg_write_bandwidth = bandwidth;
      const Verdict v = verdict(rates, Pages(look["bdi_dirty"]), ratio, dirtied,
                                Jiffies(look["think"] / kMsPerTick), kHz);
      const Jiffies sleep = std::min(v.pause, v.sleeps ? v.max_pause : Jiffies(0));
      period |= look["period"] == v.period.count() * kMsPerTick;
      pause |= look["pause"] == sleep.count() * kMsPerTick;
      if (v.sleeps)
        next.insert(v.shortest.nr_dirtied_pause);
      else
        next.insert(v.period > Jiffies(0) || dirtied_pause > dirtied ? dirtied_pause
                                                                     : dirtied_pause + dirtied);
    }
    check("period", period, look);
    check("pause", pause, look);
    return next;
  }

  std::vector<Event> events_;
  std::map<std::string, Task> tasks_;
  std::map<std::string, Device> devices_;
  std::map<std::string, int> checked_, failed_;
  double limit_moved_ = -kIntervalS;
  int failures_ = 0;
};

}  // namespace
}  // namespace wbsim

int main() {
  try {
    std::vector<wbsim::Event> events = wbsim::events_of(std::cin);
    if (events.empty()) {
      std::cout << "no events of writers at their limits\n";
      return EXIT_FAILURE;
    }
    return wbsim::Replay(std::move(events)).run() ? EXIT_SUCCESS : EXIT_FAILURE;
  } catch (const std::exception& error) {
    std::cout << error.what() << '\n';
    return EXIT_FAILURE;
  }
}
