#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>

#include "app/commands.hpp"
#include "app/errors.hpp"
#include "app/import_fio.hpp"
#include "app/json_parse.hpp"
#include "app/json_text.hpp"
#include "app/output_file.hpp"
#include "app/problems.hpp"

namespace wbsim {
namespace {

namespace fs = std::filesystem;

struct Format {
  const char* name;
  const char* what;
  void (*import)(std::string_view text, ScenarioDraft& draft, Problems& problems);
};

constexpr Format kFormats[] = {{"fio", "fio job file", import_fio}};

const Format& format_of(const CommandLine& line) {
  std::vector<std::string> names;
  for (const Format& format : kFormats)
    names.emplace_back(format.name);
  if (line.positional().empty())
    throw UsageError("import: from what?\n    " + name_hint("", names));
  const std::string& name = line.positional().front();
  for (const Format& format : kFormats) {
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

// Throws InvalidScenario with everything that is wrong with the file, or with what came of it.
std::string imported(const Format& format, const std::string& path,
                     const std::optional<Json>& base) {
  Problems problems;
  ScenarioDraft draft;
  format.import(read_scenario_text(path), draft, problems);
  if (problems.any_error())
    throw InvalidScenario(problems.text(path), counted_errors(problems.errors()));
  const std::string name = fs::path(path).filename().string();
  const std::string text = json_text(
      draft.scenario(fs::path(path).stem().string(),
                     "Imported from the " + std::string(format.what) + " " + name + ". " +
                         (base ? ""
                               : "It does not say on which machine: memory and devices here "
                                 "are an example."),
                     std::string(format.what) + " " + name, base));
  std::cerr << load_scenario(path, text, {}).warnings;
  return text;
}

}  // namespace

int cmd_import(const Arguments& arguments) {
  CommandLine line("import fio JOBFILE [options]", "FORMAT FILE", 2);
  line.options()("out,o", po::value<std::string>()->value_name("SCENARIO"),
                 "write the scenario into this file instead of standard output")(
      "force", "replace SCENARIO")("base", po::value<std::string>()->value_name("SCENARIO"),
                                   "take kernel, machine, vm, devices and run from this one");
  if (!line.parse(arguments,
                  "\nWhat cannot be simulated is refused by name, and then nothing is written.\n"
                  "Exit codes: 0 ok, 2 usage, 3 FILE or SCENARIO is not valid, 5 output cannot be "
                  "written\n"))
    return kExitOk;
  const Format& format = format_of(line);
  if (line.positional().size() < 2)
    throw UsageError("import " + std::string(format.name) + ": which file?");
  try {
    const std::string text = imported(format, line.positional()[1], base_scenario(line));
    if (!line.has("out")) {
      std::cout << text;
      return kExitOk;
    }
    if (fs::exists(line.get("out")) && !line.has("force"))
      throw OutputError("cannot write " + line.get("out") + ": it exists; --force replaces it");
    write_file(line.get("out"), text);
  } catch (const InvalidScenario& e) {
    std::cerr << e.what() << e.summary << "; nothing was imported\n";
    return kExitInvalidScenario;
  }
  return kExitOk;
}

}  // namespace wbsim
