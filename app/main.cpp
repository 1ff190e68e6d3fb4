// wbsim: the first argument picks the subcommand; every way to end early becomes an exit code.
#include <cerrno>
#include <cstring>
#include <iostream>

#include "app/commands.hpp"
#include "app/errors.hpp"
#include "app/problems.hpp"
#include "app/stop.hpp"
#include "app/version.hpp"
#include "models/machine.hpp"
#include "sim/assert.hpp"

namespace wbsim {
namespace {

constexpr const char* kUsage =
    "usage: wbsim COMMAND [options]\n"
    "\n"
    "  run SCENARIO        simulate a scenario file\n"
    "  compare SCENARIO    simulate it under several kernels, side by side\n"
    "  validate SCENARIO   check scenario files; print them resolved, or their schema\n"
    "  import FORMAT FILE  make a scenario of a fio job file, of a fio log, or of\n"
    "                      what blkparse or strace printed\n"
    "  report DIR          make a page of what run or compare wrote\n"
    "  why DIR             what the calls of a run waited for, and behind whom\n"
    "  list SUBJECT        kernels, flushers, throttles, devices, schedulers,\n"
    "                      workloads or scenarios\n"
    "  explain [KEY]       what a key of a scenario file means\n"
    "\n"
    "wbsim COMMAND --help says more; wbsim --version prints the version.\n";

struct Command {
  const char* name;
  int (*run)(const Arguments&);
};

constexpr Command kCommands[] = {{"run", cmd_run},           {"compare", cmd_compare},
                                 {"validate", cmd_validate}, {"import", cmd_import},
                                 {"report", cmd_report},     {"why", cmd_why},
                                 {"list", cmd_list},         {"explain", cmd_explain}};

int dispatch(const Arguments& arguments) {
  if (arguments.empty()) {
    std::cerr << kUsage;
    return kExitUsage;
  }
  const std::string& name = arguments.front();
  if (name == "--help" || name == "-h" || name == "help") {
    std::cout << kUsage;
    return kExitOk;
  }
  if (name == "--version") {
    std::cout << "wbsim " << program_version() << "\n";
    return kExitOk;
  }
  std::vector<std::string> names;
  for (const Command& command : kCommands) {
    if (name == command.name)
      return command.run({arguments.begin() + 1, arguments.end()});
    names.emplace_back(command.name);
  }
  throw UsageError("no command " + shown(name) + "\n    " + name_hint(name, names));
}

int interrupted() {
  std::cerr << "wbsim: interrupted; nothing was kept\n";
  const int signal = stop_signal();
  return signal == 0 ? kExitInterrupted : 128 + signal;
}

// Standard output was a pipe that nobody reads any more, as after `| head`: no news to anybody.
struct ReaderGone {};

void flush_output() {
  std::cout.flush();
  if (std::cout)
    return;
  if (errno == EPIPE)
    throw ReaderGone{};
  throw OutputError(std::string("cannot write standard output: ") + std::strerror(errno));
}

int run_program(const Arguments& arguments) {
  try {
    const int code = dispatch(arguments);
    flush_output();
    return code;
  } catch (const UsageError& e) {
    std::cerr << "wbsim: " << e.what() << "\n";
    return kExitUsage;
  } catch (const InvalidScenario& e) {
    std::cerr << e.what() << e.summary << "; nothing was run\n";
    return kExitInvalidScenario;
  } catch (const SimulationBroken& e) {
    std::cerr << "wbsim: " << e.what() << "\n";
    return kExitSimulationBroken;
  } catch (const InvariantBroken& e) {
    std::cerr << "wbsim: broken invariant: " << e.what() << "\n";
    return kExitSimulationBroken;
  } catch (const ReaderGone&) {
    return kExitCannotWrite;
  } catch (const OutputError& e) {
    std::cerr << "wbsim: " << e.what() << "\n";
    return kExitCannotWrite;
  } catch (const Interrupted&) {
    return interrupted();
  } catch (const std::bad_alloc&) {
    std::cerr << "wbsim: out of memory\n";
    return kExitSimulationBroken;
  } catch (const std::exception& e) {
    std::cerr << "wbsim: this should not happen: " << e.what() << "\n";
    return kExitSimulationBroken;
  }
}

}  // namespace
}  // namespace wbsim

int main(int argc, char** argv) {
  wbsim::ignore_broken_pipes();
  return wbsim::run_program({argv + 1, argv + argc});
}
