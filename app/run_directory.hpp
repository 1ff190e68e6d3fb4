// An output directory that appears under its name only when it is complete.
#pragma once

#include <filesystem>
#include <string>

namespace wbsim {

class RunDirectory {
 public:
  // Creates NAME.partial. Throws OutputError when NAME exists, unless it is empty, or holds an
  // earlier output of this program and `replace` is set.
  RunDirectory(const std::string& name, bool replace);
  // Removes what was not committed.
  ~RunDirectory();
  RunDirectory(const RunDirectory&) = delete;
  RunDirectory& operator=(const RunDirectory&) = delete;

  // Where to write until commit().
  const std::filesystem::path& path() const { return partial_; }
  void commit();

 private:
  std::filesystem::path final_;
  std::filesystem::path partial_;
  bool open_ = false;
};

}  // namespace wbsim
