#include "app/import_strace.hpp"

#include <algorithm>
#include <memory>
#include <set>

#include "app/strace_line.hpp"
#include "models/fs/sync_file_range.hpp"

namespace wbsim {
namespace {

struct OpenFile {
  std::string path;
  std::int64_t position = 0;
  bool append = false, direct = false;
};
using FdTable = std::map<std::int64_t, std::shared_ptr<OpenFile>>;

// Not on the disk that is simulated, or in memory on every machine that runs.
constexpr const char* kPassedOver[] = {"/proc/", "/sys/", "/dev/", "/usr/", "/lib",
                                       "/etc/",  "/bin/", "/run/", "/sbin/"};

bool contains(const std::string& text, std::string_view word) {
  return text.find(word) != std::string::npos;
}

std::string unquoted(const std::string& text) {
  return text.size() >= 2 && text.front() == '"' ? text.substr(1, text.rfind('"') - 1) : text;
}

class StraceImporter {
 public:
  StraceImporter(Import& import, Problems& problems) : import_(import), problems_(problems) {}

  void line(std::string_view text, int number) {
    number_ = number;
    const std::optional<StraceCall> call = lines_.line(text, number, problems_);
    if (!call || call->result < 0)
      return;  // a call that failed did nothing
    call_ = &*call;
    dispatch();
  }

  void finish() {
    if (passed_over_ > 0)
      import_.passed_over.push_back(std::to_string(passed_over_) +
                                    " files of the system (/usr, /etc, /dev, /proc, ...)");
  }

 private:
  struct Handler {
    const char* name;
    void (StraceImporter::*run)();
  };

  void dispatch() {
    static constexpr Handler kHandlers[] = {
        {"open", &StraceImporter::open},
        {"openat", &StraceImporter::open},
        {"creat", &StraceImporter::open},
        {"close", &StraceImporter::close},
        {"dup", &StraceImporter::dup},
        {"dup2", &StraceImporter::dup},
        {"dup3", &StraceImporter::dup},
        {"fcntl", &StraceImporter::fcntl},
        {"lseek", &StraceImporter::lseek},
        {"read", &StraceImporter::transfer},
        {"write", &StraceImporter::transfer},
        {"readv", &StraceImporter::transfer},
        {"writev", &StraceImporter::transfer},
        {"pread64", &StraceImporter::transfer_at},
        {"pwrite64", &StraceImporter::transfer_at},
        {"pread", &StraceImporter::transfer_at},
        {"pwrite", &StraceImporter::transfer_at},
        {"fsync", &StraceImporter::sync_file},
        {"fdatasync", &StraceImporter::sync_file},
        {"sync_file_range", &StraceImporter::sync_range},
        {"sync", &StraceImporter::sync},
        {"ftruncate", &StraceImporter::truncate},
        {"fork", &StraceImporter::fork},
        {"vfork", &StraceImporter::fork},
        {"clone", &StraceImporter::fork},
        {"clone3", &StraceImporter::fork},
        {"mmap", &StraceImporter::mmap},
    };
    static constexpr const char* kRefused[] = {
        "preadv",         "pwritev",   "preadv2",         "pwritev2",        "sendfile",
        "splice",         "fallocate", "copy_file_range", "io_submit",       "io_uring_setup",
        "io_uring_enter", "syncfs",    "msync",           "sync_file_range2"};
    for (const Handler& handler : kHandlers) {
      if (call_->name == handler.name)
        return (this->*handler.run)();
    }
    const auto* const refused = std::find(std::begin(kRefused), std::end(kRefused), call_->name);
    const bool by_fd = !call_->name.starts_with("io_") && call_->name != "msync";
    if (refused != std::end(kRefused) && (!by_fd || any_known_fd()))
      fail(call_->name + ": is not modelled");
  }

  void fail(const std::string& message) {
    problems_.error("line " + std::to_string(number_), message);
  }

  FdTable& fds() {
    std::shared_ptr<FdTable>& table = tables_[call_->pid];
    if (!table) {  // a child may speak before the call that made it has returned
      const auto parent = tables_.find(lines_.forking());
      table = std::make_shared<FdTable>(parent == tables_.end() ? FdTable{} : *parent->second);
    }
    return *table;
  }
  std::string argument(std::size_t i) const {
    return i < call_->arguments.size() ? call_->arguments[i] : "";
  }
  // Descriptors may carry a path, as "3</data/log>" with -y.
  std::int64_t number(std::size_t i) const {
    const std::string text = argument(i);
    std::int64_t value = -1;
    return parse_count(text.substr(0, text.find('<')), value) ? value : -1;
  }
  OpenFile* file(std::size_t i) {
    const auto found = fds().find(number(i));
    return found == fds().end() ? nullptr : found->second.get();
  }
  bool any_known_fd() {
    for (std::size_t i = 0; i < call_->arguments.size(); ++i) {
      if (file(i) != nullptr)
        return true;
    }
    return false;
  }

  void add(ReplayCall kind, const OpenFile& file, std::int64_t offset, std::int64_t length,
           std::uint8_t range_flags = 0) {
    ReplayOp op;
    op.kind = kind;
    op.start = call_->start;
    op.duration = call_->duration;
    op.offset = offset;
    op.length = length;
    op.range_flags = range_flags;
    op.direct = file.direct && (kind == ReplayCall::kRead || kind == ReplayCall::kWrite);
    import_.recording.add("pid-" + call_->pid, op, file.path);
  }

  void open() {
    fds().erase(call_->result);
    const bool at = call_->name == "openat";
    const std::string path = unquoted(argument(at ? 1 : 0));
    const std::string flags =
        call_->name == "creat" ? "O_CREAT|O_WRONLY|O_TRUNC" : argument(at ? 2 : 1);
    const bool system = std::any_of(std::begin(kPassedOver), std::end(kPassedOver),
                                    [&path](const char* p) { return path.starts_with(p); });
    if (system || contains(flags, "O_DIRECTORY") || contains(flags, "O_PATH")) {
      passed_over_ += system && seen_system_.insert(path).second ? 1 : 0;
      return;
    }
    if (contains(flags, "O_SYNC") || contains(flags, "O_DSYNC"))
      fail("O_SYNC: is not modelled");
    auto opened = std::make_shared<OpenFile>();
    opened->path = path;
    opened->append = contains(flags, "O_APPEND");
    opened->direct = contains(flags, "O_DIRECT");
    add(ReplayCall::kOpen, *opened, 0, 0);
    if (contains(flags, "O_TRUNC")) {
      if (sizes_.contains(path))
        add(ReplayCall::kTruncate, *opened, 0, 0);
      sizes_[path] = 0;
    }
    fds()[call_->result] = std::move(opened);
  }

  void close() {
    if (const OpenFile* closed = file(0))
      add(ReplayCall::kClose, *closed, 0, 0);
    fds().erase(number(0));
  }

  void copy_fd(std::int64_t to) {
    const auto from = fds().find(number(0));
    if (from == fds().end())
      fds().erase(to);
    else
      fds()[to] = from->second;
  }
  void dup() { copy_fd(call_->result); }
  void fcntl() {
    if (argument(1).starts_with("F_DUPFD"))
      copy_fd(call_->result);
  }

  void lseek() {
    OpenFile* moved = file(0);
    if (moved == nullptr)
      return;
    moved->position = call_->result;
    if (argument(2) == "SEEK_END" && number(1) == 0)
      grow(moved->path, call_->result, true);
  }

  // What the recording shows of a file's size; `before`: it must have had this from the start.
  void grow(const std::string& path, std::int64_t end, bool before) {
    std::int64_t& size = sizes_[path];
    if (before && end > size)
      import_.recording.existed(path, end);
    size = std::max(size, end);
  }

  void move_data(const OpenFile& moved, std::int64_t offset) {
    const bool writes = contains(call_->name, "write");
    const std::int64_t length = call_->result;
    if (length == 0)
      return;
    grow(moved.path, offset + length, !writes);
    add(writes ? ReplayCall::kWrite : ReplayCall::kRead, moved, offset, length);
  }

  void transfer() {
    OpenFile* moved = file(0);
    if (moved == nullptr)
      return;
    if (moved->append && contains(call_->name, "write"))
      moved->position = sizes_[moved->path];
    move_data(*moved, moved->position);
    moved->position += call_->result;
  }

  void transfer_at() {
    if (const OpenFile* moved = file(0))
      move_data(*moved, number(call_->arguments.size() - 1));
  }

  void sync_file() {
    if (const OpenFile* synced = file(0))
      add(call_->name == "fsync" ? ReplayCall::kFsync : ReplayCall::kFdatasync, *synced, 0, 0);
  }

  void sync_range() {
    const OpenFile* synced = file(0);
    if (synced == nullptr)
      return;
    int flags = 0;
    flags |= contains(argument(3), "WAIT_BEFORE") ? SYNC_FILE_RANGE_WAIT_BEFORE : 0;
    flags |= contains(argument(3), "RANGE_WRITE") ? SYNC_FILE_RANGE_WRITE : 0;
    flags |= contains(argument(3), "WAIT_AFTER") ? SYNC_FILE_RANGE_WAIT_AFTER : 0;
    add(ReplayCall::kSyncFileRange, *synced, number(1), number(2),
        static_cast<std::uint8_t>(flags));
  }

  void sync() { add(ReplayCall::kSync, OpenFile{}, 0, 0); }

  void truncate() {
    const OpenFile* cut = file(0);
    if (cut == nullptr)
      return;
    const std::int64_t length = number(1);
    std::int64_t& size = sizes_[cut->path];
    if (length < size)
      add(ReplayCall::kTruncate, *cut, 0, length);
    size = length;
  }

  void fork() {
    const std::shared_ptr<FdTable>& mine = (fds(), tables_[call_->pid]);
    const bool shares =
        std::any_of(call_->arguments.begin(), call_->arguments.end(),
                    [](const std::string& argument) { return contains(argument, "CLONE_FILES"); });
    std::shared_ptr<FdTable>& its = tables_[std::to_string(call_->result)];
    if (shares)
      its = mine;
    else if (!its)
      its = std::make_shared<FdTable>(*mine);
  }

  void mmap() {
    if (contains(argument(3), "MAP_SHARED") && contains(argument(2), "PROT_WRITE") &&
        file(4) != nullptr)
      fail("mmap: what is written through a shared mapping cannot be seen");
  }

  Import& import_;
  Problems& problems_;
  StraceReader lines_;
  const StraceCall* call_ = nullptr;
  std::map<std::string, std::shared_ptr<FdTable>> tables_;  // by pid
  std::map<std::string, std::int64_t> sizes_;
  std::set<std::string> seen_system_;
  std::int64_t passed_over_ = 0;
  int number_ = 0;
};

}  // namespace

void import_strace(std::string_view text, Import& import, Problems& problems) {
  StraceImporter reader(import, problems);
  for_each_line(text, problems,
                [&reader](std::string_view line, int number) { reader.line(line, number); });
  reader.finish();
}

}  // namespace wbsim
