#include "app/replay_file.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <vector>

#include "models/fs/sync_file_range.hpp"

namespace wbsim {
namespace {

constexpr std::size_t kColumns = 8, kMostProblems = 20;

// In the order of ReplayCall.
const std::vector<std::string>& call_words() {
  static const std::vector<std::string> words = {"open",  "close",           "read",
                                                 "write", "fsync",           "fdatasync",
                                                 "sync",  "sync_file_range", "truncate"};
  return words;
}

struct RangeFlag {
  std::string_view word;
  std::uint8_t flag;
};
constexpr RangeFlag kRangeFlags[] = {{"wait_before", SYNC_FILE_RANGE_WAIT_BEFORE},
                                     {"write", SYNC_FILE_RANGE_WRITE},
                                     {"wait_after", SYNC_FILE_RANGE_WAIT_AFTER}};

std::string flags_text(const ReplayOp& op) {
  if (op.kind != ReplayCall::kSyncFileRange)
    return op.direct ? "direct" : "";
  std::string text;
  for (const RangeFlag& flag : kRangeFlags) {
    if ((op.range_flags & flag.flag) != 0)
      text.append(text.empty() ? "" : "+").append(flag.word);
  }
  return text;
}

class ReplayReader {
 public:
  ReplayReader(ReplayConfig& replay, Problems& problems) : replay_(replay), problems_(problems) {}

  void line(std::string_view text) {
    ++number_;
    if (text.ends_with('\r'))
      text.remove_suffix(1);
    if (text.empty())
      return;
    if (number_ == 1) {
      if (text != replay_header())
        fail(shown(text) + " is not the header " + shown(replay_header()));
      return;
    }
    split(text);
    if (count_ != kColumns) {
      fail("has " + std::to_string(count_) + " columns, not " + std::to_string(kColumns));
      return;
    }
    const std::string thread(columns_[0]);
    threads_.insert(thread);
    if (replay_.thread.value_or(thread) == thread)
      call();
  }

  void finish() {
    if (!replay_.thread && threads_.size() > 1)
      problems_.error("", "has several threads: which?",
                      name_hint("", {threads_.begin(), threads_.end()}));
    else if (replay_.thread && !threads_.contains(*replay_.thread))
      problems_.error("", "has no thread " + shown(*replay_.thread),
                      name_hint(*replay_.thread, {threads_.begin(), threads_.end()}));
    else if (replay_.ops.empty() && !problems_.any_error())
      problems_.error("", "has no call");
  }
  bool full() const { return problems_.all().size() >= kMostProblems; }

 private:
  void fail(const std::string& message, const std::string& hint = {}) {
    problems_.error("line " + std::to_string(number_), message, hint);
  }

  void split(std::string_view text) {
    count_ = 0;
    for (;;) {
      const std::size_t comma = text.find(',');
      if (count_ < kColumns)
        columns_[count_] = text.substr(0, comma);
      ++count_;
      if (comma == std::string_view::npos)
        return;
      text.remove_prefix(comma + 1);
    }
  }

  std::int64_t number(std::size_t column) {
    const std::string_view text = columns_[column];
    std::int64_t value = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (code != std::errc() || end != text.data() + text.size() || value < 0)
      fail(shown(text) + " is not a whole number");
    return value;
  }

  void call() {
    ReplayOp op;
    op.start = Duration(number(1));
    op.duration = Duration(number(2));
    const auto& words = call_words();
    const auto word = std::find(words.begin(), words.end(), columns_[3]);
    if (word == words.end()) {
      fail(shown(columns_[3]) + " is no call", name_hint(columns_[3], words));
      return;
    }
    op.kind = static_cast<ReplayCall>(word - words.begin());
    op.file = file(std::string(columns_[4]), op.kind);
    op.offset = number(5);
    op.length = number(6);
    flags(op);
    if (!replay_.ops.empty() && op.start < replay_.ops.back().start)
      fail("begins before the call above it");
    if ((op.kind == ReplayCall::kRead || op.kind == ReplayCall::kWrite) && op.length == 0)
      fail("transfers nothing");
    constexpr std::int64_t kEnd = std::int64_t{1} << 50;
    if (op.offset > kEnd || op.length > kEnd)
      fail("goes beyond 1 PiB");
    if (op.direct && (op.offset % kSectorSize != 0 || op.length % kSectorSize != 0))
      fail("direct, but not in whole sectors");
    replay_.ops.push_back(op);
  }

  void flags(ReplayOp& op) {
    std::string_view rest = columns_[7];
    while (!rest.empty()) {
      const std::string_view word = rest.substr(0, rest.find('+'));
      rest.remove_prefix(std::min(rest.size(), word.size() + 1));
      const auto* const range = std::find_if(std::begin(kRangeFlags), std::end(kRangeFlags),
                                             [word](const RangeFlag& f) { return f.word == word; });
      const bool transfers = op.kind == ReplayCall::kRead || op.kind == ReplayCall::kWrite;
      if (op.kind == ReplayCall::kSyncFileRange && range != std::end(kRangeFlags))
        op.range_flags = static_cast<std::uint8_t>(op.range_flags | range->flag);
      else if (transfers && word == "direct")
        op.direct = true;
      else
        fail(shown(word) + " is no flag of " + std::string(columns_[3]));
    }
  }

  std::uint32_t file(const std::string& name, ReplayCall kind) {
    if (kind == ReplayCall::kSync)
      return 0;
    if (name.empty())
      fail("names no file");
    const auto found = std::find(replay_.files.begin(), replay_.files.end(), name);
    const auto index = static_cast<std::uint32_t>(found - replay_.files.begin());
    if (found == replay_.files.end())
      replay_.files.push_back(name);
    return index;
  }

  ReplayConfig& replay_;
  Problems& problems_;
  std::array<std::string_view, kColumns> columns_;
  std::size_t count_ = 0;
  std::set<std::string> threads_;
  std::int64_t number_ = 0;
};

}  // namespace

std::string_view replay_header() {
  return "thread,start_ns,duration_ns,call,file,offset,length,flags";
}

std::string replay_line(std::string_view thread, const ReplayOp& op, std::string_view file) {
  std::string line(thread);
  const auto add = [&line](std::string_view column) { line.append(",").append(column); };
  add(std::to_string(op.start.count()));
  add(std::to_string(op.duration.count()));
  add(call_words()[static_cast<std::size_t>(op.kind)]);
  add(op.kind == ReplayCall::kSync ? "" : file);
  add(std::to_string(op.offset));
  add(std::to_string(op.length));
  add(flags_text(op));
  return line;
}

void read_replay(std::string_view text, ReplayConfig& replay, Problems& problems) {
  ReplayReader reader(replay, problems);
  while (!text.empty() && !reader.full()) {
    const std::size_t end = text.find('\n');
    reader.line(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  reader.finish();
}

}  // namespace wbsim
