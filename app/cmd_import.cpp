#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>

#include "app/commands.hpp"
#include "app/errors.hpp"
#include "app/import_blkparse.hpp"
#include "app/import_fio.hpp"
#include "app/import_iolog.hpp"
#include "app/import_strace.hpp"
#include "app/json_parse.hpp"
#include "app/json_text.hpp"
#include "app/output_file.hpp"
#include "app/problems.hpp"

namespace wbsim {
namespace {

namespace fs = std::filesystem;

struct ImportFormat {
  const char* name;
  const char* what;
  const char* pace;  // of what it recorded; null: it records nothing
  void (*import)(std::string_view text, Import& import, Problems& problems);
};

constexpr ImportFormat kImportFormats[] = {
    {"fio", "fio job file", nullptr, import_fio},
    {"iolog", "fio I/O log", "timestamps", import_iolog},
    {"blkparse", "blkparse output", "timestamps", import_blkparse},
    {"strace", "strace output", "think", import_strace}};

const ImportFormat& format_of(const CommandLine& line) {
  std::vector<std::string> names;
  for (const ImportFormat& format : kImportFormats)
    names.emplace_back(format.name);
  if (line.positional().empty())
    throw UsageError("import: from what?\n    " + name_hint("", names));
  const std::string& name = line.positional().front();
  for (const ImportFormat& format : kImportFormats) {
    if (name == format.name)
      return format;
  }
  throw UsageError("import: no format " + shown(name) + "\n    " + name_hint(name, names));
}

std::optional<Json> base_scenario(const CommandLine& line) {
  if (!line.has("base"))
    return std::nullopt;
  const std::string path = line.get("base");
  const std::string text = read_scenario_text(path);
  load_scenario(path, text, {});
  Problems none;
  return parse_json(text, none);
}

struct Result {
  std::string scenario;
  std::string replay_name, replay;  // empty: none
};

struct ImportRequest {
  const ImportFormat& format;
  std::string path, out, pace;
  std::optional<Json> base;
};

// Throws InvalidScenario with everything that is wrong with the file, or with what came of it.
Result imported(const ImportRequest& request) {
  const ImportFormat& format = request.format;
  Problems problems;
  Import import;
  format.import(read_scenario_text(request.path), import, problems);
  if (format.pace != nullptr && import.recording.empty() && !problems.any_error())
    problems.error("", "has no call that can be replayed");
  if (problems.any_error())
    throw InvalidScenario(problems.text(request.path), counted_errors(problems.errors()));
  Result result;
  Overrides replay;
  if (format.pace != nullptr) {
    result.replay_name = scenario_name(fs::path(request.out).stem().string()) + ".replay.csv";
    result.replay = import.recording.finish(import.draft, result.replay_name, request.pace);
    replay.replay_texts[result.replay_name] = result.replay;
  }
  const std::string name = fs::path(request.path).filename().string();
  const std::string source = std::string(format.what) + " " + name;
  const std::string description =
      "Imported from " + source + "." +
      (request.base ? ""
                    : " It does not say on which machine: memory and devices here are an "
                      "example.");
  const Json scenario = import.draft.scenario(fs::path(request.path).stem().string(), description,
                                              source, request.base);
  result.scenario = json_text(scenario);
  std::cerr << load_scenario(request.path, result.scenario, replay).warnings;
  for (const std::string& what : import.passed_over)
    std::cerr << request.path << ": passed over " << what << "\n";
  return result;
}

void write_result(const CommandLine& line, const Result& result) {
  const fs::path out = line.get("out"), replay = out.parent_path() / result.replay_name;
  for (const fs::path& path : {out, result.replay_name.empty() ? out : replay}) {
    std::error_code ignored;  // what cannot be looked at cannot be written either
    if (fs::exists(path, ignored) && !line.has("force"))
      throw OutputError("cannot write " + path.string() + ": it exists; --force replaces it");
  }
  if (!result.replay_name.empty())
    write_file(replay.string(), result.replay);
  write_file(out.string(), result.scenario);
}

}  // namespace

int cmd_import(const Arguments& arguments) {
  CommandLine line("import fio|iolog|blkparse|strace FILE [options]", "FORMAT FILE", 2);
  line.options()("out,o", po::value<std::string>()->value_name("SCENARIO"),
                 "write the scenario into this file instead of standard output, and recorded calls "
                 "into a .replay.csv beside it")("force", "replace SCENARIO")(
      "base", po::value<std::string>()->value_name("SCENARIO"),
      "take kernel, machine, vm, devices and run from this one")(
      "closed-loop", "replay recorded calls as fast as it goes, without the time between them");
  if (!line.parse(arguments,
                  "\nWhat cannot be simulated is refused by name, and then nothing is written.\n"
                  "Exit codes: 0 ok, 2 usage, 3 FILE or SCENARIO is not valid, 5 output cannot\n"
                  "be written\n"))
    return kExitOk;
  const ImportFormat& format = format_of(line);
  if (line.positional().size() < 2)
    throw UsageError("import " + std::string(format.name) + ": which file?");
  if (format.pace != nullptr && !line.has("out"))
    throw UsageError("import " + std::string(format.name) + " writes two files: give --out");
  if (format.pace == nullptr && line.has("closed-loop"))
    throw UsageError("--closed-loop is for recorded calls");
  try {
    const ImportRequest request{format, line.positional()[1],
                                line.has("out") ? line.get("out") : "",
                                line.has("closed-loop") ? "closed-loop"
                                : format.pace           ? format.pace
                                                        : "",
                                base_scenario(line)};
    const Result result = imported(request);
    if (line.has("out"))
      write_result(line, result);
    else
      std::cout << result.scenario;
  } catch (const InvalidScenario& e) {
    std::cerr << e.what() << e.summary << "; nothing was imported\n";
    return kExitInvalidScenario;
  }
  return kExitOk;
}

}  // namespace wbsim
