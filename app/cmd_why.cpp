#include <algorithm>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>

#include "app/commands.hpp"
#include "app/errors.hpp"
#include "app/json_parse.hpp"
#include "app/number_text.hpp"
#include "app/problems.hpp"
#include "app/text_table.hpp"

namespace wbsim {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostRows = 12;  // of one table; the rest is one row

struct LongCall {
  std::string writer, kind;
  const Json* call;
};

double ns(const Json& value) {
  return value.get<double>();
}

std::string who(const Json& part) {
  if (!part.contains("thread"))
    return "";
  std::string text =
      part.at("thread").get<std::string>() + ", " + part.at("reason").get<std::string>();
  if (part.at("ino").get<std::int64_t>() >= 0)
    text += ", inode " + part.at("ino").dump() + " dirty for " + human_time(ns(part.at("age_ns")));
  return text;
}

// "throttled by the bdi share: congestion_wait", "wait_on_page_writeback: behind".
std::string cause(const Json& part) {
  const auto throttled = part.at("throttled_by").get<std::string>();
  const auto phase = part.at("phase").get<std::string>();
  return (throttled.empty() ? "" : "throttled by the " + throttled + ": ") +
         part.at("wait").get<std::string>() + (phase.empty() ? "" : ", " + phase);
}

std::string parts_table(const Json& parts, double latency) {
  TextTable table({"share", "time", "waiting for", "whose request"});
  table.left(2);
  table.left(3);
  double rest = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const double time = ns(parts[i].at("ns"));
    if (i >= kMostRows) {
      rest += time;
      continue;
    }
    table.add({fixed_text(100 * time / std::max(latency, 1.0), 1) + " %", human_time(time),
               cause(parts[i]), who(parts[i])});
  }
  if (rest > 0)
    table.add({fixed_text(100 * rest / latency, 1) + " %", human_time(rest),
               "(" + std::to_string(parts.size() - kMostRows) + " smaller parts)", ""});
  return table.text(2);
}

Json read_why(const std::string& directory) {
  const fs::path path = fs::path(directory) / "why.json";
  if (fs::exists(fs::path(directory) / "compare.json")) {
    std::vector<std::string> runs;
    for (const auto& entry : fs::directory_iterator(directory)) {
      if (fs::exists(entry.path() / "why.json"))
        runs.push_back(entry.path().string());
    }
    std::sort(runs.begin(), runs.end());
    std::string message = directory + " holds several runs: which?";
    for (const std::string& run : runs)
      message += "\n    " + run;
    throw UsageError(message);
  }
  if (!fs::is_directory(directory))
    throw UsageError("there is no directory " + shown(directory));
  if (!fs::exists(path))
    throw UsageError(directory + " holds no why.json: `wbsim run --out` writes it");
  Problems problems;
  Json why = parse_json(read_scenario_text(path.string()), problems);
  if (problems.any_error())
    throw UsageError(problems.text(path.string()));
  if (!why.is_object() || !why.contains("schema") || why.at("schema") != "wbsim-why/1")
    throw UsageError(path.string() + " is of another version of wbsim: run it again");
  return why;
}

// Every writer's calls of a kind, and the longest of all in `calls`.
void print_totals(const Json& why, const std::vector<std::string>& names,
                  std::vector<LongCall>& calls) {
  for (const std::string& name : names) {
    for (const auto& [kind, account] : why.at("writers").at(name).items()) {
      const double latency = ns(account.at("latency_ns"));
      std::cout << name << ": " << account.at("calls").dump() << " " << kind << " calls, "
                << human_time(latency) << "\n"
                << parts_table(account.at("parts"), latency) << "\n";
      for (const Json& call : account.at("worst"))
        calls.push_back({name, kind, &call});
    }
  }
}

std::vector<std::string> chosen_writers(const CommandLine& line, const Json& why) {
  std::vector<std::string> names;
  for (const auto& [name, unused] : why.at("writers").items())
    names.push_back(name);
  if (!line.has("writer"))
    return names;
  const std::string wanted = line.get("writer");
  if (std::find(names.begin(), names.end(), wanted) == names.end())
    throw UsageError("no writer " + shown(wanted) + "\n    " + name_hint(wanted, names));
  return {wanted};
}

void print_why(const Json& why, const std::vector<std::string>& names, std::size_t worst) {
  std::vector<LongCall> calls;
  print_totals(why, names, calls);
  std::stable_sort(calls.begin(), calls.end(), [](const LongCall& a, const LongCall& b) {
    return (*a.call).at("latency_ns") > (*b.call).at("latency_ns");
  });
  for (std::size_t i = 0; i < std::min(worst, calls.size()); ++i) {
    const Json& call = *calls[i].call;
    std::cout << calls[i].writer << " " << calls[i].kind << " at "
              << fixed_text(ns(call.at("start_ns")) * 1e-9, 3) << " s took "
              << human_time(ns(call.at("latency_ns"))) << "\n"
              << parts_table(call.at("parts"), ns(call.at("latency_ns"))) << "\n";
  }
}

}  // namespace

int cmd_why(const Arguments& arguments) {
  CommandLine line("why DIR [--writer NAME] [--worst N]", "DIR", 1);
  line.options()("writer", po::value<std::string>()->value_name("NAME"), "only this writer")(
      "worst", po::value<std::string>()->value_name("N")->default_value("5"),
      "the longest calls one by one, at most 50 of each kind and writer")("json", "print why.json");
  if (!line.parse(arguments,
                  "\nDIR: what `wbsim run --out` wrote. The parts of a call add up to its "
                  "latency.\n"))
    return kExitOk;
  if (line.positional().empty())
    throw UsageError("why: of which directory?");
  const auto worst = static_cast<std::size_t>(line.integer("worst", 0));
  const Json why = read_why(line.positional().front());
  if (line.has("json")) {
    std::cout << why.dump() << "\n";
    return kExitOk;
  }
  try {
    print_why(why, chosen_writers(line, why), worst);
  } catch (const Json::exception& error) {
    throw UsageError(line.positional().front() + "/why.json is damaged: " + error.what());
  }
  return kExitOk;
}

}  // namespace wbsim
