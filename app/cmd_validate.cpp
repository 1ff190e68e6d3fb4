#include <iostream>
#include <nlohmann/json.hpp>

#include "app/commands.hpp"
#include "app/errors.hpp"
#include "app/json_schema.hpp"
#include "app/json_text.hpp"
#include "app/scenario_writer.hpp"

namespace wbsim {

int cmd_validate(const Arguments& arguments) {
  CommandLine line("validate SCENARIO... [options]", "SCENARIO", -1);
  line.add_kernel_options();
  line.add_override_options();
  line.options()("resolved", "print the scenario with every default")(
      "schema", "print the JSON schema of scenario files (draft-07)");
  if (!line.parse(arguments, "\nExit codes: 0 every file is valid, 2 usage, 3 invalid\n"))
    return kExitOk;
  if (line.has("schema")) {
    if (!line.positional().empty())
      throw UsageError("--schema takes no scenario: the schema is that of all");
    std::cout << json_text(scenario_json_schema());
    return kExitOk;
  }
  if (line.positional().empty())
    throw UsageError("validate: which scenario?");
  if (line.has("resolved") && line.positional().size() > 1)
    throw UsageError("--resolved takes one scenario");
  if (line.kernels().size() > 1)
    throw UsageError("validate takes one kernel");

  Overrides overrides = line.overrides();
  if (!line.kernels().empty())
    overrides.kernel = line.kernels().front();
  int exit_code = kExitOk;
  for (const std::string& path : line.positional()) {
    try {
      const LoadedScenario loaded = load_scenario(path, read_scenario_text(path), overrides);
      std::cerr << loaded.warnings;
      std::cout << (line.has("resolved") ? json_text(resolved_json(loaded.file)) : path + ": ok\n");
    } catch (const InvalidScenario& e) {
      std::cerr << e.what() << e.summary << "\n";
      exit_code = kExitInvalidScenario;
    }
  }
  return exit_code;
}

}  // namespace wbsim
