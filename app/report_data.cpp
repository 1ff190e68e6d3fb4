#include "app/report_data.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "app/csv_file.hpp"
#include "app/errors.hpp"
#include "app/json_parse.hpp"
#include "app/scenario_load.hpp"

namespace wbsim {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostSamples = 6000, kMostStalls = 400, kMostRequests = 4000;
constexpr double kStallUs = 1000;

Json read_json(const fs::path& path) {
  Problems problems;
  Json value = parse_json(read_scenario_text(path.string()), problems);
  if (problems.any_error())
    throw InvalidScenario(problems.text(path.string()), counted_errors(problems.errors()));
  return value;
}

// Every n-th of `rows`, so that at most `most` stay.
std::size_t stride(std::size_t rows, std::size_t most) {
  return std::max<std::size_t>(1, (rows + most - 1) / most);
}

// Numbers as the page needs them: six digits.
Json rounded(double value) {
  if (value == std::floor(value) && std::abs(value) < 1e15)
    return static_cast<std::int64_t>(value);
  const double scale = std::pow(10, 6 - std::ceil(std::log10(std::abs(value) + 1)));
  return std::round(value * scale) / scale;
}

using Rows = std::vector<std::vector<double>>;

Rows read_rows(const fs::path& path, const std::vector<std::string>& names) {
  CsvFile file(path.string());
  std::vector<std::size_t> columns;
  for (const std::string& name : names)
    columns.push_back(file.column(name));
  Rows rows;
  while (file.next()) {
    std::vector<double>& row = rows.emplace_back();
    for (const std::size_t column : columns)
      row.push_back(file.number(column));
  }
  return rows;
}

// Column by column, thinned.
Json columns_json(const Rows& rows, const std::vector<std::string>& names, std::size_t most) {
  Json columns = Json::object();
  const std::size_t step = stride(rows.size(), most);
  for (std::size_t c = 0; c < names.size(); ++c) {
    Json values = Json::array();
    for (std::size_t i = 0; i < rows.size(); i += step)
      values.push_back(rounded(rows[i][c]));
    columns[names[c]] = std::move(values);
  }
  return columns;
}

Json samples_json(const fs::path& folder, const Json& devices) {
  std::vector<std::string> names = {"t_s", "nr_dirty", "nr_writeback", "nr_dirty_threshold",
                                    "nr_dirty_background_threshold"};
  for (const auto& [device, unused] : devices.items())
    names.push_back(device + "_wr_sectors");
  return columns_json(read_rows(folder / "samples.csv", names), names, kMostSamples);
}

Json requests_json(const fs::path& folder) {
  CsvFile file((folder / "requests.csv").string());
  const std::size_t start = file.column("t_start_s"), sector = file.column("sector"),
                    write = file.column("write"), disk = file.column("disk"),
                    thread = file.column("thread"), reason = file.column("reason");
  Json rows = Json::array();
  while (file.next())
    rows.push_back({rounded(file.number(start)), rounded(file.number(sector)),
                    rounded(file.number(write)), std::string(file.text(disk)),
                    std::string(file.text(thread)), std::string(file.text(reason))});
  Json kept = Json::array();
  const std::size_t step = stride(rows.size(), kMostRequests);
  for (std::size_t i = 0; i < rows.size(); i += step)
    kept.push_back(std::move(rows[i]));
  return kept;
}

struct Call {
  double start, latency_us;
  std::string writer, kind;
};

void read_calls(const fs::path& path, const std::string& kind, const char* latency_column,
                std::vector<Call>& calls) {
  if (!fs::exists(path))
    return;
  CsvFile file(path.string());
  const std::size_t writer = file.column("writer"), start = file.column("t_s"),
                    latency = file.column(latency_column);
  const std::size_t before = kind == "fsync" ? file.column("write_us") : latency;
  while (file.next())
    calls.push_back({file.number(start) + (kind == "fsync" ? file.number(before) * 1e-6 : 0),
                     file.number(latency), std::string(file.text(writer)), kind});
}

// [start s, latency ms, writer, call] of the longest.
Json stalls_json(std::vector<Call> calls) {
  std::stable_sort(calls.begin(), calls.end(),
                   [](const Call& a, const Call& b) { return a.latency_us > b.latency_us; });
  Json stalls = Json::array();
  for (const Call& call : calls) {
    if (stalls.size() == kMostStalls || call.latency_us < kStallUs)
      break;
    stalls.push_back(
        {rounded(call.start), rounded(call.latency_us / 1000), call.writer, call.kind});
  }
  return stalls;
}

// Calls in bins of a quarter of a factor of two, by kind: [[bin, count], ...].
Json histogram_json(const std::vector<Call>& calls) {
  std::map<std::string, std::map<int, std::int64_t>> bins;
  for (const Call& call : calls)
    ++bins[call.kind][static_cast<int>(std::floor(4 * std::log2(std::max(call.latency_us, 0.1))))];
  Json histogram = Json::object();
  for (const auto& [kind, counts] : bins)
    for (const auto& [bin, count] : counts)
      histogram[kind].push_back({bin, count});
  return histogram;
}

// The longest calls are enough for a picture.
Json why_json(Json why) {
  constexpr std::size_t kMostCalls = 8;
  for (auto& [writer, kinds] : why["writers"].items()) {
    for (auto& [kind, account] : kinds.items()) {
      Json& worst = account["worst"];
      while (worst.size() > kMostCalls)
        worst.erase(worst.size() - 1);
    }
  }
  return why;
}

Json run_json(const fs::path& folder, const std::string& name) {
  Json run;
  run["name"] = name;
  run["summary"] = read_json(folder / "summary.json");
  run["manifest"] = read_json(folder / "manifest.json");
  run["samples"] = samples_json(folder, run["summary"].at("devices"));
  run["requests"] = requests_json(folder);
  std::vector<Call> calls;
  read_calls(folder / "writes.csv", "write", "latency_us", calls);
  read_calls(folder / "reads.csv", "read", "latency_us", calls);
  read_calls(folder / "fsync.csv", "fsync", "fsync_us", calls);
  run["histogram"] = histogram_json(calls);
  run["stalls"] = stalls_json(std::move(calls));
  if (fs::exists(folder / "why.json"))
    run["why"] = why_json(read_json(folder / "why.json"));
  return run;
}

}  // namespace

Json report_data(const std::string& directory) {
  const fs::path folder = directory;
  Json data;
  data["runs"] = Json::array();
  if (fs::exists(folder / "compare.json")) {
    const Json compare = read_json(folder / "compare.json");
    for (const Json& run : compare.at("runs")) {
      const auto name = run.at("name").get<std::string>();
      data["runs"].push_back(run_json(folder / name, name));
    }
    data["metrics"] = compare.at("metrics");
    data["expect"] = compare.at("expect");
  } else if (fs::exists(folder / "manifest.json")) {
    const Json manifest = read_json(folder / "manifest.json");
    data["runs"].push_back(run_json(folder, manifest.at("kernel").get<std::string>()));
    data["expect"] = data["runs"][0]["summary"]["expect"];
  } else {
    throw UsageError(directory + " is no output of wbsim run or compare");
  }
  const Json scenario = data["runs"][0]["manifest"].at("scenario");
  for (const char* key : {"name", "description", "expected", "source"}) {
    if (scenario.contains(key))
      data[key] = scenario.at(key);
  }
  return data;
}

}  // namespace wbsim
