#include "models/scenario.hpp"

#include <algorithm>

namespace wbsim {

std::vector<std::string> written_files(const Scenario& scenario) {
  std::vector<std::string> files;
  for (const JobConfig& job : scenario.jobs) {
    const bool writes = job.rw == JobKind::kWrite || job.rw == JobKind::kRandWrite;
    if (writes && std::find(files.begin(), files.end(), job.filename) == files.end())
      files.push_back(job.filename);
  }
  return files;
}

}  // namespace wbsim
