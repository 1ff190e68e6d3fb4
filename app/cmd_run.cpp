#include <iostream>
#include <nlohmann/json.hpp>

#include "app/commands.hpp"
#include "app/errors.hpp"
#include "app/json_text.hpp"
#include "app/progress.hpp"
#include "app/run_directory.hpp"
#include "app/run_once.hpp"
#include "app/run_report.hpp"

namespace wbsim {
namespace {

constexpr const char* kEpilogue =
    "\nOutput files: manifest.json summary.json samples.csv writes.csv fsync.csv requests.csv "
    "works.csv\n"
    "Exit codes: 0 ok, 1 an expectation failed, 2 usage, 3 invalid scenario, 4 simulated deadlock\n"
    "or broken invariant, 5 output cannot be written, 130 interrupted\n";

}  // namespace

int cmd_run(const Arguments& arguments) {
  CommandLine line("run SCENARIO [options]", "SCENARIO", 1);
  line.add_kernel_options();
  line.add_override_options();
  line.options()("out,o", po::value<std::string>()->value_name("DIR"),
                 "write the output files into DIR, which appears when it is complete")(
      "force", "replace DIR if it is an earlier output")(
      "no-writes", "leave out writes.csv and reads.csv")("json",
                                                         "print summary.json instead of tables");
  if (!line.parse(arguments, kEpilogue))
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

  RunOptions options;
  options.name = overrides.kernel.value_or(loaded.file.scenario.kernel.preset);
  options.calls = !line.has("no-writes");
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
    outcome = run_once(loaded.file, options);
  }
  if (directory)
    directory->commit();
  std::cout << (line.has("json") ? json_text(outcome.summary) : run_report(outcome));
  return all_ok(outcome.expect) ? kExitOk : kExitExpectationFailed;
}

}  // namespace wbsim
