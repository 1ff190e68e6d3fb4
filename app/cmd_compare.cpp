#include <algorithm>
#include <atomic>
#include <exception>
#include <iostream>
#include <nlohmann/json.hpp>
#include <thread>

#include "app/commands.hpp"
#include "app/comparison.hpp"
#include "app/errors.hpp"
#include "app/json_text.hpp"
#include "app/output_file.hpp"
#include "app/progress.hpp"
#include "app/run_directory.hpp"
#include "app/stop.hpp"
#include "models/machine.hpp"

namespace wbsim {
namespace {

constexpr const char* kCompareEpilogue =
    "\nWithout --policy and --kernel: pdflush and bdi. Ratios are to the first one.\n"
    "Exit codes: as for run\n";

struct Variant {
  std::string name;
  ScenarioFile file;
  RunOptions options;
  RunOutcome outcome;
  std::exception_ptr failure;
};

std::vector<std::string> variant_names(const CommandLine& line) {
  std::vector<std::string> names = line.kernels();
  if (names.empty())
    names = {"pdflush", "bdi"};
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (std::find(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(i), names[i]) !=
        names.begin() + static_cast<std::ptrdiff_t>(i))
      throw UsageError(names[i] + " is given twice");
  }
  return names;
}

std::vector<Variant> load_variants(const CommandLine& line) {
  const std::string& path = line.positional().front();
  const std::string text = read_scenario_text(path);
  std::vector<Variant> variants;
  std::string warnings;
  for (const std::string& name : variant_names(line)) {
    Overrides overrides = line.overrides();
    overrides.kernel = name;
    LoadedScenario loaded = load_scenario(path, text, overrides);
    warnings = std::move(loaded.warnings);
    Variant variant;
    variant.name = variant.options.name = name;
    variant.options.calls = !line.has("no-writes");
    variant.options.trace = line.trace_options();
    variant.file = std::move(loaded.file);
    variants.push_back(std::move(variant));
  }
  std::cerr << warnings;
  return variants;
}

void run_variant(Variant& variant) noexcept {
  try {
    if (stop_requested())
      throw Interrupted{};
    variant.outcome = run_once(variant.file, variant.options);
  } catch (...) {
    variant.failure = std::current_exception();
    request_stop();
  }
}

// The failure to report: one that is not only the echo of another.
void rethrow_first(const std::vector<Variant>& variants) {
  std::exception_ptr echo;
  for (const Variant& variant : variants) {
    if (!variant.failure)
      continue;
    try {
      std::rethrow_exception(variant.failure);
    } catch (const Interrupted&) {
      echo = variant.failure;
    }
  }
  if (echo)
    std::rethrow_exception(echo);
}

// Each run is an object of its own, so that the result does not depend on which thread is first.
void run_all(std::vector<Variant>& variants, std::size_t jobs) {
  std::vector<std::string> names;
  for (const Variant& variant : variants)
    names.push_back(variant.name);
  Progress progress(names, variants.front().file.scenario.run.duration);
  for (std::size_t i = 0; progress.visible() && i < variants.size(); ++i)
    variants[i].options.progress = [&progress, i](Duration d) { progress.update(i, d); };
  std::atomic<std::size_t> next{0};
  const auto work = [&variants, &next] {
    for (std::size_t i; (i = next++) < variants.size();)
      run_variant(variants[i]);
  };
  std::vector<std::thread> threads;
  for (std::size_t i = 1; i < std::min(jobs, variants.size()); ++i)
    threads.emplace_back(work);
  work();
  for (std::thread& thread : threads)
    thread.join();
}

}  // namespace

int cmd_compare(const Arguments& arguments) {
  CommandLine line("compare SCENARIO [--policy NAME]... [options]", "SCENARIO", 1);
  line.add_kernel_options();
  line.add_override_options();
  line.add_trace_options();
  line.options()("out,o", po::value<std::string>()->value_name("DIR"),
                 "write a directory for each run into DIR, and compare.json")(
      "force", "replace DIR if it is an earlier output")("no-writes",
                                                         "leave out writes.csv and reads.csv")(
      "jobs,j", po::value<std::string>()->value_name("N"),
      "runs at a time; by default one for each processor")("json",
                                                           "print JSON instead of the table");
  if (!line.parse(arguments, kCompareEpilogue))
    return kExitOk;
  if (line.positional().empty())
    throw UsageError("compare: which scenario?");
  const std::size_t jobs = line.has("jobs") ? static_cast<std::size_t>(line.integer("jobs", 1))
                                            : std::max(std::thread::hardware_concurrency(), 1U);
  std::vector<Variant> variants = load_variants(line);
  install_stop_signals();
  std::optional<RunDirectory> directory;
  if (line.has("out")) {
    directory.emplace(line.get("out"), line.has("force"));
    for (Variant& variant : variants) {
      const std::filesystem::path own = directory->path() / variant.name;
      std::error_code error;
      std::filesystem::create_directory(own, error);
      if (error)
        throw OutputError("cannot create " + own.string() + ": " + error.message());
      variant.options.directory = own.string();
    }
  }
  run_all(variants, jobs);
  rethrow_first(variants);

  std::vector<ComparedRun> runs;
  for (Variant& variant : variants)
    runs.push_back({variant.name, std::move(variant.outcome)});
  const Comparison comparison = compare_runs(variants.front().file, std::move(runs));
  const std::string json = json_text(comparison_json(comparison));
  if (directory) {
    write_file((directory->path() / "compare.json").string(), json);
    directory->commit();
  }
  std::cout << (line.has("json") ? json : comparison_text(comparison));
  return all_ok(comparison.expect) ? kExitOk : kExitExpectationFailed;
}

}  // namespace wbsim
