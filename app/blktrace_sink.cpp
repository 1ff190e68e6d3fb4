#include "app/blktrace_sink.hpp"

#include <algorithm>

namespace wbsim {
namespace {

constexpr std::uint32_t kMagicAndVersion = 0x65617407;

// Categories (BLK_TC_*), the upper half of an action.
constexpr std::uint32_t kTcRead = 1U << 16, kTcWrite = 1U << 17, kTcFlush = 1U << 18,
                        kTcSync = 1U << 19, kTcQueue = 1U << 20, kTcIssue = 1U << 22,
                        kTcComplete = 1U << 23, kTcFs = 1U << 24, kTcNotify = 1U << 26,
                        kTcMeta = 1U << 28;

constexpr std::uint32_t kTaskName = kTcNotify | 0, kTimeOfDay = kTcNotify | 1;
constexpr std::size_t kCommLength = 16;

// Completions arrive in an interrupt, mostly of the idle task.
const TaskId kSwapperTask{"swapper/0", 0};

std::uint32_t action_of(BlockEvent::What what) {
  switch (what) {
    case BlockEvent::What::kBioQueue:
      return 1 | kTcQueue;
    case BlockEvent::What::kBioBackmerge:
      return 2 | kTcQueue;
    case BlockEvent::What::kBioFrontmerge:
      return 3 | kTcQueue;
    case BlockEvent::What::kGetrq:
      return 4 | kTcQueue;
    case BlockEvent::What::kSleeprq:
      return 5 | kTcQueue;
    case BlockEvent::What::kRqIssue:
      return 7 | kTcIssue;
    case BlockEvent::What::kRqComplete:
      return 8 | kTcComplete;
    case BlockEvent::What::kPlug:
      return 9 | kTcQueue;
    case BlockEvent::What::kUnplug:
      return 10 | kTcQueue;
    case BlockEvent::What::kUnplugTimer:
      return 11 | kTcQueue;
    case BlockEvent::What::kRqInsert:
      return 12 | kTcQueue;
  }
  return 0;
}

template <class Integer>
void put_little_endian(std::string& out, Integer value) {
  for (std::size_t byte = 0; byte < sizeof(Integer); ++byte)
    out += static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * byte) & 0xff);
}

std::string big_endian_64(std::uint64_t value) {
  std::string out;
  for (int shift = 56; shift >= 0; shift -= 8)
    out += static_cast<char>(value >> shift & 0xff);
  return out;
}

}  // namespace

BlktraceSink::BlktraceSink(const Scenario& scenario, const std::string& directory)
    : tasks_(scenario), uptime_(scenario.run.uptime_at_start) {
  constexpr int kMinorBits = 20;
  const std::string time_of_day(8, '\0');
  for (const DeviceConfig& config : scenario.devices) {
    Disk disk;
    disk.file = std::make_unique<OutputFile>(directory + "/" + config.name + ".blktrace.0");
    disk.device = static_cast<std::uint32_t>(TaskIds::kMajor << kMinorBits |
                                             TaskIds::minor(static_cast<int>(disks_.size())));
    Record start;
    start.time = uptime_;
    start.action = kTimeOfDay;
    start.pdu = time_of_day;
    put(disk, start);
    disks_.push_back(std::move(disk));
  }
}

void BlktraceSink::put(Disk& disk, const Record& record) {
  std::string out;
  put_little_endian(out, kMagicAndVersion);
  put_little_endian(out, ++disk.sequence);
  put_little_endian(out, record.time.count());
  put_little_endian(out, record.sector);
  put_little_endian(out, static_cast<std::uint32_t>(record.bytes));
  put_little_endian(out, record.action);
  put_little_endian(out, static_cast<std::uint32_t>(record.pid));
  put_little_endian(out, disk.device);
  put_little_endian(out, std::uint32_t{0});  // processor
  put_little_endian(out, std::uint16_t{0});  // error
  put_little_endian(out, static_cast<std::uint16_t>(record.pdu.size()));
  disk.file->write(out);
  disk.file->write(record.pdu);
}

void BlktraceSink::name_task(Disk& disk, const TaskId& task, Duration time) {
  if (!disk.named.insert(task.pid).second)
    return;
  std::string comm = task.comm.substr(0, kCommLength - 1);
  comm.resize(kCommLength);
  Record name;
  name.time = time;
  name.action = kTaskName;
  name.pid = task.pid;
  name.pdu = comm;
  put(disk, name);
}

void BlktraceSink::on_block(const BlockEvent& e) {
  using What = BlockEvent::What;
  Disk& disk = disks_[static_cast<std::size_t>(e.device)];
  Record record;
  record.time = uptime_ + e.time;
  record.action = action_of(e.what);
  const bool interrupt = e.what == What::kRqComplete || e.thread.empty();
  const TaskId& task = interrupt ? kSwapperTask : tasks_.of(e.thread);
  name_task(disk, task, record.time);
  record.pid = task.pid;
  const bool unplugs = e.what == What::kUnplug || e.what == What::kUnplugTimer;
  const std::string depth =
      unplugs ? big_endian_64(static_cast<std::uint64_t>(e.requests)) : std::string();
  record.pdu = depth;
  if (!unplugs && e.what != What::kPlug) {
    record.sector = e.sector.count();
    record.bytes = to_bytes(e.sectors).count();
    record.action |= kTcFs | (e.write ? kTcWrite : kTcRead) | (e.sync ? kTcSync : 0U) |
                     (e.flush ? kTcFlush : 0U) | (e.meta ? kTcMeta : 0U);
  }
  put(disk, record);
}

bool BlktraceSink::failed() const {
  return std::any_of(disks_.begin(), disks_.end(),
                     [](const Disk& disk) { return disk.file->failed(); });
}

void BlktraceSink::close() {
  for (Disk& disk : disks_)
    disk.file->close();
}

}  // namespace wbsim
