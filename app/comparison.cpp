#include "app/comparison.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "app/number_text.hpp"
#include "app/problems.hpp"
#include "app/run_report.hpp"
#include "app/text_table.hpp"
#include "app/version.hpp"

namespace wbsim {
namespace {

constexpr const char* kHigher = "higher";
constexpr const char* kLower = "lower";
constexpr const char* kNeither = "";
constexpr std::size_t kMostWriters = 16;  // in the table; JSON has all

struct MetricSpec {
  std::string name;
  std::string unit;
  std::string pointer;
  double scale;
  int decimals;
  const char* better_is;
};

void add_latencies(std::vector<MetricSpec>& specs, const std::string& call) {
  const std::string at = "/aggregate/" + call + "/clat_ns/";
  specs.push_back({call + " latency p50", "ms", at + "percentile/50.000000", 1e-6, 3, kLower});
  specs.push_back({call + " latency p99", "ms", at + "percentile/99.000000", 1e-6, 1, kLower});
  specs.push_back({call + " latency max", "ms", at + "max", 1e-6, 1, kLower});
}

std::vector<MetricSpec> metric_specs(const Json& summary) {
  std::vector<MetricSpec> specs = {
      {"throughput, all writers", "MB/s", "/aggregate/bw_bytes", 1e-6, 1, kHigher}};
  const Json& writers = summary.at("writers");
  for (const auto& [name, unused] : writers.items()) {
    if (writers.size() > 1)
      specs.push_back({"throughput of " + name, "MB/s", child("/writers", name) + "/bw_bytes", 1e-6,
                       1, kHigher});
  }
  add_latencies(specs, "write");
  specs.push_back({"write stalls over 1 ms", "", "/aggregate/write/stalls_over_1ms", 1, 0, kLower});
  specs.push_back({"time throttled", "s", "/aggregate/throttled_ns", 1e-9, 2, kLower});
  if (summary.at("aggregate").at("fsync").at("clat_ns").at("N").get<std::int64_t>() > 0) {
    specs.push_back({"fsync calls", "", "/aggregate/fsync/clat_ns/N", 1, 0, kHigher});
    add_latencies(specs, "fsync");
  }
  for (const auto& [name, unused] : summary.at("devices").items()) {
    const std::string at = child("/devices", name);
    specs.push_back({name + " busy while writing", "%", at + "/utilization", 100, 1, kHigher});
    specs.push_back({name + " write requests", "", at + "/wr_ios", 1, 0, kLower});
    specs.push_back(
        {name + " mean request", "KiB", at + "/mean_request_bytes", 1.0 / 1024, 1, kHigher});
    specs.push_back({name + " seeks", "", at + "/seeks", 1, 0, kLower});
  }
  specs.push_back({"flusher threads", "", "/flushers/max_threads", 1, 0, kNeither});
  specs.push_back({"peak dirty", "MiB", "/memory/peak_dirty_pages", 1.0 / 256, 1, kNeither});
  specs.push_back({"peak dirty + write-back", "MiB", "/memory/peak_dirty_and_writeback_pages",
                   1.0 / 256, 1, kNeither});
  specs.push_back({"time to clean", "s", "/memory/time_to_clean_s", 1, 2, kLower});
  return specs;
}

std::optional<double> value_at(const Json& summary, const std::string& pointer, double scale) {
  const nlohmann::json_pointer<std::string> at(pointer);
  if (!summary.contains(at) || !summary.at(at).is_number())
    return std::nullopt;
  return summary.at(at).get<double>() * scale;
}

std::string best_of(const ComparedMetric& m, const std::vector<ComparedRun>& runs) {
  if (m.better_is.empty())
    return "";
  std::optional<double> low, high;
  std::size_t lowest = 0, highest = 0;
  for (std::size_t i = 0; i < m.values.size(); ++i) {
    const std::optional<double>& v = m.values[i];
    if (!v)
      return "";
    if (!low || *v < *low)
      low = v, lowest = i;
    if (!high || *v > *high)
      high = v, highest = i;
  }
  if (*high - *low <= 0.01 * *high)
    return "same";
  return runs[m.better_is == kHigher ? highest : lowest].name;
}

ComparedMetric compare_metric(const MetricSpec& spec, const std::vector<ComparedRun>& runs) {
  ComparedMetric m{spec.name, spec.unit, spec.better_is, spec.decimals, {}, {}, ""};
  for (const ComparedRun& run : runs)
    m.values.push_back(value_at(run.outcome.summary, spec.pointer, spec.scale));
  const std::optional<double>& first = m.values.front();
  for (const std::optional<double>& value : m.values) {
    const bool known = value && first && *first != 0;
    m.ratios.push_back(known ? std::optional<double>(*value / *first) : std::nullopt);
  }
  m.best = best_of(m, runs);
  const auto all_below = [&m](double most) {
    return std::all_of(m.values.begin(), m.values.end(),
                       [most](const auto& value) { return !value || *value < most; });
  };
  if ((m.unit == "ms" && all_below(10)) || (m.unit == "MB/s" && all_below(1)))
    m.decimals = 3;
  return m;
}

std::string optional_text(const std::optional<double>& value, int decimals) {
  return value ? fixed_text(*value, decimals) : "-";
}

Json optional_json(const std::optional<double>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json metrics_json(const Comparison& c) {
  Json metrics = Json::array();
  for (const ComparedMetric& m : c.metrics) {
    Json item;
    item["name"] = m.name;
    item["unit"] = m.unit;
    item["better_is"] = m.better_is.empty() ? Json(nullptr) : Json(m.better_is);
    for (std::size_t i = 0; i < c.runs.size(); ++i) {
      item["values"][c.runs[i].name] = optional_json(m.values[i]);
      item["ratios"][c.runs[i].name] = optional_json(m.ratios[i]);
    }
    item["better"] = m.best.empty() ? Json(nullptr) : Json(m.best);
    metrics.push_back(std::move(item));
  }
  return metrics;
}

}  // namespace

Comparison compare_runs(const ScenarioFile& file, std::vector<ComparedRun> runs) {
  Comparison c;
  c.scenario = file.scenario.name;
  c.runs = std::move(runs);
  std::vector<NamedSummary> named;
  for (const ComparedRun& run : c.runs) {
    named.push_back({run.name, run.outcome.preset, &run.outcome.summary});
    c.expect.insert(c.expect.end(), run.outcome.expect.begin(), run.outcome.expect.end());
  }
  for (const MetricSpec& spec : metric_specs(c.runs.front().outcome.summary))
    c.metrics.push_back(compare_metric(spec, c.runs));
  const std::vector<ExpectResult> between = check_ratios(file.expect, named);
  c.expect.insert(c.expect.end(), between.begin(), between.end());
  return c;
}

std::string comparison_text(const Comparison& c) {
  std::string out = c.scenario + "\n";
  for (const ComparedRun& run : c.runs) {
    const Json& s = run.outcome.summary;
    out += "  " + run.name + ": kernel " + s.at("kernel").get<std::string>() + ", flusher " +
           s.at("flusher").get<std::string>() + ", throttle " +
           s.at("throttle").get<std::string>() + ", " + metric_text(s, "/simulated_s", 1, 2) +
           " s simulated\n";
  }
  std::vector<std::string> header = {"", "unit"};
  for (const ComparedRun& run : c.runs)
    header.push_back(run.name);
  for (std::size_t i = 1; i < c.runs.size(); ++i)
    header.push_back(c.runs[i].name + "/" + c.runs[0].name);
  header.push_back("better");
  TextTable table(std::move(header));
  table.left(1);
  table.left(2 * c.runs.size() + 1);
  const std::size_t writers = c.runs.front().outcome.summary.at("writers").size();
  for (const ComparedMetric& m : c.metrics) {
    if (writers > kMostWriters && m.name.starts_with("throughput of "))
      continue;
    std::vector<std::string> row = {m.name, m.unit};
    for (const std::optional<double>& value : m.values)
      row.push_back(optional_text(value, m.decimals));
    for (std::size_t i = 1; i < m.ratios.size(); ++i)
      row.push_back(optional_text(m.ratios[i], 2));
    row.push_back(m.best);
    table.add(std::move(row));
  }
  out += "\n" + table.text(0);
  if (writers > kMostWriters)
    out += "(throughput of each of the " + std::to_string(writers) + " writers: --json)\n";
  if (!c.expect.empty())
    out += "\nexpectations\n" + expect_text(c.expect);
  return out;
}

Json comparison_json(const Comparison& c) {
  Json j;
  j["program"] = "wbsim";
  j["version"] = program_version();
  j["name"] = c.scenario;
  j["runs"] = Json::array();
  for (const ComparedRun& run : c.runs) {
    const Json& s = run.outcome.summary;
    j["runs"].push_back({{"name", run.name},
                         {"kernel", s.at("kernel")},
                         {"flusher", s.at("flusher")},
                         {"throttle", s.at("throttle")}});
  }
  j["metrics"] = metrics_json(c);
  j["expect"] = expect_json(c.expect);
  j["summaries"] = Json::object();
  for (const ComparedRun& run : c.runs)
    j["summaries"][run.name] = run.outcome.summary;
  return j;
}

}  // namespace wbsim
