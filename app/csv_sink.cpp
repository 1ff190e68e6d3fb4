#include "app/csv_sink.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "app/summary_json.hpp"

namespace wbsim {
namespace {

constexpr const char* kCallColumns = "writer,t_s,latency_us,bytes";

std::string sample_columns(const std::vector<std::string>& devices, bool lazytime, bool at_risk) {
  std::string line =
      "t_s,nr_dirty,nr_writeback,pgpgout,nr_free_pages,nr_file_pages,nr_dirtied,nr_written,"
      "nr_dirty_threshold,nr_dirty_background_threshold,pdflush,flush";
  for (const std::string& device : devices) {
    for (const char* column : {"rd_ios",
                               "rd_sectors",
                               "wr_ios",
                               "wr_merges",
                               "wr_sectors",
                               "wr_ms",
                               "in_flight",
                               "io_ms",
                               "busy_us",
                               "BdiWriteback",
                               "BdiReclaimable",
                               "BdiDirtyThresh",
                               "DirtyThresh",
                               "BackgroundThresh",
                               "BdiDirtied",
                               "BdiWritten",
                               "BdiWriteBandwidth",
                               "dirty_ratelimit",
                               "b_dirty",
                               "b_io",
                               "b_more_io"})
      line += "," + device + "_" + column;
    if (lazytime)
      line += "," + device + "_b_dirty_time";
    for (const char* place : {"memory", "in_flight", "cache"})
      if (at_risk)
        line += "," + device + "_risk_" + place + "_bytes";
  }
  return line;
}

// The first three as memory.stat says them, in bytes.
std::string cgroup_columns(const Scenario& scenario) {
  std::string line;
  for (const CgroupConfig& cgroup : scenario.cgroups)
    for (const char* column :
         {"file", "file_dirty", "file_writeback", "DirtyThresh", "BackgroundThresh"})
      line += "," + cgroup.name + "_" + column;
  return line;
}

std::int64_t in_kib(Pages pages) {
  return to_bytes(pages).count() / 1024;
}

std::int64_t in_micros(Duration d) {
  return std::chrono::duration_cast<std::chrono::microseconds>(d).count();
}

void append_decimal(std::string& line, std::int64_t value, int digits, std::int64_t scale) {
  char text[32];
  if (value < 0) {
    line += '-';
    value = -value;
  }
  line.append(text, std::to_chars(text, text + sizeof text, value / scale).ptr);
  line += '.';
  char* const end = std::to_chars(text, text + sizeof text, value % scale).ptr;
  line.append(static_cast<std::size_t>(digits - (end - text)), '0');
  line.append(text, end);
  line += ',';
}

}  // namespace

CsvRow& CsvRow::text(std::string_view value) {
  line_.append(value).push_back(',');
  return *this;
}

CsvRow& CsvRow::number(std::int64_t value) {
  char digits[24];
  line_.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
  line_.push_back(',');
  return *this;
}

CsvRow& CsvRow::seconds(Duration value) {
  // To the nearest microsecond.
  const std::int64_t ns = value.count();
  append_decimal(line_, (ns + (ns < 0 ? -500 : 500)) / 1000, 6, 1'000'000);
  return *this;
}

CsvRow& CsvRow::micros(Duration value) {
  append_decimal(line_, value.count(), 3, 1'000);
  return *this;
}

std::string_view CsvRow::finish() {
  line_.back() = '\n';
  return line_;
}

CsvSink::CsvSink(const Scenario& scenario, const CsvOptions& options)
    : directory_(options.directory),
      writers_(writer_names(scenario)),
      lazytime_(std::any_of(scenario.filesystems.begin(), scenario.filesystems.end(),
                            [](const FilesystemConfig& fs) { return fs.lazytime; })),
      at_risk_(scenario.run.data_at_risk) {
  for (const DeviceConfig& device : scenario.devices)
    devices_.push_back(device.name);
  const auto reads = [](const JobConfig& j) {
    return j.rw == JobKind::kRead || j.rw == JobKind::kRandRead;
  };
  samples_ =
      open("samples.csv", sample_columns(devices_, lazytime_, at_risk_) + cgroup_columns(scenario));
  if (options.calls) {
    writes_ = open("writes.csv", kCallColumns);
    if (!scenario.replays.empty() || std::any_of(scenario.jobs.begin(), scenario.jobs.end(), reads))
      reads_ = open("reads.csv", kCallColumns);
  }
  fsync_ = open("fsync.csv", "writer,t_s,write_us,fsync_us");
  requests_ = open("requests.csv",
                   "t_queued_s,t_start_s,service_us,latency_us,disk,write,sync,idle_start,sector,"
                   "sectors,head_before,bios,queued,meta_sectors,reason,thread");
  works_ = open("works.csv", "t_start_s,t_end_s,thread,work,pages");
}

std::unique_ptr<OutputFile> CsvSink::open(const std::string& name, std::string_view header) {
  auto file = std::make_unique<OutputFile>(directory_ + "/" + name);
  file->write(header);
  file->write("\n");
  return file;
}

void CsvSink::emit(OutputFile& file) {
  file.write(row_.finish());
  row_.clear();
}

void CsvSink::on_sample(const Sample& s) {
  std::int64_t sectors_written = 0;
  for (const DeviceSample& device : s.devices)
    sectors_written += device.wr_sectors;
  row_.seconds(s.time)
      .number(s.nr_dirty.count())
      .number(s.nr_writeback.count())
      .number(sectors_written / 2)
      .number(s.nr_free_pages.count())
      .number(s.nr_file_pages.count())
      .number(s.nr_dirtied.count())
      .number(s.nr_written.count())
      .number(s.dirty_threshold.count())
      .number(s.background_threshold.count())
      .number(s.pdflush)
      .number(s.flush);
  for (const DeviceSample& device : s.devices)
    device_columns(device, s);
  for (const CgroupSample& cgroup : s.cgroups)
    row_.number(to_bytes(cgroup.file).count())
        .number(to_bytes(cgroup.file_dirty).count())
        .number(to_bytes(cgroup.file_writeback).count())
        .number(in_kib(cgroup.dirty_threshold))
        .number(in_kib(cgroup.background_threshold));
  emit(*samples_);
}

void CsvSink::device_columns(const DeviceSample& d, const Sample& s) {
  row_.number(d.rd_ios)
      .number(d.rd_sectors)
      .number(d.wr_ios)
      .number(d.wr_merges)
      .number(d.wr_sectors)
      .number(in_millis(d.wr_time))
      .number(d.in_flight)
      .number(in_millis(d.io_time))
      .number(in_micros(d.busy))
      .number(in_kib(d.bdi_writeback))
      .number(in_kib(d.bdi_reclaimable))
      .number(in_kib(d.bdi_dirty_thresh))
      .number(in_kib(s.dirty_threshold))
      .number(in_kib(s.background_threshold))
      .number(in_kib(d.bdi_dirtied))
      .number(in_kib(d.bdi_written))
      .number(in_kib(Pages(d.write_bandwidth)))
      .number(in_kib(Pages(d.dirty_ratelimit)))
      .number(d.b_dirty)
      .number(d.b_io)
      .number(d.b_more_io);
  if (lazytime_)
    row_.number(d.b_dirty_time);
  if (at_risk_)
    row_.number(d.risk_memory.count())
        .number(d.risk_in_flight.count())
        .number(d.risk_cache.count());
}

void CsvSink::call(OutputFile& file, const CallRecord& c) {
  row_.text(writers_[static_cast<std::size_t>(c.writer)])
      .seconds(c.start)
      .micros(c.latency)
      .number(c.bytes.count());
  emit(file);
}

void CsvSink::on_write(const CallRecord& c) {
  if (writes_)
    call(*writes_, c);
}

void CsvSink::on_read(const CallRecord& c) {
  if (reads_)
    call(*reads_, c);
}

void CsvSink::on_fsync(const FsyncRecord& f) {
  row_.text(writers_[static_cast<std::size_t>(f.writer)])
      .seconds(f.start)
      .micros(f.write_latency)
      .micros(f.latency);
  emit(*fsync_);
}

void CsvSink::on_request(const RequestRecord& r) {
  row_.seconds(r.queued)
      .seconds(r.started)
      .micros(r.service)
      .micros(r.completed - r.queued)
      .text(devices_[static_cast<std::size_t>(r.device)])
      .number(r.write ? 1 : 0)
      .number(r.sync ? 1 : 0)
      .number(r.idle_start ? 1 : 0)
      .number(r.sector.count())
      .number(r.sectors.count())
      .number(r.head_before.count())
      .number(r.bios)
      .number(r.allocated)
      .number(r.meta_sectors.count())
      .text(to_string(r.reason))
      .text(r.thread);
  emit(*requests_);
}

void CsvSink::on_work(const WorkRecord& w) {
  row_.seconds(w.start)
      .seconds(w.end)
      .text(w.thread)
      .text(to_string(w.reason))
      .number(w.written.count());
  emit(*works_);
}

// The tracepoint balance_dirty_pages; rates are in KiB/s, times but t_s in ms.
void CsvSink::on_balance_dirty_pages(const BalanceDirtyPagesEvent& e) {
  if (!pauses_)
    pauses_ = open("pauses.csv",
                   "t_s,task,bdi,limit,setpoint,dirty,bdi_setpoint,bdi_dirty,dirty_ratelimit,"
                   "task_ratelimit,dirtied,dirtied_pause,paused,pause,period,think");
  row_.seconds(e.time)
      .text(e.thread)
      .text(devices_[static_cast<std::size_t>(e.bdi)])
      .number(e.limit.count())
      .number(e.setpoint.count())
      .number(e.dirty.count())
      .number(e.bdi_setpoint.count())
      .number(e.bdi_dirty.count())
      .number(e.dirty_ratelimit)
      .number(e.task_ratelimit)
      .number(e.dirtied.count())
      .number(e.dirtied_pause.count())
      .number(e.paused)
      .number(e.pause)
      .number(e.period)
      .number(e.think);
  emit(*pauses_);
}

// The tracepoints writeback_start and writeback_written: each round of wb_writeback().
void CsvSink::on_writeback_work(const WritebackWorkEvent& e) {
  const bool start = e.what == WritebackWorkEvent::What::kStart;
  if (!start && e.what != WritebackWorkEvent::What::kWritten)
    return;
  if (!rounds_)
    rounds_ = open("rounds.csv", "t_s,bdi,event,nr_pages,reason");
  row_.seconds(e.time)
      .text(devices_[static_cast<std::size_t>(e.bdi)])
      .text(start ? "start" : "written")
      .number(e.nr_pages)
      .text(to_string(e.reason));
  emit(*rounds_);
}

bool CsvSink::failed() const {
  const std::array files = {&samples_,  &writes_, &reads_,  &fsync_,
                            &requests_, &works_,  &pauses_, &rounds_};
  return std::any_of(files.begin(), files.end(),
                     [](const auto* file) { return *file && (*file)->failed(); });
}

void CsvSink::close() {
  for (auto* file :
       {&samples_, &writes_, &reads_, &fsync_, &requests_, &works_, &pauses_, &rounds_}) {
    if (*file)
      (*file)->close();
  }
}

}  // namespace wbsim
