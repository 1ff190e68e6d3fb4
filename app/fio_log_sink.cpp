#include "app/fio_log_sink.hpp"

#include <algorithm>

namespace wbsim {
namespace {

constexpr Duration kWindow = std::chrono::seconds(1);  // fio's log_avg_msec=1000
constexpr std::size_t kBufferSize = 16 * 1024;         // there may be thousands of files

}  // namespace

FioLogSink::FioLogSink(const Scenario& scenario, const std::string& directory, FioColumns columns)
    : columns_(columns) {
  for (const JobConfig& job : scenario.jobs) {
    for (int clone = 0; clone < job.numjobs; ++clone) {
      const std::string end = "." + std::to_string(logs_.size() + 1) + ".log";
      const auto open = [&](const char* kind) {
        return std::make_unique<OutputFile>(directory + "/" + job.name + kind + end, kBufferSize);
      };
      Log log;
      log.bw = open("_bw");
      log.iops = open("_iops");
      log.clat = open("_clat");
      log.lat = open("_lat");
      log.windows.assign(2, RateWindows(kWindow));
      logs_.push_back(std::move(log));
    }
  }
}

// The whole of a buffered call is its completion latency, as in fio's psync engine.
void FioLogSink::add(const CallRecord& call, Direction direction) {
  Log& log = logs_[static_cast<std::size_t>(call.writer)];
  const Duration end = call.start + call.latency;
  log.windows[direction].add(call.start, end, call.bytes,
                             [&](const RateWindow& window) { rates(log, window, direction); });
  const Row of_call{end, call.latency.count(), direction, call.bytes.count(), call.offset};
  row(*log.clat, of_call);
  row(*log.lat, of_call);
}

// A window holds calls of several sizes and places: bs and offset are 0.
void FioLogSink::rates(Log& log, const RateWindow& window, Direction direction) {
  row(*log.bw, {window.end, window.kib_per_s(), direction});
  row(*log.iops, {window.end, window.iops(), direction});
}

void FioLogSink::row(OutputFile& file, const Row& r) {
  line_.clear();
  line_.number(r.time / std::chrono::milliseconds(1)).text(", ").number(r.value);
  line_.text(", ").number(r.direction).text(", ").number(r.bs);
  if (columns_ == FioColumns::kSix)
    line_.text(", ").number(r.offset).text(", 0x0000");
  line_.text("\n");
  file.write(line_.str());
}

bool FioLogSink::failed() const {
  return std::any_of(logs_.begin(), logs_.end(), [](const Log& log) {
    return log.bw->failed() || log.iops->failed() || log.clat->failed() || log.lat->failed();
  });
}

void FioLogSink::close() {
  for (Log& log : logs_) {
    for (const Direction direction : {kRead, kWrite})
      log.windows[direction].finish(
          [&](const RateWindow& window) { rates(log, window, direction); });
    for (OutputFile* file : {log.bw.get(), log.iops.get(), log.clat.get(), log.lat.get()})
      file->close();
  }
}

}  // namespace wbsim
