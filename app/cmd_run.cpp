#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>

#include "app/commands.hpp"
#include "app/errors.hpp"
#include "app/json_text.hpp"
#include "app/narrator.hpp"
#include "app/number_text.hpp"
#include "app/problems.hpp"
#include "app/progress.hpp"
#include "app/run_directory.hpp"
#include "app/run_once.hpp"
#include "app/run_report.hpp"
#include "app/stat_tables.hpp"
#include "app/stop.hpp"
#include "models/machine.hpp"

namespace wbsim {
namespace {

constexpr const char* kRunEpilogue =
    "\nOutput files: manifest.json summary.json samples.csv writes.csv fsync.csv\n"
    "requests.csv works.csv why.json, and where there are such calls or pauses\n"
    "reads.csv pauses.csv rounds.csv\n"
    "Formats of --trace, and the files they write:\n";

constexpr const char* kExitCodes =
    "Exit codes: 0 ok, 1 an expectation failed, 2 usage, 3 invalid scenario,\n"
    "4 simulated deadlock, machine out of memory or broken invariant, 5 output\n"
    "cannot be written, 130 interrupted\n";

// What is printed of the run.
class PrintedFormat {
 public:
  PrintedFormat(const CommandLine& line, const ScenarioFile& file) : iostat_(file.scenario) {
    if (line.has("narrate"))
      narrator_.emplace(file.scenario, file.description.value_or(""));
    if (line.has("narrate") && (line.has("format") || line.has("json")))
      throw UsageError("--narrate excludes --format and --json");
    if (!line.has("format"))
      return;
    const std::vector<std::string> names = {"report", "vmstat", "iostat"};
    name_ = line.get("format");
    if (std::find(names.begin(), names.end(), name_) == names.end())
      throw UsageError("--format " + shown(name_) + " is not known\n    " +
                       name_hint(name_, names));
    if (line.has("json"))
      throw UsageError("--format and --json exclude each other");
  }
  std::vector<TraceSink*> listeners() {
    if (narrator_)
      return {&*narrator_};
    if (name_ == "vmstat")
      return {&vmstat_};
    if (name_ == "iostat")
      return {&iostat_};
    return {};
  }
  const std::optional<Narrator>& narrator() const { return narrator_; }
  std::string text(const RunOutcome& outcome) const {
    if (narrator_)
      return narrator_->text() + (outcome.expect.empty() ? "" : "\nexpectations\n") +
             expect_text(outcome.expect);
    return name_ == "vmstat"   ? vmstat_.text()
           : name_ == "iostat" ? iostat_.text()
                               : run_report(outcome);
  }

 private:
  std::string name_ = "report";
  VmstatTable vmstat_;
  IostatTable iostat_;
  std::optional<Narrator> narrator_;
};

RunOutcome run_to_end(const ScenarioFile& file, const RunOptions& options,
                      const PrintedFormat& format, const std::string& path) {
  try {
    return run_once(file, options);
  } catch (const Interrupted&) {
    if (!format.narrator() || !format.narrator()->too_long())
      throw;
    const auto until = static_cast<double>(format.narrator()->told_until().count());
    throw UsageError("--narrate tells what fits a page of " + std::to_string(Narrator::kMostLines) +
                     " lines; in " + path + " more has happened after " + human_time(until));
  }
}

}  // namespace

int cmd_run(const Arguments& arguments) {
  CommandLine line("run SCENARIO [options]", "SCENARIO", 1);
  line.add_kernel_options();
  line.add_override_options();
  line.add_trace_options();
  line.options()("out,o", po::value<std::string>()->value_name("DIR"),
                 "write the output files into DIR, which appears when it is complete")(
      "force", "replace DIR if it is an earlier output")("no-writes",
                                                         "leave out writes.csv and reads.csv")(
      "format", po::value<std::string>()->value_name("NAME"),
      "print a row a second as vmstat does, or a table a second as iostat -x does (200 columns "
      "wide), instead of the report: vmstat or iostat")(
      "narrate", "tell what a tiny scenario does, step by step, on a page of prose")(
      "json", "print summary.json instead of tables");
  if (!line.parse(arguments, kRunEpilogue + trace_formats_help() + kExitCodes))
    return kExitOk;
  if (line.positional().empty())
    throw UsageError("run: which scenario?");
  if (line.kernels().size() > 1)
    throw UsageError("run takes one kernel; compare takes several");

  const std::string& path = line.positional().front();
  Overrides overrides = line.overrides();
  if (!line.kernels().empty())
    overrides.kernel = line.kernels().front();
  const LoadedScenario loaded = load_scenario(path, read_scenario_text(path), overrides);
  std::cerr << loaded.warnings;
  install_stop_signals();

  RunOptions options;
  options.name = overrides.kernel.value_or(loaded.file.scenario.kernel.preset);
  options.calls = !line.has("no-writes");
  options.trace = line.trace_options();
  PrintedFormat format(line, loaded.file);
  options.listeners = format.listeners();
  std::optional<RunDirectory> directory;
  if (line.has("out")) {
    directory.emplace(line.get("out"), line.has("force"));
    options.directory = directory->path().string();
  }
  RunOutcome outcome;
  {
    Progress progress({options.name}, loaded.file.scenario.run.duration);
    if (progress.visible())
      options.progress = [&progress](Duration simulated) { progress.update(0, simulated); };
    outcome = run_to_end(loaded.file, options, format, path);
  }
  if (directory)
    directory->commit();
  std::cout << (line.has("json") ? json_text(outcome.summary) : format.text(outcome));
  return all_ok(outcome.expect) ? kExitOk : kExitExpectationFailed;
}

}  // namespace wbsim
