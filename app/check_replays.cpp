#include <map>
#include <set>

#include "app/scenario_check.hpp"
#include "app/units_parse.hpp"

namespace wbsim {
namespace {

// What a replay can name, with the most bytes it can have.
std::map<std::string, std::int64_t> replay_targets(const Scenario& s) {
  std::map<std::string, std::int64_t> targets;
  for (const DeviceConfig& d : s.devices) {
    targets["/dev/" + d.name] = d.capacity.count();
    for (const PartitionConfig& p : d.partitions)
      targets["/dev/" + p.name] = to_bytes(p.length).count();
  }
  std::set<std::string> mounted;
  for (const FilesystemConfig& fs : s.filesystems) {
    mounted.insert("/dev/" + fs.device);
    const auto device = targets.find("/dev/" + fs.device);
    const std::int64_t room = device == targets.end() ? 0 : device->second;
    for (const FileConfig& f : fs.files)
      targets[fs.name + "/" + f.name] = f.size.count() > 0 ? f.size.count() : room;
  }
  for (const std::string& device : mounted)
    targets.erase(device);
  return targets;
}

void check_replay(const ReplayConfig& replay, const std::map<std::string, std::int64_t>& targets,
                  const std::string& at, Problems& problems) {
  std::vector<std::string> names;
  for (const auto& [name, limit] : targets)
    names.push_back(name);
  std::vector<std::int64_t> ends(replay.files.size());
  bool cached = true;
  for (const ReplayOp& op : replay.ops) {
    if (op.kind != ReplayCall::kSync && op.kind != ReplayCall::kSyncFileRange)
      ends[op.file] = std::max(ends[op.file], op.offset + op.length);
    cached = cached && (op.direct || op.offset + op.length <= kMostCached);
  }
  if (!cached)
    problems.error(at, "goes beyond what the page cache numbers of a file, less than 16TiB");
  for (std::size_t i = 0; i < replay.files.size(); ++i) {
    const auto target = targets.find(replay.files[i]);
    if (target == targets.end())
      problems.error(at, shown(replay.files[i]) + " is no file and no free device of this scenario",
                     name_hint(replay.files[i], names));
    else if (ends[i] > target->second)
      problems.error(at, "goes beyond the end of " + shown(replay.files[i]) + ", " +
                             size_text(target->second));
  }
}

}  // namespace

void check_replays(const Scenario& s, Problems& problems) {
  if (s.jobs.empty() && s.replays.empty())
    problems.error("/workloads", "is missing", "or replays");
  const bool known = problems.usable_below("/devices", "name") &&
                     problems.usable_below("/filesystems", "name") &&
                     problems.usable_below("/devices", "capacity") &&
                     problems.usable_below("/filesystems", "size");
  const std::map<std::string, std::int64_t> targets = replay_targets(s);
  for (std::size_t i = 0; known && i < s.replays.size(); ++i)
    check_replay(s.replays[i], targets, child("/replays", i) + "/file", problems);
}

}  // namespace wbsim
