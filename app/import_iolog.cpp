#include "app/import_iolog.hpp"

#include <set>

namespace wbsim {
namespace {

using namespace std::chrono_literals;

class IologReader {
 public:
  IologReader(Import& import, Problems& problems) : import_(import), problems_(problems) {}

  void line(std::string_view text, int number) {
    number_ = number;
    if (number == 1) {
      version_ = text == "fio version 2 iolog" ? 2 : text == "fio version 3 iolog" ? 3 : 0;
      if (version_ == 0)
        fail(shown(text) + " is neither \"fio version 2 iolog\" nor \"fio version 3 iolog\"");
      return;
    }
    std::vector<std::string_view> words = words_of(text);
    if (words.empty() || version_ == 0)
      return;
    if (version_ == 3 && !timestamp(words))
      return;
    if (words.size() == 2)
      file_action(std::string(words[0]), words[1]);
    else if (words.size() == 4)
      io_action(std::string(words[0]), words[1], words[2], words[3]);
    else
      fail(shown(text) + " is no action");
  }

 private:
  void fail(const std::string& message, const std::string& hint = {}) {
    problems_.error("line " + std::to_string(number_), message, hint);
  }

  bool timestamp(std::vector<std::string_view>& words) {
    std::int64_t us = 0;
    if (!parse_count(words.front(), us)) {
      fail(shown(words.front()) + " is no timestamp in microseconds");
      return false;
    }
    if (us * 1us < now_)
      fail("is earlier than the line above it");
    now_ = us * 1us;
    words.erase(words.begin());
    return true;
  }

  void add(const std::string& file, ReplayCall kind, std::int64_t offset, std::int64_t length) {
    ReplayOp op;
    op.kind = kind;
    op.start = now_;
    op.offset = offset;
    op.length = length;
    import_.recording.add("iolog", op, file);
  }

  void file_action(const std::string& file, std::string_view action) {
    if (action == "add")
      added_.insert(file);
    else if (action != "open" && action != "close")
      fail(shown(action) + " is no action", name_hint(action, {"add", "open", "close"}));
    else if (!added_.contains(file))
      fail(shown(file) + " was not added before");
    else
      add(file, action == "open" ? ReplayCall::kOpen : ReplayCall::kClose, 0, 0);
  }

  void io_action(const std::string& file, std::string_view action, std::string_view first,
                 std::string_view second) {
    std::int64_t offset = 0, length = 0;
    if (!parse_count(first, offset) || !parse_count(second, length)) {
      fail(shown(first) + " and " + shown(second) + " are not two whole numbers");
      return;
    }
    if (action == "wait" && version_ == 2) {
      now_ += offset * 1us;
      return;
    }
    if (!added_.contains(file)) {
      fail(shown(file) + " was not added before");
      return;
    }
    if (action == "read")
      import_.recording.existed(file, offset + length);
    if (action == "read" || action == "write")
      add(file, action == "read" ? ReplayCall::kRead : ReplayCall::kWrite, offset, length);
    else if (action == "sync" || action == "datasync")
      add(file, action == "sync" ? ReplayCall::kFsync : ReplayCall::kFdatasync, 0, 0);
    else if (action == "trim")
      fail("trim: is not modelled");
    else
      fail(shown(action) + " is no action",
           name_hint(action, {"read", "write", "sync", "datasync", "wait"}));
  }

  Import& import_;
  Problems& problems_;
  std::set<std::string> added_;
  Duration now_{};
  int version_ = 0, number_ = 0;
};

}  // namespace

void import_iolog(std::string_view text, Import& import, Problems& problems) {
  IologReader reader(import, problems);
  for_each_line(text, problems,
                [&reader](std::string_view line, int number) { reader.line(line, number); });
}

}  // namespace wbsim
