#include "app/summary_json.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "app/number_text.hpp"
#include "models/workload/latency.hpp"
#include "sim/assert.hpp"

namespace wbsim {
namespace {

double seconds(Duration d) {
  return static_cast<double>(d.count()) / 1e9;
}

// Times that never came are negative.
Json time_or_null(Duration d) {
  return d < Duration::zero() ? Json(nullptr) : Json(seconds(d));
}

Json rate_json(Bytes bytes, Duration time) {
  if (time <= Duration::zero())
    return nullptr;
  return per_second(bytes.count(), time);
}

Json latency_json(const LatencySummary& l) {
  // Without a call there is no latency, not one of 0.
  const auto known = [&l](auto value) { return l.count > 0 ? Json(value) : Json(nullptr); };
  Json clat;
  clat["min"] = known(l.min);
  clat["max"] = known(l.max);
  clat["mean"] = known(l.mean);
  clat["stddev"] = known(l.stddev);
  clat["N"] = l.count;
  clat["percentile"] = Json::object();
  for (const LatencySummary::Percentile& p : l.percentiles)
    clat["percentile"][fixed_text(p.percent, 6)] = p.value;
  return {{"clat_ns", std::move(clat)}};
}

Json writer_json(const WriterSummary& w) {
  const Bytes total = w.written + w.read;
  Json j;
  j["io_bytes"] = total.count();
  j["bw_bytes"] = rate_json(total, w.end - w.start);
  j["total_ios"] = w.write.count + w.read_latency.count;
  j["start_s"] = seconds(w.start);
  j["end_s"] = seconds(w.end);
  j["write"] = {{"io_bytes", w.written.count()}};
  j["write"].update(latency_json(w.write));
  j["write"]["stalls_over_1ms"] = w.stalls;
  j["read"] = {{"io_bytes", w.read.count()}};
  j["read"].update(latency_json(w.read_latency));
  j["fsync"] = latency_json(w.fsync);
  j["throttled_ns"] = w.throttled.count();
  j["throttle_calls"] = w.throttle_calls;
  j["vm_writeout_ns"] = w.vm_writeout.count();
  j["vm_writeout_calls"] = w.vm_writeout_calls;
  j["errors"] = w.errors;
  return j;
}

Json aggregate_json(const RunSummary& run, const AggregateLatency& latency) {
  Bytes total{};
  Duration first = Duration::max(), last = Duration::min(), throttled{};
  std::int64_t stalls = 0;
  for (const WriterSummary& w : run.writers) {
    total += w.written + w.read;
    stalls += w.stalls;
    throttled += w.throttled;
    if (w.written.count() + w.read.count() == 0)
      continue;
    first = std::min(first, w.start);
    last = std::max(last, w.end);
  }
  Json j;
  j["io_bytes"] = total.count();
  j["bw_bytes"] = last > first ? rate_json(total, last - first) : Json(nullptr);
  j["write"] = latency_json(latency.write);
  j["write"]["stalls_over_1ms"] = stalls;
  j["fsync"] = latency_json(latency.fsync);
  j["throttled_ns"] = throttled.count();
  return j;
}

Json device_json(const DeviceSummary& d, Duration writers_end) {
  const std::int64_t requests = d.rd_ios + d.wr_ios;
  const Bytes total = d.read + d.written;
  Json j;
  j["rd_ios"] = d.rd_ios;
  j["wr_ios"] = d.wr_ios;
  j["wr_merges"] = d.wr_merges;
  j["read_bytes"] = d.read.count();
  j["written_bytes"] = d.written.count();
  j["metadata_bytes"] = d.metadata.count();
  j["mean_request_bytes"] =
      requests == 0 ? Json(nullptr)
                    : Json(static_cast<double>(total.count()) / static_cast<double>(requests));
  j["busy_s"] = seconds(d.busy);
  j["utilization"] = writers_end <= Duration::zero()
                         ? Json(nullptr)
                         : Json(static_cast<double>(d.busy_while_writing.count()) /
                                static_cast<double>(writers_end.count()));
  j["first_write_s"] = time_or_null(d.first_write);
  j["last_write_s"] = time_or_null(d.last_write);
  j["seeks"] = d.seeks;
  j["failed_ios"] = d.failed;
  j["mean_queued"] = d.mean_queued;
  j["bw_bytes"] = rate_json(d.written, d.last_write - d.first_write);
  return j;
}

Json flushers_json(const FlusherSummary& f) {
  Json j;
  j["max_threads"] = f.max_threads;
  j["background_works"] = f.background_works;
  j["periodic_works"] = f.periodic_works;
  j["periodic_starts_s"] = Json::array();
  for (const Duration start : f.periodic_starts)
    j["periodic_starts_s"].push_back(seconds(start));
  j["first_background_s"] = time_or_null(f.first_background);
  return j;
}

Json memory_json(const MemorySummary& m) {
  Json j;
  j["dirty_threshold_pages"] = m.dirty_threshold_at_start.count();
  j["background_threshold_pages"] = m.background_threshold_at_start.count();
  j["peak_dirty_pages"] = m.peak_dirty.count();
  j["peak_writeback_pages"] = m.peak_writeback.count();
  j["peak_dirty_and_writeback_pages"] = m.peak_dirty_and_writeback.count();
  j["nr_dirtied"] = m.nr_dirtied.count();
  j["nr_written"] = m.nr_written.count();
  j["nr_redirtied"] = m.nr_redirtied.count();
  j["still_dirty"] = m.still_dirty.count();
  j["still_writeback"] = m.still_writeback.count();
  j["discarded"] = m.discarded.count();
  j["time_to_clean_s"] = time_or_null(m.time_to_clean);
  return j;
}

Json cgroup_json(const CgroupSummary& c) {
  Json j;
  j["peak_file_bytes"] = to_bytes(c.peak_file).count();
  j["peak_dirty_and_writeback_pages"] = c.peak_dirty_and_writeback.count();
  j["still_dirty"] = c.still_dirty.count();
  j["inodes_switched"] = c.inodes_switched;
  j["foreign_flushes"] = c.foreign_flushes;
  return j;
}

Json at_cut_json(const FileAtCut& f) {
  return {{"memory_bytes", f.in_memory.count()},
          {"in_flight_bytes", f.in_flight.count()},
          {"volatile_cache_bytes", f.in_volatile_cache.count()},
          {"lost_by_errors_bytes", f.lost_by_errors.count()},
          {"durable_bytes", f.durable.count()},
          {"promised_and_lost_bytes", f.promised_and_lost.count()}};
}

Json power_cut_json(const PowerCutSummary& cut) {
  FileAtCut total;
  Json files = Json::object();
  for (const FileAtCut& f : cut.files) {
    files[f.name] = at_cut_json(f);
    total.in_memory += f.in_memory;
    total.in_flight += f.in_flight;
    total.in_volatile_cache += f.in_volatile_cache;
    total.lost_by_errors += f.lost_by_errors;
    total.durable += f.durable;
    total.promised_and_lost += f.promised_and_lost;
  }
  return {{"time_s", seconds(cut.time)}, {"total", at_cut_json(total)}, {"files", files}};
}

}  // namespace

std::vector<std::string> writer_names(const Scenario& scenario) {
  std::vector<std::string> names;
  for (const JobConfig& job : scenario.jobs) {
    if (job.numjobs == 1)
      names.push_back(job.name);
    for (int i = 0; job.numjobs > 1 && i < job.numjobs; ++i)
      names.push_back(job.name + "-" + std::to_string(i));
  }
  for (const ReplayConfig& replay : scenario.replays)
    names.push_back(replay.name);
  return names;
}

Json summary_json(const Scenario& scenario, const RunSummary& run,
                  const AggregateLatency& aggregate, const FioRates& rates) {
  const std::vector<std::string> names = writer_names(scenario);
  WB_ASSERT(names.size() == run.writers.size());
  Json j;
  j["name"] = scenario.name;
  j["kernel"] = run.kernel;
  j["flusher"] = run.flusher;
  j["throttle"] = run.throttle;
  j["seed"] = scenario.run.seed;
  j["simulated_s"] = seconds(run.simulated);
  j["events"] = run.events;
  j["writers"] = Json::object();
  for (std::size_t i = 0; i < names.size(); ++i)
    j["writers"][names[i]] = writer_json(run.writers[i]);
  j["aggregate"] = aggregate_json(run, aggregate);
  j["devices"] = Json::object();
  for (const DeviceSummary& d : run.devices)
    j["devices"][d.name] = device_json(d, run.writers_end);
  j["flushers"] = flushers_json(run.flushers);
  j["memory"] = memory_json(run.memory);
  for (const CgroupSummary& cgroup : run.cgroups)
    j["cgroups"][cgroup.name] = cgroup_json(cgroup);
  j["first_throttle_s"] = time_or_null(run.first_throttle);
  j["jobs"] = fio_jobs_json(scenario, run, rates);
  j["disk_util"] = fio_disk_util_json(run);
  if (run.power_cut)
    j["power_cut"] = power_cut_json(*run.power_cut);
  return j;
}

Json summary_skeleton(const Scenario& scenario) {
  LatencyRecorder recorder;
  recorder.add(Duration(1));
  const LatencySummary latency = recorder.summary();
  RunSummary run;
  for (const std::string& name : writer_names(scenario)) {
    WriterSummary writer;
    writer.name = name;
    writer.write = writer.read_latency = writer.fsync = latency;
    run.writers.push_back(std::move(writer));
  }
  for (const DeviceConfig& device : scenario.devices) {
    DeviceSummary summary;
    summary.name = device.name;
    run.devices.push_back(std::move(summary));
  }
  for (const CgroupConfig& cgroup : scenario.cgroups)
    run.cgroups.emplace_back().name = cgroup.name;
  if (scenario.run.power_cut) {
    run.power_cut.emplace();
    for (const std::string& name : written_files(scenario))
      run.power_cut->files.emplace_back().name = name;
  }
  return summary_json(scenario, run, {latency, latency}, FioRates(run.writers.size()));
}

}  // namespace wbsim
