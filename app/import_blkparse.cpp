#include "app/import_blkparse.hpp"

namespace wbsim {
namespace {

struct Event {
  std::string disk, thread;
  ReplayOp op;
};

class Reader {
 public:
  Reader(Import& import, Problems& problems) : import_(import), problems_(problems) {}

  // "8,0 3 1 0.000000000 100 Q W 102048 + 256 [dd]"
  void line(std::string_view text, int number) {
    const std::vector<std::string_view> words = words_of(text);
    if (words.size() < 7 || words[0].find(',') == std::string_view::npos)
      return;  // the summary, and messages
    const std::string_view action = words[5];
    if (action != "Q" && action != "D")
      return;
    number_ = number;
    const std::string_view rwbs = words[6];
    if (rwbs.find('D') != std::string_view::npos) {
      fail("discards are not modelled");
      return;
    }
    const bool writes = rwbs.find('W') != std::string_view::npos;
    Event event;
    std::int64_t sector = 0, sectors = 0;
    if (words.size() < 10 || words[8] != "+" || !parse_count(words[7], sector) ||
        !parse_count(words[9], sectors) || sectors == 0 ||
        (!writes && rwbs.find('R') == std::string_view::npos)) {
      ++without_data_;
      return;
    }
    if (!parse_seconds(words[3], event.op.start)) {
      fail(shown(words[3]) + " is no time");
      return;
    }
    constexpr std::int64_t kMostSectors = std::int64_t{1} << 40;
    if (sector > kMostSectors || sectors > kMostSectors) {
      fail("is beyond any disk");
      return;
    }
    event.op.kind = writes ? ReplayCall::kWrite : ReplayCall::kRead;
    event.op.direct = true;
    event.op.offset = sector * kSectorSize;
    event.op.length = sectors * kSectorSize;
    event.disk = disk_name(words[0]);
    event.thread = thread_name(text, words[4]);
    (action == "Q" ? queued_ : dispatched_).push_back(std::move(event));
  }

  void finish() {
    const std::vector<Event>& events = queued_.empty() ? dispatched_ : queued_;
    if (events.empty() && !problems_.any_error())
      problems_.error("", "has no Q and no D event", "blkparse prints them by default");
    for (const Event& event : events)
      import_.recording.add_to_disk(event.thread, event.op, event.disk);
    if (without_data_ > 0)
      import_.passed_over.push_back(std::to_string(without_data_) + " requests without data");
  }

 private:
  void fail(const std::string& message) {
    problems_.error("line " + std::to_string(number_), message);
  }

  // 8,0 is sda; disks of other majors are named after their numbers.
  static std::string disk_name(std::string_view device) {
    const std::size_t comma = device.find(',');
    std::int64_t major = 0, minor = 0;
    const bool numbers =
        parse_count(device.substr(0, comma), major) && parse_count(device.substr(comma + 1), minor);
    if (numbers && major == 8 && minor < 16 * 16)
      return std::string("sd") + static_cast<char>('a' + minor / 16);
    return scenario_name("disk" + std::string(device));
  }

  static std::string thread_name(std::string_view line, std::string_view pid) {
    const std::size_t from = line.rfind('['), to = line.rfind(']');
    if (from == std::string_view::npos || to == std::string_view::npos || to <= from + 1)
      return "pid-" + std::string(pid);
    return scenario_name(line.substr(from + 1, to - from - 1)) + "-" + std::string(pid);
  }

  Import& import_;
  Problems& problems_;
  std::vector<Event> queued_, dispatched_;
  std::int64_t without_data_ = 0;
  int number_ = 0;
};

}  // namespace

void import_blkparse(std::string_view text, Import& import, Problems& problems) {
  Reader reader(import, problems);
  for_each_line(text, problems,
                [&reader](std::string_view line, int number) { reader.line(line, number); });
  reader.finish();
}

}  // namespace wbsim
