#include "app/fio_json.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "app/number_text.hpp"

namespace wbsim {
namespace {

constexpr Duration kSampleTime = std::chrono::milliseconds(500);  // fio's bwavgtime

// Without a call fio prints zeros, and no percentiles.
Json fio_latency(const LatencySummary& l) {
  Json j;
  j["min"] = l.min;
  j["max"] = l.max;
  j["mean"] = l.mean;
  j["stddev"] = l.stddev;
  j["N"] = l.count;
  for (const LatencySummary::Percentile& p : l.percentiles)
    j["percentile"][fixed_text(p.percent, 6)] = p.value;
  return j;
}

void put_spread(Json& j, const std::string& name, const FioRates::Spread& s, const char* deviation,
                double mean_of_all) {
  j[name + "_min"] = s.min;
  j[name + "_max"] = s.max;
  if (name == "bw")
    j["bw_agg"] = s.samples > 0 ? 100.0 : 0.0;  // each job is its own group
  j[name + "_mean"] = s.samples > 0 ? s.mean() : mean_of_all;
  j[name + deviation] = s.deviation();
  j[name + "_samples"] = s.samples;
}

// One direction of a job. The clock of the rates runs while the job does, as fio's `runtime`.
Json direction_json(Bytes bytes, const LatencySummary& latency, Duration runtime,
                    const FioRates::Rates& rates) {
  const Duration time = latency.count > 0 ? runtime : Duration::zero();
  const double bytes_per_s = per_second(bytes.count(), time);
  Json j;
  j["io_bytes"] = bytes.count();
  j["io_kbytes"] = bytes.count() / 1024;
  j["bw_bytes"] = static_cast<std::int64_t>(bytes_per_s);
  j["bw"] = static_cast<std::int64_t>(bytes_per_s / 1024);
  j["iops"] = per_second(latency.count, time);
  j["runtime"] = in_millis(time);
  j["total_ios"] = latency.count;
  j["short_ios"] = 0;
  j["drop_ios"] = 0;
  j["slat_ns"] = fio_latency({});
  j["clat_ns"] = fio_latency(latency);
  j["lat_ns"] = fio_latency(latency);
  j["lat_ns"].erase("percentile");  // fio gives them once unless it is asked
  put_spread(j, "bw", rates.bw, "_dev", bytes_per_s / 1024);
  put_spread(j, "iops", rates.iops, "_stddev", per_second(latency.count, time));
  return j;
}

Json job_json(const JobConfig& config, const WriterSummary& w, const FioRates::Rates& read,
              const FioRates::Rates& write) {
  const Duration runtime = w.end - w.start;
  Json j;
  j["jobname"] = config.name;
  j["groupid"] = 0;
  j["error"] = w.errors > 0 ? 5 : 0;  // EIO
  j["job options"] = {{"name", config.name},
                      {"filename", config.filename},
                      {"bs", std::to_string(config.bs.count())},
                      {"iodepth", "1"},
                      {"numjobs", std::to_string(config.numjobs)}};
  j["read"] = direction_json(w.read, w.read_latency, runtime, read);
  j["write"] = direction_json(w.written, w.write, runtime, write);
  j["sync"] = {{"total_ios", w.fsync.count}, {"lat_ns", fio_latency(w.fsync)}};
  j["job_runtime"] = in_millis(runtime);
  return j;
}

}  // namespace

void FioRates::Spread::add(std::int64_t value) {
  min = samples == 0 ? value : std::min(min, value);
  max = std::max(max, value);
  sum += static_cast<double>(value);
  squares += static_cast<double>(value) * static_cast<double>(value);
  ++samples;
}

double FioRates::Spread::mean() const {
  return samples > 0 ? sum / static_cast<double>(samples) : 0;
}

double FioRates::Spread::deviation() const {
  if (samples < 2)
    return 0;
  const auto n = static_cast<double>(samples);
  return std::sqrt(std::max((squares - sum * sum / n) / (n - 1), 0.0));
}

FioRates::FioRates(std::size_t writers)
    : rates_(2 * writers, Rates{RateWindows(kSampleTime), {}, {}}) {}

void FioRates::add(const CallRecord& call, Direction direction) {
  Rates& rates = rates_[2 * static_cast<std::size_t>(call.writer) + direction];
  rates.windows.add(call.start, call.start + call.latency, call.bytes,
                    [&rates](const RateWindow& window) {
                      if (window.calls == 0)
                        return;
                      rates.bw.add(window.kib_per_s());
                      rates.iops.add(window.iops());
                    });
}

Json fio_jobs_json(const Scenario& scenario, const RunSummary& run, const FioRates& rates) {
  Json jobs = Json::array();
  for (const JobConfig& config : scenario.jobs) {
    for (int clone = 0; clone < config.numjobs; ++clone) {
      const std::size_t i = jobs.size();
      jobs.push_back(job_json(config, run.writers[i], rates.of(i, FioRates::kRead),
                              rates.of(i, FioRates::kWrite)));
    }
  }
  return jobs;
}

Json fio_disk_util_json(const RunSummary& run) {
  Json disks = Json::array();
  for (const DeviceSummary& d : run.devices) {
    Json j;
    j["name"] = d.name;
    j["read_ios"] = d.rd_ios;
    j["write_ios"] = d.wr_ios;
    j["read_merges"] = d.rd_merges;
    j["write_merges"] = d.wr_merges;
    j["read_ticks"] = in_millis(d.rd_time);
    j["write_ticks"] = in_millis(d.wr_time);
    j["in_queue"] = in_millis(d.rd_time + d.wr_time);
    j["util"] = run.simulated > Duration::zero() ? 100 * static_cast<double>(d.io_time.count()) /
                                                       static_cast<double>(run.simulated.count())
                                                 : 0.0;
    disks.push_back(std::move(j));
  }
  return disks;
}

}  // namespace wbsim
