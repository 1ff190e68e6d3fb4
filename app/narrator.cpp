#include "app/narrator.hpp"

#include <algorithm>
#include <iterator>

#include "app/number_text.hpp"
#include "app/stop.hpp"
#include "app/summary_json.hpp"
#include "app/text_line.hpp"
#include "models/fs/buffer_head.hpp"
#include "models/fs/inode.hpp"
#include "models/kernel.hpp"

namespace wbsim {
namespace {

constexpr int kTimeWidth = 11, kWhoWidth = 14;
constexpr std::size_t kWidth = 100;

struct Letter {
  BufferState bit;
  char letter;
};
constexpr Letter kLetters[] = {{BH_Uptodate, 'U'},  {BH_Dirty, 'D'},      {BH_Mapped, 'M'},
                               {BH_New, 'N'},       {BH_Lock, 'L'},       {BH_Async_Write, 'A'},
                               {BH_Req, 'R'},       {BH_Async_Read, 'a'}, {BH_Delay, 'Y'},
                               {BH_Unwritten, 'W'}, {BH_Write_EIO, 'E'}};
constexpr const char* kKey =
    "Buffers: U Uptodate, D Dirty, M Mapped (@ its block), L Lock, A Async_Write, R Req (submitted "
    "once),\n         N New, E Write_EIO\n";

std::string seconds_text(Duration time) {
  TextLine line;
  line.decimal(time.count() / 1000, 6);
  return line.str();
}

// "0.3ms", "12.0us", "30.2s".
std::string span_text(Duration time) {
  const std::int64_t ns = time.count();
  TextLine line;
  if (ns >= 1'000'000'000)
    line.decimal(ns / 100'000'000, 1).text("s");
  else if (ns >= 1'000'000)
    line.decimal(ns / 100'000, 1).text("ms");
  else
    line.decimal(ns / 100, 1).text("us");
  return line.str();
}

// "buffer 0", "buffers 0, 2 and 3".
std::string buffers_text(const std::vector<std::size_t>& numbers) {
  std::string words = numbers.size() == 1 ? "buffer " : "buffers ";
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (i > 0)
      words += i + 1 == numbers.size() ? " and " : ", ";
    words += std::to_string(numbers[i]);
  }
  return words;
}

template <class Test>
std::vector<std::size_t> which(std::span<const BufferView> buffers, Test&& test) {
  std::vector<std::size_t> numbers;
  for (std::size_t i = 0; i < buffers.size(); ++i)
    if (test(i))
      numbers.push_back(i);
  return numbers;
}

}  // namespace

Narrator::Narrator(const Scenario& scenario, const std::string& description)
    : scenario_(scenario),
      version_(kernel_version(scenario.kernel.preset)),
      tasks_(scenario),
      ticks_(scenario.kernel.hz),
      writers_(writer_names(scenario)),
      maps_(writers_.size(), false) {
  std::size_t writer = 0;
  for (const JobConfig& job : scenario.jobs)
    for (int clone = 0; clone < job.numjobs; ++clone)
      maps_[writer++] = job.ioengine == IoEngine::kMmap;
  for (const DeviceConfig& device : scenario.devices) {
    block_devices_.push_back("/dev/" + device.name);
    for (const PartitionConfig& partition : device.partitions)
      block_devices_.push_back("/dev/" + partition.name);
  }
  put_words("", scenario.name + " on " + scenario.kernel.preset +
                    (description.empty() ? "" : ": " + description));
  put_line("");
}

std::string Narrator::text() const {
  const bool tells_pages = !find_kernel(scenario_.kernel.preset)->buffer_cache;
  return tells_pages ? text_ + "\n" + kKey : text_;
}

void Narrator::put_line(const std::string& line) {
  if (++lines_ == kMostLines + 1)
    request_stop();
  if (lines_ <= kMostLines)
    text_ += line + "\n";
}

// Words that do not fit the line go on below each other.
void Narrator::put_words(std::string head, std::string_view words) {
  const std::size_t indent = head.size(), room = kWidth - indent;
  while (words.size() > room) {
    const std::size_t end = words.rfind(' ', room);
    put_line(head.append(words.substr(0, words.find_last_not_of(' ', end) + 1)));
    words.remove_prefix(words.find_first_not_of(' ', end));
    head.assign(indent, ' ');
  }
  put_line(head.append(words));
}

void Narrator::say(Duration time, std::string_view thread, const std::string& words) {
  last_ = time;
  TextLine head;
  head.right(seconds_text(time), kTimeWidth).text("  ");
  const bool numbered = thread.substr(0, 7) == "pdflush";
  const std::string_view nobody = time < Duration(0) ? "boot" : "interrupt";
  head.left(thread.empty() ? nobody : numbered ? thread : tasks_.of(thread).comm, kWhoWidth);
  put_words(head.str(), words);
}

std::string Narrator::name(const InodeName& inode) const {
  if (inode.block_device)
    return inode.ino <= block_devices_.size() ? block_devices_[inode.ino - 1] : "a device";
  const DeviceConfig& device = scenario_.devices[static_cast<std::size_t>(inode.bdi)];
  const auto on_it = [&device](const FilesystemConfig& fs) {
    return fs.device == device.name ||
           std::any_of(device.partitions.begin(), device.partitions.end(),
                       [&fs](const PartitionConfig& part) { return part.name == fs.device; });
  };
  const auto& all = scenario_.filesystems;
  const auto fs = std::find_if(all.begin(), all.end(), on_it);
  const bool one = fs != all.end() && std::none_of(std::next(fs), all.end(), on_it);
  if (one && inode.ino < fs->files.size())
    return fs->name + "/" + fs->files[inode.ino].name;
  if (fs == all.end() && inode.ino > 0 && inode.ino <= block_devices_.size())
    return "the node " + block_devices_[inode.ino - 1];
  return "inode " + std::to_string(inode.ino) + " of " + device.name;
}

std::string Narrator::name(const PageName& page) const {
  return "page " + std::to_string(page.index) + " of " + name(page.inode);
}

// Up to 2.6.31 a super block has them, then a device.
std::string Narrator::list_name(std::string_view list) const {
  return (version_ < KernelVersion{2, 6, 32} ? "s_" : "b_") + std::string(list);
}

void Narrator::call(const char* what, const CallRecord& call) {
  const auto writer = static_cast<std::size_t>(call.writer);
  say(call.start + call.latency, writers_[writer],
      (maps_[writer] ? "access through mmap" : what) +
          (call.failed ? "" : " of " + count_text(call.bytes.count(), "byte")) + " at " +
          std::to_string(call.offset) + (call.failed ? " fails after " : " returns after ") +
          span_text(call.latency));
}

void Narrator::on_write(const CallRecord& record) {
  call("write", record);
}

void Narrator::on_read(const CallRecord& record) {
  call("read", record);
}

void Narrator::on_fsync(const FsyncRecord& record) {
  say(record.fsync_start + record.latency, writers_[static_cast<std::size_t>(record.writer)],
      "fsync returns after " + span_text(record.latency));
}

void Narrator::on_request(const RequestRecord& request) {
  const std::string& device = scenario_.devices[static_cast<std::size_t>(request.device)].name;
  say(request.completed, "",
      device + (request.write ? " has written " : " has read ") +
          count_text(request.sectors.count(), "sector") + " at " +
          std::to_string(request.sector.count()) + ": " +
          span_text(request.started - request.queued) + " in the queue, " +
          span_text(request.completed - request.started) + " on the device");
}

std::string Narrator::row(std::span<const BufferView> buffers) {
  std::string words;
  for (std::size_t i = 0; i < buffers.size(); ++i) {
    std::string flags;
    for (const Letter& l : kLetters)
      if ((buffers[i].state & l.bit) != 0)
        flags += l.letter;
    words += (i > 0 ? "  " : "") + std::to_string(i) + ":" + (flags.empty() ? "-" : flags);
    if (buffers[i].block >= 0)
      words += "@" + std::to_string(buffers[i].block);
  }
  return words;
}

void Narrator::on_page(const PageEvent& e) {
  using What = PageEvent::What;
  const PageName page{{e.bdi, e.ino, e.block_device}, e.index};
  const std::string buffers = e.buffers.empty() ? "no buffers" : row(e.buffers);
  switch (e.what) {
    case What::kDirtied:
      return say(e.time, e.thread, name(page) + " becomes dirty: " + buffers);
    case What::kTaken:
      in_work_[page].assign(e.buffers.begin(), e.buffers.end());
      return say(e.time, e.thread,
                 "takes " + name(page) + ", locked, no longer PG_dirty: " + buffers);
    case What::kMpage:
      return say(e.time, e.thread,
                 "puts its dirty blocks into one bio, and so cleans them: " + buffers);
    case What::kMapped:
    case What::kMarked:
    case What::kSubmitted:
      return pass(e, page);
    case What::kOutside:
      return say(e.time, e.thread,
                 name(page) + " lies past the end of its file: it is not written");
    case What::kWait:
      return say(e.time, e.thread, "sleeps until " + name(page) + " has been written");
    case What::kWritten:
      return say(e.time, e.thread, name(page) + " is written: " + buffers);
  }
}

void Narrator::pass(const PageEvent& e, const PageName& page) {
  Buffers& before = in_work_[page];
  std::string words;
  if (before.empty() && e.what == PageEvent::What::kMapped) {
    say(e.time, e.thread, "gives it buffers, all Dirty and Uptodate");
    before.assign(e.buffers.size(), {-1, BH_Dirty | BH_Uptodate});
  }
  if (e.what == PageEvent::What::kMapped)
    words = pass_1(before, e);
  else if (e.what == PageEvent::What::kMarked)
    words = pass_2(before, e);
  else
    words = pass_3(e);
  say(e.time, e.thread, words + ":");
  say(e.time, e.thread, row(e.buffers));
  before.assign(e.buffers.begin(), e.buffers.end());
}

std::string Narrator::pass_1(const Buffers& before, const PageEvent& e) {
  const auto is = [&](std::size_t i, unsigned bit) { return (e.buffers[i].state & bit) != 0; };
  const auto was = [&](std::size_t i, unsigned bit) { return (before[i].state & bit) != 0; };
  const auto mapped =
      which(e.buffers, [&](std::size_t i) { return is(i, BH_Mapped) && !was(i, BH_Mapped); });
  const auto past = which(e.buffers, [&](std::size_t i) {
    return (was(i, BH_Dirty) && !is(i, BH_Dirty)) || (!was(i, BH_Uptodate) && is(i, BH_Uptodate));
  });
  std::string words = "pass 1 ";
  if (!mapped.empty())
    words += "maps " + buffers_text(mapped) + ", which had no block";
  if (!past.empty())
    words += std::string(mapped.empty() ? "finds nothing to map" : "") + "; " + buffers_text(past) +
             ", past the end of the file, " + (past.size() == 1 ? "is" : "are") +
             " clean and uptodate now";
  return mapped.empty() && past.empty() ? words + "finds nothing to map" : words;
}

std::string Narrator::pass_2(const Buffers& before, const PageEvent& e) {
  const auto marked =
      which(e.buffers, [&](std::size_t i) { return (e.buffers[i].state & BH_Async_Write) != 0; });
  const auto busy = which(e.buffers, [&](std::size_t i) {
    return (e.buffers[i].state & BH_Async_Write) == 0 && (before[i].state & BH_Lock) != 0;
  });
  std::string words = "pass 2 ";
  if ((e.flags & PG_error) != 0)
    words += "has got no block for all of them (PG_error, their data is lost), and ";
  words += marked.empty() ? "finds nothing to write" : "locks and marks " + buffers_text(marked);
  if (!busy.empty())
    words += "; " + buffers_text(busy) + " is locked by another write, so the page is dirty again";
  return words + "; PG_writeback is set";
}

std::string Narrator::pass_3(const PageEvent& e) {
  const auto sent =
      which(e.buffers, [&](std::size_t i) { return (e.buffers[i].state & BH_Async_Write) != 0; });
  return "pass 3 " + (sent.empty() ? "has nothing to submit" : "submits " + buffers_text(sent)) +
         "; the page is unlocked";
}

std::string Narrator::inodes(std::span<const DirtyInodeView> list, Duration now) const {
  const TimePoint at(scenario_.run.uptime_at_start + now);
  std::string words;
  for (const DirtyInodeView& inode : list) {
    const Jiffies age = ticks_.jiffies_at(at) - inode.dirtied_when;
    words += (words.empty() ? "" : ", ") +
             name(InodeName{inode.bdi, inode.ino, inode.block_device}) + " (" +
             span_text(ticks_.tick() * age.count()) + ")";
  }
  return words.empty() ? "nothing" : words;
}

void Narrator::on_writeback_queue_io(const WritebackQueueIoEvent& e) {
  if (e.io.empty() && e.dirty.empty())
    return;
  const std::string what =
      e.reason == WriteReason::kPeriodic
          ? "wants what is dirty for " + span_text(std::chrono::milliseconds(e.age)) + ": "
          : "wants every dirty inode: ";
  const std::string left =
      e.dirty.empty() ? "" : "; leaves " + inodes(e.dirty, e.time) + " on " + list_name("dirty");
  say(e.time, e.thread, what + inodes(e.io, e.time) + left);
}

void Narrator::on_writeback_single_inode(const WritebackSingleInodeEvent& e) {
  if (!e.start)
    wrote_[{e.bdi, e.ino, false}] = e.wrote;
}

void Narrator::on_buffer_cache(const BufferCacheEvent& e) {
  using What = BufferCacheEvent::What;
  const bool free_lists = version_ < KernelVersion{2, 4, 10};
  const std::string list(e.list);
  const std::string there = " (" + count_text(e.on_list, "buffer") + " there)";
  const std::string block = "block " + std::to_string(e.block) + " of " +
                            scenario_.devices[static_cast<std::size_t>(e.bdi)].name;
  const std::string free = free_lists ? "; " + count_text(e.free, "buffer") + " of " +
                                            std::to_string(e.size) + " bytes " +
                                            (e.free == 1 ? "is" : "are") + " free"
                                      : "";
  const Duration old =
      ticks_.start_of(e.flushtime).time_since_epoch() - scenario_.run.uptime_at_start;
  switch (e.what) {
    case What::kHit:
      return say(e.time, e.thread, "getblk finds " + block + " in the hash table");
    case What::kMiss:
      return say(e.time, e.thread, "getblk misses " + block + " in the hash table" + free);
    case What::kGrown:
      return say(e.time, e.thread,
                 "grow_buffers makes a page of " + count_text(kPageSize / e.size, "buffer") + free);
    case What::kTaken:
      return say(e.time, e.thread,
                 "getblk takes a new buffer for " + block +
                     (list.empty() ? ", on no list yet" : ", at the end of " + list + there) +
                     free);
    case What::kDirtied:
      return say(e.time, e.thread,
                 block + " becomes dirty: to the end of " + list + there + ", old at " +
                     seconds_text(old));
    case What::kWriting:
      return say(e.time, e.thread,
                 "sends " + block + " to the disk: locked, not dirty, on " + list + there);
    case What::kNotExpired:
      return say(e.time, e.thread,
                 "finds that " + block + ", the oldest on " + list + ", is not old before " +
                     seconds_text(old) + ", and stops" + there);
    case What::kWritten:
      return say(e.time, e.thread, block + " is written: unlocked, still on " + list + there);
  }
}

void Narrator::on_inode(const InodeEvent& e) {
  const InodeName inode{e.bdi, e.ino, e.block_device};
  switch (e.what) {
    case InodeEvent::What::kMarkDirty:
      if (e.flags == I_DIRTY_TIME && (e.state & I_DIRTY_ALL) == 0)
        say(e.time, e.thread,
            "only the times of " + name(inode) + " are dirty: it goes on " +
                list_name("dirty_time") + ", which wakes nobody");
      else if (e.flags != I_DIRTY_TIME && (e.state & I_DIRTY) == 0 && e.bdi >= 0)
        say(e.time, e.thread, name(inode) + " becomes dirty, and goes on " + list_name("dirty"));
      break;
    case InodeEvent::What::kFiled:
      say(e.time, e.thread,
          count_text(wrote_[{e.bdi, e.ino, false}], "page") + " of " + name(inode) + " written; " +
              (e.list.empty() ? "it is clean, and leaves the lists"
                              : "it goes on " + list_name(e.list)));
      break;
    case InodeEvent::What::kWriteStart:
      return say(e.time, e.thread, "writes the inode of " + name(inode));
    case InodeEvent::What::kLazytime:
      return say(e.time, e.thread, "writes the times of " + name(inode) + " with it");
    case InodeEvent::What::kWriteEnd:
      break;
  }
}

}  // namespace wbsim
