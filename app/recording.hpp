// Calls that were recorded elsewhere, on their way to a replay file and the scenario around it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "app/scenario_draft.hpp"
#include "models/scenario.hpp"

namespace wbsim {

class Recording {
 public:
  // Of a regular file of the host. Times are since any moment all threads share.
  void add(const std::string& thread, const ReplayOp& op, const std::string& host_path);
  // Of a disk, by its name in /dev.
  void add_to_disk(const std::string& thread, const ReplayOp& op, const std::string& disk);
  // The file had at least so many bytes before the recording began.
  void existed(const std::string& host_path, std::int64_t bytes);
  bool empty() const { return threads_.empty(); }

  // Puts the files and a replay for each thread into the draft. Returns the text of the replay
  // file, which the draft calls `file_name`.
  std::string finish(ScenarioDraft& draft, const std::string& file_name,
                     const std::string& pace) const;

 private:
  struct File {
    bool disk = false;
    std::int64_t before = 0;  // bytes it had
    std::int64_t end = 0;     // bytes it came to have, or of a disk that were reached
  };
  struct Call {
    ReplayOp op;
    std::string file;
  };
  void add_call(const std::string& thread, const ReplayOp& op, const std::string& key, bool disk);

  std::map<std::string, std::vector<Call>> threads_;
  std::map<std::string, File> files_;
};

}  // namespace wbsim
