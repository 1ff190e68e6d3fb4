#include "app/run_report.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "app/number_text.hpp"
#include "app/problems.hpp"
#include "app/text_table.hpp"

namespace wbsim {
namespace {

constexpr double kMega = 1e-6, kNsToMs = 1e-6, kMib = 1.0 / (1 << 20), kKib = 1.0 / 1024;
constexpr double kPagesToMib = 1.0 / 256;

std::int64_t count_at(const Json& summary, const std::string& pointer) {
  return summary.at(nlohmann::json_pointer<std::string>(pointer)).get<std::int64_t>();
}

// A disk's fsync() is told from that of a cache, whichever percentile it is.
std::string ms_text(const Json& s, const std::string& pointer) {
  constexpr double kFewMs = 10;
  const nlohmann::json_pointer<std::string> at(pointer);
  const bool few = s.contains(at) && s.at(at).is_number() && s.at(at) < kFewMs / kNsToMs;
  return metric_text(s, pointer, kNsToMs, few ? 3 : 1);
}

// "0.045 / 80.7 / 328.0": what people look at first.
std::vector<std::string> latency_columns(const Json& s, const std::string& at) {
  return {ms_text(s, at + "/clat_ns/percentile/50.000000"),
          ms_text(s, at + "/clat_ns/percentile/99.000000"), ms_text(s, at + "/clat_ns/max")};
}

bool reads(const Json& writer) {
  return count_at(writer, "/read/clat_ns/N") > 0;
}

// In MB/s.
std::string speed_text(const Json& s, const std::string& pointer) {
  const std::string text = metric_text(s, pointer, kMega, 1);
  const bool slow = text.starts_with("0.") && metric_text(s, pointer, 1, 0) != "0";
  return slow ? metric_text(s, pointer, kMega, 3) : text;
}

std::string writers_table(const Json& s) {
  const Json& writers = s.at("writers");
  const bool any_reads = std::any_of(writers.begin(), writers.end(), reads);
  TextTable table({"writer", "MiB", "MB/s", "ends s", any_reads ? "call ms p50" : "write ms p50",
                   "p99", "max", "stalls", "throttled s"});
  for (const auto& [name, writer] : s.at("writers").items()) {
    const std::string at = child("/writers", name);
    std::vector<std::string> row = {name, metric_text(s, at + "/io_bytes", kMib, 1),
                                    speed_text(s, at + "/bw_bytes"),
                                    metric_text(s, at + "/end_s", 1, 2)};
    for (std::string& column : latency_columns(s, at + (reads(writer) ? "/read" : "/write")))
      row.push_back(std::move(column));
    row.push_back(metric_text(s, at + "/write/stalls_over_1ms", 1, 0));
    row.push_back(metric_text(s, at + "/throttled_ns", 1e-9, 2));
    table.add(std::move(row));
  }
  return table.text(0);
}

std::string fsync_table(const Json& s) {
  TextTable table({"fsync", "calls", "ms p50", "p99", "max"});
  bool any = false;
  for (const auto& [name, writer] : s.at("writers").items()) {
    const std::string at = child("/writers", name) + "/fsync";
    if (count_at(s, at + "/clat_ns/N") == 0)
      continue;
    any = true;
    std::vector<std::string> row = {name, metric_text(s, at + "/clat_ns/N", 1, 0)};
    for (std::string& column : latency_columns(s, at))
      row.push_back(std::move(column));
    table.add(std::move(row));
  }
  return any ? "\n" + table.text(0) : "";
}

std::string errors_line(const Json& s) {
  std::string who;
  for (const auto& [name, writer] : s.at("writers").items())
    if (const std::int64_t errors = count_at(writer, "/errors"); errors > 0)
      who += (who.empty() ? "" : ", ") + name + " " + std::to_string(errors);
  return who.empty() ? "" : "\ncalls that returned an error: " + who + "\n";
}

// As in /proc/diskstats, failed requests count among the others and their bytes.
std::string failed_line(const Json& s) {
  std::string which;
  for (const auto& [name, device] : s.at("devices").items())
    if (const std::int64_t failed = count_at(device, "/failed_ios"); failed > 0)
      which += (which.empty() ? "" : ", ") + name + " " + std::to_string(failed) + " of " +
               std::to_string(count_at(device, "/rd_ios") + count_at(device, "/wr_ios"));
  return which.empty() ? "" : "\nrequests that failed: " + which + "\n";
}

// From 3.10 on the flushers are items of a work queue.
std::string flushers_text(const Json& s) {
  if (s.at("flusher") == "bdi_wq")
    return "of a work queue";
  return count_text(count_at(s, "/flushers/max_threads"), "thread") + " at most";
}

std::string devices_table(const Json& s) {
  TextTable table({"disk", "read MiB", "written MiB", "MB/s", "reads", "writes", "KiB each",
                   "merges", "seeks", "busy %"});
  for (const auto& [name, device] : s.at("devices").items()) {
    const std::string at = child("/devices", name);
    table.add({name, metric_text(s, at + "/read_bytes", kMib, 1),
               metric_text(s, at + "/written_bytes", kMib, 1), speed_text(s, at + "/bw_bytes"),
               metric_text(s, at + "/rd_ios", 1, 0), metric_text(s, at + "/wr_ios", 1, 0),
               metric_text(s, at + "/mean_request_bytes", kKib, 0),
               metric_text(s, at + "/wr_merges", 1, 0), metric_text(s, at + "/seeks", 1, 0),
               metric_text(s, at + "/utilization", 100, 1)});
  }
  return table.text(0);
}

std::string memory_lines(const Json& s) {
  const auto mib = [&s](const char* key) {
    return metric_text(s, std::string("/memory/") + key, kPagesToMib, 1) + " MiB";
  };
  const auto at_time = [&s](const char* pointer) {
    const std::string text = metric_text(s, pointer, 1, 2);
    return text == "-" ? std::string("never") : "at " + text + " s";
  };
  std::string clean = metric_text(s, "/memory/time_to_clean_s", 1, 2);
  clean = clean == "-" ? "not reached" : clean + " s after the last writer";
  return "memory    peak dirty " + mib("peak_dirty_pages") + ", with write-back " +
         mib("peak_dirty_and_writeback_pages") + "; at the start background limit " +
         mib("background_threshold_pages") + ", limit " + mib("dirty_threshold_pages") +
         "\n          clean " + clean + "; first throttled " + at_time("/first_throttle_s") +
         "\nflushers  " + flushers_text(s) + ", " +
         count_text(count_at(s, "/flushers/background_works"), "background job") + " and " +
         count_text(count_at(s, "/flushers/periodic_works"), "periodic job") +
         "; first background " + at_time("/flushers/first_background_s") + "\n";
}

std::string cgroups_table(const Json& s) {
  if (!s.contains("cgroups"))
    return "";
  TextTable table({"cgroup", "peak file MiB", "dirty with write-back", "left dirty",
                   "inodes switched to it", "foreign flushes"});
  for (const auto& [name, cgroup] : s.at("cgroups").items())
    table.add({name, metric_text(cgroup, "/peak_file_bytes", kMib, 1),
               metric_text(cgroup, "/peak_dirty_and_writeback_pages", kPagesToMib, 1),
               metric_text(cgroup, "/still_dirty", kPagesToMib, 1),
               metric_text(cgroup, "/inodes_switched", 1, 0),
               metric_text(cgroup, "/foreign_flushes", 1, 0)});
  return "\n" + table.text(0);
}

std::string power_cut_table(const Json& s) {
  if (!s.contains("power_cut"))
    return "";
  const Json& cut = s.at("power_cut");
  TextTable table({"at the power cut, KiB", "in memory", "in flight", "volatile cache", "durable",
                   "lost by errors", "promised and lost"});
  const auto add = [&table](const std::string& name, const Json& f) {
    const auto kib = [&f](const char* key) { return metric_text(f, key, kKib, 0); };
    table.add({name, kib("/memory_bytes"), kib("/in_flight_bytes"), kib("/volatile_cache_bytes"),
               kib("/durable_bytes"), kib("/lost_by_errors_bytes"),
               kib("/promised_and_lost_bytes")});
  };
  for (const auto& [name, file] : cut.at("files").items())
    add(name, file);
  add("all files", cut.at("total"));
  return "\n" + table.text(0);
}

}  // namespace

std::string metric_text(const Json& summary, const std::string& pointer, double scale,
                        int decimals) {
  const nlohmann::json_pointer<std::string> at(pointer);
  if (!summary.contains(at) || !summary.at(at).is_number())
    return "-";
  return fixed_text(summary.at(at).get<double>() * scale, decimals);
}

std::string run_report(const RunOutcome& run) {
  const Json& s = run.summary;
  std::string out = s.at("name").get<std::string>() + " on " + s.at("kernel").get<std::string>() +
                    " (flusher " + s.at("flusher").get<std::string>() + ", throttle " +
                    s.at("throttle").get<std::string>() + "), seed " +
                    std::to_string(s.at("seed").get<std::int64_t>()) + ": " +
                    metric_text(s, "/simulated_s", 1, 2) + " s simulated, " +
                    metric_text(s, "/events", 1, 0) + " events\n\n";
  out += writers_table(s) + fsync_table(s) + errors_line(s) + "\n" + devices_table(s) +
         failed_line(s) + "\n" + memory_lines(s) + cgroups_table(s) + power_cut_table(s);
  if (!run.expect.empty())
    out += "\nexpectations\n" + expect_text(run.expect);
  return out;
}

}  // namespace wbsim
