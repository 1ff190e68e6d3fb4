#include "app/run_directory.hpp"

#include <system_error>

#include "app/errors.hpp"

namespace wbsim {
namespace {

namespace fs = std::filesystem;

fs::path with_suffix(const fs::path& path, const char* suffix) {
  fs::path result = path;
  result += suffix;
  return result;
}

void throw_on(const std::error_code& error, const std::string& what) {
  if (error)
    throw OutputError(what + ": " + error.message());
}

void check_replaceable(const fs::path& path, bool replace) {
  std::error_code error;
  const fs::file_status status = fs::symlink_status(path, error);
  if (status.type() == fs::file_type::not_found)
    return;
  if (status.type() != fs::file_type::directory)
    throw OutputError("cannot write " + path.string() + ": it exists and is not a directory");
  const bool empty = fs::is_empty(path, error);
  throw_on(error, "cannot read " + path.string());
  if (empty)
    return;
  if (!fs::exists(path / "manifest.json", error) && !fs::exists(path / "compare.json", error))
    throw OutputError("cannot write " + path.string() +
                      ": it exists and is no output of wbsim; choose another --out");
  if (!replace)
    throw OutputError("cannot write " + path.string() + ": it exists; --force replaces it");
}

}  // namespace

RunDirectory::RunDirectory(const std::string& name, bool replace) {
  final_ = fs::path(name).lexically_normal();
  if (!final_.has_filename())
    final_ = final_.parent_path();
  if (final_.empty() || final_.filename() == "." || final_.filename() == "..")
    throw OutputError("cannot write \"" + name + "\": not the name of a new directory");
  partial_ = with_suffix(final_, ".partial");
  check_replaceable(final_, replace);
  std::error_code error;
  if (fs::exists(fs::symlink_status(partial_, error))) {
    if (!replace)
      throw OutputError("cannot write " + partial_.string() +
                        ": it exists, so another run writes it or was killed; --force removes it");
    fs::remove_all(partial_, error);
    throw_on(error, "cannot remove " + partial_.string());
  }
  if (final_.has_parent_path()) {
    fs::create_directories(final_.parent_path(), error);
    throw_on(error, "cannot create " + final_.parent_path().string());
  }
  fs::create_directory(partial_, error);
  throw_on(error, "cannot create " + partial_.string());
  open_ = true;
}

RunDirectory::~RunDirectory() {
  std::error_code ignored;
  if (open_)
    fs::remove_all(partial_, ignored);
}

void RunDirectory::commit() {
  std::error_code error;
  const fs::path replaced = with_suffix(final_, ".replaced");
  const bool had_one = fs::is_directory(final_, error) && !fs::is_empty(final_, error);
  if (had_one) {
    fs::remove_all(replaced, error);
    fs::rename(final_, replaced, error);
    throw_on(error, "cannot replace " + final_.string());
  }
  fs::rename(partial_, final_, error);
  throw_on(error, "cannot rename " + partial_.string() + " to " + final_.string());
  open_ = false;
  if (had_one)
    fs::remove_all(replaced, error);
}

}  // namespace wbsim
