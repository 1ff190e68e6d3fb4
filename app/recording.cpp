#include "app/recording.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "app/replay_file.hpp"

namespace wbsim {

void Recording::add_call(const std::string& thread, const ReplayOp& op, const std::string& key,
                         bool disk) {
  threads_[thread].push_back({op, key});
  if (op.kind == ReplayCall::kSync)
    return;
  File& file = files_[key];
  file.disk = disk;
  if (op.kind == ReplayCall::kRead || op.kind == ReplayCall::kWrite)
    file.end = std::max(file.end, op.offset + op.length);
}

void Recording::add(const std::string& thread, const ReplayOp& op, const std::string& host_path) {
  add_call(thread, op, host_path, false);
}

void Recording::add_to_disk(const std::string& thread, const ReplayOp& op,
                            const std::string& disk) {
  add_call(thread, op, disk, true);
}

void Recording::existed(const std::string& host_path, std::int64_t bytes) {
  File& file = files_[host_path];
  file.before = std::max(file.before, bytes);
  file.end = std::max(file.end, bytes);
}

std::string Recording::finish(ScenarioDraft& draft, const std::string& file_name,
                              const std::string& pace) const {
  std::map<std::string, std::string> words;
  for (const auto& [key, file] : files_)
    words[key] = file.disk         ? draft.device(key, file.end)
                 : file.before > 0 ? draft.file(key, file.end)
                                   : draft.growing_file(key, file.end);
  Duration first = Duration::max();
  for (const auto& [thread, calls] : threads_)
    first = std::min(first, calls.front().op.start);
  std::string text(replay_header());
  text += "\n";
  for (const auto& [thread, calls] : threads_) {
    for (Call call : calls) {
      call.op.start -= first;
      text += replay_line(thread, call.op, words[call.file]) + "\n";
    }
    draft.add_replay({{"name", draft.workload_name(thread)},
                      {"file", file_name},
                      {"thread", thread},
                      {"pace", pace}});
  }
  return text;
}

}  // namespace wbsim
